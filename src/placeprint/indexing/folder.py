"""Indexes images: embeds them and writes them to a gallery."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TypeVar, Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.learned import arrays_of, learn
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.embedding.pipeline import Embedded, Reader
from placeprint.errors import CalibrationError
from placeprint.gallery.address import is_address
from placeprint.gallery.calibration import FALSE_ACCEPT_RATE
from placeprint.gallery.changes import Change
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import refuse_loss, refuse_strangers
from placeprint.indexing.moved_dataset import wanted_of
from placeprint.indexing.result import IndexResult
from placeprint.indexing.server import store_images
from placeprint.indexing.sources import Source, open_source
from placeprint.options import BuildOptions, EmbedOptions, EmbedWords
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.gallery_model import embedder_for, model_for
from placeprint.recognition.location.evidence import with_positions_learned, with_positions_renewed
from placeprint.recognition.voting import label
from placeprint.terminal import counted

SomeGallery = TypeVar("SomeGallery", bound=AnyGallery)

CALIBRATED_ALONE = 100_000
"""Images of a gallery on a server up to which it is calibrated by itself: that takes a copy of it."""


def index_source(
    source: Source, out: Path | str, options: BuildOptions, *, replace: bool, progress: Progress | None
) -> IndexResult:
    """Make a gallery of a dataset's gallery images; see `placeprint.index`."""
    preset = options.found_preset()
    if not is_address(out):  # before an hour of embedding
        refuse_strangers(Path(out))
    model = options.model or DEFAULT_MODEL
    embedder = model_for(model, preset=preset, runner=options.runner, workers=options.workers)
    if is_address(out):
        return _on_server(out, source, embedder, options, replace=replace, progress=progress)
    if not replace:
        refuse_loss(Path(out), lambda: wanted_of(source, embedder.spec, progress))
    with opened_cache(options.cache) as cache:
        embedder, done = embed_gallery(
            source.manifest, embedder, preset, cache=cache, progress=progress, read=source.read
        )
        failures = (*source.manifest.failures, *done.failures)
        gallery = Gallery.build(
            out,
            records=done.records,
            vectors=done.vectors,
            spec=embedder.spec,
            index=options.index,
            root=source.root,
            failures=failures,
            preset=preset,
            parts=done.parts,
            learned=arrays_of(embedder),
            model_file=embedder.file,
            replace=replace,
            progress=progress,
        )
        gallery, why = calibrated_alone(gallery, progress=progress)
        gallery = with_positions_learned(gallery, progress=progress)
    change = Change(added=len(gallery))
    return IndexResult(gallery, change, failures, done.computed, done.cached, done.seconds, done.shares, why)


def embed_gallery(
    manifest: Manifest,
    embedder: AnyEmbedder,
    preset: Preset,
    *,
    cache: EmbeddingCache | None,
    progress: Progress | None,
    read: Reader | None = None,
) -> tuple[AnyEmbedder, Embedded]:
    """Embed a dataset's gallery images, and let the model learn from them where the preset asks for it.

    Returns the model with what it learned, and the embeddings finished with it.
    """
    done = embed_split(manifest, manifest.gallery(), embedder=embedder, cache=cache, progress=progress, read=read)
    made = learn(embedder, preset.whiten, done.vectors, [label(record) for record in done.records])
    if made is embedder:
        return embedder, done
    return made, dataclasses.replace(done, vectors=made.finish(done.vectors))


def _on_server(
    address: Path | str,
    source: Source,
    embedder: AnyEmbedder,
    options: BuildOptions,
    *,
    replace: bool,
    progress: Progress | None,
) -> IndexResult:
    """Write to a server block by block; a preset that whitens embeds all images first."""
    preset, embedded = options.found_preset(), None
    if preset.whiten:
        with opened_cache(options.cache) as cache:
            embedder, embedded = embed_gallery(
                source.manifest, embedder, preset, cache=cache, progress=progress, read=source.read
            )
    stored = store_images(address, source, embedder, options, embedded=embedded, replace=replace, progress=progress)
    return calibrated(stored, options, progress)


def calibrated(stored: IndexResult, options: EmbedOptions, progress: Progress | None) -> IndexResult:
    """Calibrate a gallery on a server, unless that needs a large download or would replace a person's calibration."""
    gallery, before = stored.gallery, stored.gallery.calibration
    if len(gallery) <= CALIBRATED_ALONE and (before is None or before.automatic):
        with opened_cache(options.cache):
            gallery, why = calibrated_alone(gallery, progress=progress)
            gallery = with_positions_renewed(gallery, progress=progress)
        return dataclasses.replace(stored, gallery=gallery, not_calibrated=why)
    if before is not None:
        return stored
    why = f"it has {counted(len(gallery), 'image')}, and a gallery on a server is copied to be calibrated"
    return dataclasses.replace(stored, not_calibrated=why)


def add(
    gallery: AnyGallery | Path | str,
    dataset: Path | str | Manifest | Source,
    *,
    progress: Progress | None = None,
    **options: Unpack[EmbedWords],
) -> IndexResult:
    """Embed the gallery images of another dataset and add them; adding twice changes nothing.

    Parameters
    ----------
    gallery : Gallery, Path or str
    dataset : Path, str, Manifest or Source
        As in `index`.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``, as in `placeprint.options.EmbedOptions`.

    Raises
    ------
    DatasetError
        When no image could be used.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.add("town.gallery", "town").change.added
    0
    """
    embed, opened, source = EmbedOptions(**options), open_gallery(gallery), open_source(dataset)
    manifest = source.manifest
    embedder = embedder_for(opened, model=embed.model, runner=embed.runner, workers=embed.workers)
    with opened_cache(embed.cache) as cache:
        done = embed_split(
            manifest, manifest.gallery(), embedder=embedder, cache=cache, progress=progress, read=source.read
        )
        changed, change = opened.add(
            done.records, done.vectors, spec=embedder.spec, root=source.root, parts=done.parts, model_file=embedder.file
        )
        before, why = opened.calibration, ""
        renewed = not change.nothing or (before is not None and not before.compares_as_now)
        if renewed and (before is None or before.automatic):
            rate = before.false_accept_rate if before else FALSE_ACCEPT_RATE
            changed, why = calibrated_alone(changed, rate=rate, progress=progress)
        if not change.nothing and (changed.path is not None or len(changed) <= CALIBRATED_ALONE):
            changed = with_positions_renewed(changed, progress=progress)
    failures = (*manifest.failures, *done.failures)
    return IndexResult(changed, change, failures, done.computed, done.cached, done.seconds, done.shares, why)


def calibrated_alone(
    gallery: SomeGallery, *, rate: float = FALSE_ACCEPT_RATE, progress: Progress | None = None
) -> tuple[SomeGallery, str]:
    """Calibrate a gallery from its own images, and where they are too few from what the package ships.

    Where nothing could be learned the gallery is returned as it is, and why.
    """
    try:
        learned = learn_calibration(gallery.download(), false_accept_rate=rate, automatic=True, progress=progress)
    except CalibrationError as error:
        return gallery, str(error)
    return gallery.with_calibration(learned), ""
