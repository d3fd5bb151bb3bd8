"""The model of a gallery, and what decides in it.

Apart from `indexing` and `calibration`, so that a question imports nothing that only building needs.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from placeprint.embedding.embedder import AnyEmbedder, load_embedder
from placeprint.embedding.learned import with_learned
from placeprint.embedding.model_folder import find_exported, is_source
from placeprint.embedding.models import ModelFile
from placeprint.errors import GalleryMismatchError, GalleryNotFoundError, ModelError, UsageError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.head import HEAD
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import DecisionOptions
from placeprint.presets import Preset
from placeprint.recognition.decision.rules import Limits, Probability, why_undecided
from placeprint.recognition.model_lookup import find_gallery_model
from placeprint.records import ModelSpec


def model_for(
    model: str, *, preset: str | Preset | ModelSpec, runner: str = "openvino", workers: int | None = None
) -> AnyEmbedder:
    """Load a model as `placeprint.load_embedder` does, exporting it first where it names a source.

    Every verb comes through here, so ``torchvision:resnet50`` means the same to all of them. The export is made once
    and kept in the folder of models; only then PyTorch is imported.

    Raises `UsageError`, `ModelError` or `MissingExtraError` as `placeprint.export` does.
    """
    if is_source(model) and find_exported(model) is None:
        from placeprint.embedding.export.candidate import ModelSource
        from placeprint.embedding.export.conversion import export_source

        model = export_source(ModelSource(model)).spec.name
    return load_embedder(model, preset=preset, runner=runner, threads=workers)


def embedder_for(
    gallery: AnyGallery, *, model: str | None = None, runner: str = "openvino", workers: int | None = None
) -> AnyEmbedder:
    """Load the model that a gallery was built with.

    `model`: Name or path; without it, where the gallery says that its model is: see
    `placeprint.recognition.model_lookup`.
    `workers`: Images in flight; as many as there are cores by default.
    Raises `GalleryMismatchError` when the model is not the gallery's; `ModelError` when the gallery's embeddings were
    imported, or its model cannot be found; `UsageError` for a model that is not known.
    """
    if gallery.spec.imported:
        raise ModelError(
            f"the embeddings of this gallery were imported from model {gallery.spec}: a photo cannot be embedded. "
            "Give query embeddings: placeprint evaluate -g GALLERY --embeddings FILE --records FILE"
        )
    found: str | ModelFile | None = None
    if model is not None:
        base = model_for(model, preset=gallery.spec, runner=runner, workers=workers)
    else:
        found = find_gallery_model(gallery)
        base = load_embedder(found, preset=gallery.spec, runner=runner, threads=workers)
    embedder = with_learned(base, gallery.learned)
    try:
        gallery.require(embedder.spec)
    except GalleryMismatchError as error:
        if not isinstance(found, ModelFile):
            raise
        described = found.path.with_suffix(".json")
        raise GalleryMismatchError(f'{error}; "{described}" describes its file as another model') from error
    return embedder


def probability_of(calibration: Calibration) -> Probability:
    """Return the probability that a calibration describes."""
    c = calibration
    return Probability(c.coefficients, c.low, c.high, c.usual_agreement)


def limits_of(gallery: AnyGallery, asked: DecisionOptions) -> Limits:
    """Return what decides in a gallery: what was asked for, else its calibration, else nothing.

    Of a calibrated gallery a threshold is a probability, of any other it is a score.

    Raises `UsageError` when a calibration is needed and there is none, when it keeps no such rate, and for a threshold
    that is no probability where it must be one.
    """
    learned, rate = gallery.calibration, asked.false_accept_rate
    if learned is None:
        undecided = why_undecided(gallery.calibrated_for, gallery.preset.name)
        if rate is not None:
            raise UsageError(f"--false-accept-rate takes a gallery that is calibrated: {_why_not(gallery)}")
        return Limits(threshold=asked.threshold, margin_threshold=asked.margin_threshold, undecided=undecided)
    if asked.threshold is not None:
        if not 0 <= asked.threshold <= 1:
            raise UsageError(
                "--unknown-threshold is a probability from 0 to 1 here, because the gallery is calibrated, and not "
                f"{asked.threshold:g}"
            )
        return Limits(probability=asked.threshold, margin_threshold=asked.margin_threshold)
    if rate is None and asked.margin_threshold is not None:
        return Limits(margin_threshold=asked.margin_threshold)
    wanted = learned.false_accept_rate if rate is None else rate
    threshold, kept = learned.at(wanted, gallery.where)
    return Limits(
        margin_threshold=asked.margin_threshold,
        probability=threshold,
        rate=kept,
        instead_of=None if kept == wanted else wanted,
        stale=learned.stale,
        guessed=learned.guessed,
    )


def _why_not(gallery: AnyGallery) -> str:
    """Return why a gallery is asked without a calibration, and what to do about it."""
    if own := gallery.calibrated_for:
        return f"this one is calibrated for preset {own} and is asked by {gallery.preset.name}: ask it by its own"
    where = "GALLERY" if gallery.where == "None" else gallery.where
    return f"this one is not; calibrate it with: {shlex.join(['placeprint', 'calibrate', where])}"


def open_for(gallery: AnyGallery | Path | str, images: Sequence[object]) -> AnyGallery:
    """Open a gallery, with a helpful error when gallery and image were swapped."""
    try:
        return open_gallery(gallery)
    except GalleryNotFoundError as error:
        for image in images:
            if isinstance(image, str | Path) and (Path(image) / HEAD).is_file():
                raise UsageError(f'"{image}" is the gallery, which comes first: give "{gallery}" after it') from error
        raise
