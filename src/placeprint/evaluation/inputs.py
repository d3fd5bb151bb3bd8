"""The inputs of an evaluation: the gallery that is searched, and the queries."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from placeprint.arrays import Rows
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.learned import arrays_of
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.evaluation.ground_truth import GroundTruth
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.indexing.folder import calibrated_alone, embed_gallery
from placeprint.options import BuildOptions, Imported
from placeprint.presets import find_preset
from placeprint.progress import Progress
from placeprint.recognition.copies import Copies, rows_of_themselves
from placeprint.recognition.dataset_embeddings import embed_split, imported_queries, opened_cache
from placeprint.recognition.gallery_model import embedder_for, model_for
from placeprint.recognition.queries import Queries
from placeprint.records import FailedImage, SetAside

_NONE = np.empty(0, np.int64)
_AS_IT_IS, _NOTHING = BuildOptions(), Imported()


@dataclass(frozen=True, slots=True)
class Inputs:
    """A gallery and the queries to search in it."""

    gallery: Gallery
    queries: Queries  # Their `own_rows` are None when queries and gallery are different images.
    name: str = ""  # Of the dataset, for people.
    unusable: tuple[FailedImage, ...] = ()  # Images that take no part.
    seconds: float = 0.0  # Wall time of reading and embedding.

    def judged(self, truth: GroundTruth) -> Inputs:
        """Keep the queries that `truth` can judge; the others are listed in `set_aside`."""
        asked = self.queries.records
        keep = np.array([truth.judges(query) for query in asked], np.bool_)
        if keep.all():
            return self
        aside = SetAside(truth.unjudged, tuple(asked[row].path for row in np.flatnonzero(~keep).tolist()))
        kept = self.queries.only(np.flatnonzero(keep))
        return replace(self, queries=replace(kept, set_aside=(*kept.set_aside, aside)))

    def left_out(self, truth: GroundTruth) -> tuple[Rows, ...] | None:
        """Return for each query the gallery rows of the same image; None when there can be none."""
        if self.queries.own_rows is None:
            return None
        copies = Copies(self.gallery.records, self.gallery.vectors)
        asked = zip(self.queries.records, self.queries.own_rows, strict=True)
        return tuple(copies.of(row, truth.positives(query)) if row >= 0 else _NONE for query, row in asked)


def gather(
    dataset: Path | str | Manifest | None,
    gallery: AnyGallery | Path | str | None = None,
    *,
    options: BuildOptions = _AS_IT_IS,
    imported: Imported = _NOTHING,
    progress: Progress | None = None,
) -> Inputs:
    """Read or embed whatever `placeprint.evaluate` was given; the parameters are as there.

    Every image of the gallery is ranked: one that a server keeps is downloaded.
    """
    opened = None if gallery is None else open_gallery(gallery)
    if opened is not None and options.preset is not None:
        opened = opened.asked_as(find_preset(options.preset))
    if opened is not None:
        opened.require_undamaged()  # numbers from damaged vectors would look like numbers
    if imported.given:
        if opened is None or imported.embeddings is None or imported.records is None:
            raise UsageError("query embeddings need three things: --gallery, --embeddings and --records")
        searched = opened.download()
        return Inputs(searched, imported_queries(searched, imported), name=str(imported.records))
    if dataset is None:
        if opened is None:
            raise UsageError("give a dataset, or a gallery with --gallery")
        return _leave_one_out(opened.download())
    began = time.perf_counter()
    manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
    with opened_cache(options.cache) as cache:
        if opened is None:
            searched, embedder = _gallery_of(manifest, options, cache, progress)
        else:
            embedder = embedder_for(opened, model=options.model, runner=options.runner, workers=options.workers)
            searched = opened.download()
        if opened is None and not manifest.has_queries:
            inputs = _leave_one_out(searched)
        else:
            inputs = _asked(manifest, searched, embedder, cache, progress)
    return replace(
        inputs,
        name=manifest.name or str(manifest.root),
        unusable=tuple(dict.fromkeys((*manifest.failures, *searched.failures, *inputs.unusable))),
        seconds=time.perf_counter() - began,
    )


def _leave_one_out(gallery: Gallery) -> Inputs:
    """Query each image of a gallery against the others."""
    queries = Queries(tuple(gallery.records), np.asarray(gallery.vectors), gallery.parts, range(len(gallery)))
    return Inputs(gallery, queries, name="gallery" if gallery.where == "None" else gallery.where)


def _gallery_of(
    manifest: Manifest, options: BuildOptions, cache: EmbeddingCache | None, progress: Progress | None
) -> tuple[Gallery, AnyEmbedder]:
    preset = options.found_preset()
    model = options.model or DEFAULT_MODEL
    embedder = model_for(model, preset=preset, runner=options.runner, workers=options.workers)
    embedder, done = embed_gallery(manifest, embedder, preset, cache=cache, progress=progress)
    made = Gallery.in_memory(
        done.records,
        done.vectors,
        spec=embedder.spec,
        index=options.index,
        root=str(manifest.root.resolve()),
        failures=done.failures,
        preset=preset,
        parts=done.parts,
        learned=arrays_of(embedder),
    )
    return calibrated_alone(made, progress=progress)[0], embedder


def _asked(
    manifest: Manifest,
    searched: Gallery,
    embedder: AnyEmbedder,
    cache: EmbeddingCache | None,
    progress: Progress | None,
) -> Inputs:
    """Embed the query split; without one, query every image and leave its own gallery row out."""
    done = embed_split(manifest, manifest.asked(), embedder=embedder, cache=cache, progress=progress)
    rows = None
    if not manifest.has_queries:
        rows = rows_of_themselves(searched.records, searched.vectors, done.records, done.vectors)
    return Inputs(searched, Queries(done.records, done.vectors, done.parts, rows), unusable=done.failures)
