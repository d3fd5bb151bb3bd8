"""Photos into a gallery: where embeddings meet the gallery on the way in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.learned import arrays_of, learn, needs_learning
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.embedding.pipeline import Embedded
from placeprint.errors import CalibrationError
from placeprint.gallery.address import is_address
from placeprint.gallery.calibration import ENOUGH_KNOWN, FALSE_ACCEPT_RATE
from placeprint.gallery.changes import Change
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import refuse_loss, refuse_strangers
from placeprint.indexing.moved_dataset import wanted_of
from placeprint.indexing.server import Stored, store_photos
from placeprint.indexing.sources import Source, open_source
from placeprint.presets import DEFAULT_PRESET, Preset, find_preset
from placeprint.progress import Progress
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.gallery_model import embedder_for, model_for
from placeprint.recognition.voting import label
from placeprint.records import FailedImage, SetAside
from placeprint.terminal import counted

SomeGallery = TypeVar("SomeGallery", bound=AnyGallery)

CALIBRATED_ALONE = 100_000
"""Images of a gallery on a server up to which it is calibrated by itself: that takes a copy of it."""


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What `index` or `add` did.

    Attributes
    ----------
    gallery : Gallery, or one that a server keeps
        As it is now.
    change : Change
        Images added, replaced, left alone.
    failures : tuple of FailedImage
        Images that could not be used, each with its reason.
    computed, cached : int
        Images embedded now, and taken from the cache.
    seconds : float
        Wall time of embedding.
    shares : mapping of str to float
        Where that time went; see `placeprint.embedding.pipeline.Embedded`.
    not_calibrated : str
        Why the gallery was not calibrated by itself; empty where it was, or where nobody tried.
    set_aside : tuple of SetAside
        Rows of a table of embeddings that are left for `evaluate` to ask.
    notes : tuple of str
        What is doubtful about that table.
    """

    gallery: AnyGallery
    change: Change
    failures: tuple[FailedImage, ...]
    computed: int
    cached: int
    seconds: float
    shares: Mapping[str, float]
    not_calibrated: str = ""
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()


def learned_from(embedder: AnyEmbedder, whiten: str, done: Embedded) -> tuple[AnyEmbedder, Embedded]:
    """Let a model learn from the gallery's images, and finish their embeddings with what it learned."""
    made = learn(embedder, whiten, done.vectors, done.parts, [label(record) for record in done.records])
    if made is embedder:
        return embedder, done
    return made, dataclasses.replace(done, vectors=made.finish(done.vectors, done.parts))


