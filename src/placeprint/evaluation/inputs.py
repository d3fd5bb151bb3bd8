"""The two inputs of a run: what is searched, and what is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.learned import arrays_of
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.evaluation.ground_truth import GroundTruth, Rows
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.indexing.folder import calibrated_alone, learned_from
from placeprint.presets import DEFAULT_PRESET, Preset, find_preset
from placeprint.progress import Progress
from placeprint.recognition.copies import Copies, rows_of_themselves
from placeprint.recognition.dataset_embeddings import embed_split, imported_queries, opened_cache
from placeprint.recognition.gallery_model import embedder_for, model_for
from placeprint.records import FailedImage, ImageRecord, SetAside
from placeprint.storage.ragged import Ragged

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A gallery and the queries that are put to it.

    Attributes
    ----------
    name : str
        Of the dataset, for people.
    gallery : Gallery
    queries : tuple of ImageRecord
    vectors : ndarray of float32, shape (len(queries), dim)
    own_rows : tuple of int or None
        The gallery row that each query itself is (-1 for none): left out of its ranking. None when
        queries and gallery are different images.
    unusable : tuple of FailedImage
        Images that take no part.
    seconds : float
        Wall time of reading and embedding.
    parts : mapping of str to Ragged
        What is kept of each query besides its vector.
    set_aside : tuple of SetAside
        What could have been asked and is not, and why.
    """

    name: str
    gallery: Gallery
    queries: tuple[ImageRecord, ...]
    vectors: NDArray[np.float32]
    own_rows: tuple[int, ...] | None = None
    unusable: tuple[FailedImage, ...] = ()
    seconds: float = 0.0
    parts: Mapping[str, Ragged] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()

    def judged(self, truth: GroundTruth) -> Inputs:
        """Return it with the queries that `truth` can judge: the others take no part, and are told."""
        keep = np.array([truth.judges(query) for query in self.queries], np.bool_)
        if keep.all():
            return self
        rows = np.flatnonzero(keep)
        aside = SetAside(truth.unjudged, tuple(self.queries[row].path for row in np.flatnonzero(~keep)))
        return replace(
            self,
            queries=tuple(self.queries[row] for row in rows),
            vectors=self.vectors[rows],
            own_rows=None if self.own_rows is None else tuple(self.own_rows[row] for row in rows),
            parts={name: kept.kept(rows) for name, kept in self.parts.items()},
            set_aside=(*self.set_aside, aside),
        )

    def left_out(self, truth: GroundTruth) -> tuple[Rows, ...] | None:
        """Return for each query the gallery rows that are its own photograph; None when there can be none."""
        if self.own_rows is None:
            return None
        copies = Copies(self.gallery.records, self.gallery.vectors)
        asked = zip(self.queries, self.own_rows, strict=True)
        return tuple(copies.of(row, truth.positives(query)) if row >= 0 else _NONE for query, row in asked)


def gather(
    dataset: Path | str | Manifest | None,
    *,
    gallery: AnyGallery | Path | str | None,
    embeddings: Path | str | None,
    records: Path | str | None,
    model: str | None,
    index: str,
    runner: str,
    cache: bool,
    progress: Progress | None,
    preset: str | Preset | None = None,
) -> Inputs:
    """Read or embed whatever `placeprint.evaluate` was given; the parameters are its own.

    Every image of the gallery is ranked: one that a server keeps is downloaded.
    """
    opened = None if gallery is None else open_gallery(gallery)
    if opened is not None and preset is not None:
        opened = opened.asked_as(find_preset(preset))
    if opened is not None:
        opened.require_undamaged()  # numbers from damaged vectors would look like numbers
    if embeddings is not None or records is not None:
        return _imported(None if opened is None else opened.download(), embeddings, records)
    if dataset is None:
        return _left_out(None if opened is None else opened.download())
    began = time.perf_counter()
    manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
    chosen = find_preset(preset or DEFAULT_PRESET)
    if opened is not None:
        embedder = embedder_for(opened, model=model, runner=runner)
    else:
        embedder = model_for(model or DEFAULT_MODEL, preset=chosen, runner=runner)
    with opened_cache(cache) as store:
        if opened is None:
            searched, embedder = _gallery_of(manifest, index, chosen, embedder, store, progress)
        else:
            searched = opened.download()
        inputs = _asked(manifest, searched, embedder, store, progress, own=opened is None)
    name = manifest.name or str(manifest.root)
    unusable = tuple(dict.fromkeys((*manifest.failures, *searched.failures, *inputs.unusable)))
    seconds = time.perf_counter() - began
    return replace(inputs, name=name, unusable=unusable, seconds=seconds)


def _imported(gallery: Gallery | None, embeddings: Path | str | None, records: Path | str | None) -> Inputs:
    if gallery is None or embeddings is None or records is None:
        raise UsageError("query embeddings need three things: --gallery, --embeddings and --records")
    done = imported_queries(gallery, embeddings, records)
    return Inputs(str(records), gallery, done.records, done.vectors, done.own_rows, set_aside=done.set_aside)


def _left_out(gallery: Gallery | None) -> Inputs:
    """Ask each image of a gallery against the others."""
    if gallery is None:
        raise UsageError("give a dataset, or a gallery with --gallery")
    rows = tuple(range(len(gallery)))
    return Inputs(
        "gallery" if gallery.where == "None" else gallery.where,
        gallery,
        tuple(gallery.records),
        np.asarray(gallery.vectors),
        rows,
        parts=gallery.parts,
    )


def _gallery_of(
    manifest: Manifest,
    index: str,
    preset: Preset,
    embedder: AnyEmbedder,
    cache: EmbeddingCache | None,
    progress: Progress | None,
) -> tuple[Gallery, AnyEmbedder]:
    done = embed_split(manifest, manifest.gallery(), embedder=embedder, cache=cache, progress=progress)
    embedder, done = learned_from(embedder, preset.whiten, done)
    made = Gallery.in_memory(
        done.records,
        done.vectors,
        spec=embedder.spec,
        index=index,
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
    *,
    own: bool,
) -> Inputs:
    """Embed the query split; without one, ask every image and leave it out of the gallery in turn."""
    if not manifest.has_queries and own:
        return _left_out(searched)
    done = embed_split(manifest, manifest.asked(), embedder=embedder, cache=cache, progress=progress)
    rows = None
    if not manifest.has_queries:
        rows = rows_of_themselves(searched.records, searched.vectors, done.records, done.vectors)
    return Inputs("", searched, done.records, done.vectors, rows, done.failures, parts=done.parts)