def index(
    dataset: Path | str | Manifest | Source,
    out: Path | str,
    *,
    model: str = DEFAULT_MODEL,
    index: str = "auto",
    runner: str = "openvino",
    preset: str | Preset = DEFAULT_PRESET,
    cache: bool = True,
    workers: int | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> IndexResult:
    """Embed the gallery images of a dataset and write them to a gallery.

    Interrupted, it goes on where it was when it is called again: what was embedded is in the cache.

    Parameters
    ----------
    dataset : Path, str, Manifest or Source
        See `placeprint.indexing.sources.open_source`.
    out : Path or str
        The gallery's folder; a gallery that is there is replaced in one step at the end, where it loses nothing. Or an
        address, ``milvus://host:19530/name``: that gallery is changed image by image, until it holds these and no
        others.
    model, runner : str
    index : str
        ``auto``, ``exact`` or ``faiss``.
    preset : str or Preset
        ``fast``, ``balanced`` or ``best``; see `placeprint.presets.find_preset`.
    cache : bool
        False neither reads nor writes the user's cache.
    workers : int, optional
        Images in flight; as many as there are cores by default.
    replace : bool
        Whether a gallery that is there may lose something by it: images that the dataset lacks, the embeddings of
        another model, the calibration that a person made.

    Raises
    ------
    DatasetError
        When no image could be used.
    UsageError
        When something would be lost, or the folder holds something else than a gallery.
    """
    source, chosen = open_source(dataset), find_preset(preset)
    manifest = source.manifest
    if not is_address(out):  # before an hour of embedding
        refuse_strangers(Path(out))
    embedder = model_for(model, preset=chosen, runner=runner, workers=workers)
    if not (is_address(out) or replace):
        refuse_loss(Path(out), lambda: wanted_of(source, embedder.spec, progress))
    with opened_cache(cache) as opened:
        if is_address(out) and not needs_learning(embedder, chosen.whiten):
            stored = store_photos(
                out,
                source,
                embedder=embedder,
                preset=chosen,
                index=index,
                cache=opened,
                replace=replace,
                progress=progress,
            )
            return _calibrated(stored, progress)
        done = embed_split(
            manifest, manifest.gallery(), embedder=embedder, cache=opened, progress=progress, read=source.read
        )
    embedder, done = learned_from(embedder, chosen.whiten, done)
    if is_address(out):
        stored = store_photos(
            out, source, embedder=embedder, preset=chosen, index=index, embedded=done, replace=replace
        )
        return _calibrated(stored, progress)
    failures = (*manifest.failures, *done.failures)
    gallery = Gallery.build(
        out,
        records=done.records,
        vectors=done.vectors,
        spec=embedder.spec,
        index=index,
        root=source.root,
        failures=failures,
        preset=chosen,
        parts=done.parts,
        learned=arrays_of(embedder),
        model_file=embedder.file,
        replace=replace,
    )
    gallery, why = calibrated_alone(gallery, progress=progress)
    change = Change(added=len(gallery))
    return IndexResult(gallery, change, failures, done.computed, done.cached, done.seconds, done.shares, why)


def index_on_ray(
    source: Path | str | Source, out: Path | str, *, progress: Progress | None = None, **settings: Any
) -> IndexResult:
    """Embed the gallery images of a dataset on a Ray cluster and write them to a server.

    The parameters are those of `placeprint.indexing.ray.store.store_photos_on_ray`.
    """
    from placeprint.indexing.ray.store import store_photos_on_ray

    return _calibrated(store_photos_on_ray(source, out, progress=progress, **settings), progress)


def _calibrated(stored: Stored, progress: Progress | None) -> IndexResult:
    """Calibrate a gallery on a server, where that needs no long copy and no person's calibration is there."""
    gallery, before, why = stored.gallery, stored.gallery.calibration, ""
    if len(gallery) <= CALIBRATED_ALONE and (before is None or before.automatic):
        gallery, why = calibrated_alone(gallery, progress=progress)
    elif before is None:
        why = f"it has {counted(len(gallery), 'image')}, and a gallery on a server is copied to be calibrated"
    s = stored
    return IndexResult(gallery, s.change, s.failures, s.computed, s.cached, s.seconds, s.shares, why)


def add(
    gallery: AnyGallery | Path | str,
    dataset: Path | str | Manifest | Source,
    *,
    model: str | None = None,
    runner: str = "openvino",
    cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> IndexResult:
    """Embed the gallery images of another dataset and add them; adding twice changes nothing.

    Raises
    ------
    DatasetError
        When no image could be used.
    """
    gallery, source = open_gallery(gallery), open_source(dataset)
    manifest = source.manifest
    embedder = embedder_for(gallery, model=model, runner=runner, workers=workers)
    with opened_cache(cache) as opened:
        done = embed_split(
            manifest, manifest.gallery(), embedder=embedder, cache=opened, progress=progress, read=source.read
        )
    changed, change = gallery.add(
        done.records, done.vectors, spec=embedder.spec, root=source.root, parts=done.parts, model_file=embedder.file
    )
    before, why = gallery.calibration, ""
    if not change.nothing and (before is None or before.automatic):
        rate = before.false_accept_rate if before else FALSE_ACCEPT_RATE
        changed, why = calibrated_alone(changed, rate=rate, progress=progress)
    failures = (*manifest.failures, *done.failures)
    return IndexResult(changed, change, failures, done.computed, done.cached, done.seconds, done.shares, why)


def calibrated_alone(
    gallery: SomeGallery, *, rate: float = FALSE_ACCEPT_RATE, progress: Progress | None = None
) -> tuple[SomeGallery, str]:
    """Calibrate a gallery by itself when it has enough: two places, and `ENOUGH_KNOWN` images that have company.

    Returns
    -------
    Gallery
        As it is, where it has not.
    str
        Then why; else nothing.
    """
    try:
        learned = learn_calibration(gallery.download(), false_accept_rate=rate, automatic=True, progress=progress)
    except CalibrationError as error:
        return gallery, str(error)
    if learned.n_places < 2:
        return gallery, "it has one place only, so no photo of another tells where UNKNOWN begins"
    if learned.n_known < ENOUGH_KNOWN:
        have = f"{learned.n_known} of its images {'has' if learned.n_known == 1 else 'have'}"
        return gallery, f"{have} another image of the place, and {ENOUGH_KNOWN} are needed to tell how alike those are"
    return gallery.with_calibration(learned), ""
