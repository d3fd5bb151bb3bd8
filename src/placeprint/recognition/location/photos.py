"""The photos that are to be located or checked, as they lie, and those of them whose position is known."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from placeprint.dataset.manifest import SUFFIXES, Manifest
from placeprint.dataset.metadata.described import described
from placeprint.dataset.metadata.gpx import Track
from placeprint.dataset.query_paths import query_paths
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.pipeline import Embedded
from placeprint.errors import UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import EmbedOptions
from placeprint.recognition.copies import rows_of_themselves
from placeprint.recognition.gallery_model import embedder_for
from placeprint.recognition.location.held_out import Question
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import FailedImage, ImageRecord
from placeprint.storage.ragged import parts_at


def read_photos(photos: Manifest | Path | str | Iterable[Path | str], track: Track | None = None) -> Manifest:
    """Read photos as they lie, whatever their folders are called, or a table of them, with their metadata.

    Raises `UsageError` or `DatasetError`.
    """
    if isinstance(photos, Manifest):
        return photos
    paths = [Path(photos)] if isinstance(photos, str | Path) else [Path(path) for path in photos]
    if len(paths) == 1 and paths[0].suffix.lower() in SUFFIXES and paths[0].is_file():
        return read_dataset(paths[0], track=track)
    files, failures = list[Path](), list[FailedImage]()
    for found in query_paths(paths):
        (failures if isinstance(found, FailedImage) else files).append(found)  # type: ignore[arg-type]
    if not files and not failures:
        raise UsageError("there is no photo to locate")
    root = Path(os.path.commonpath([path.parent.absolute() for path in files] or [Path().absolute()]))
    names = dict.fromkeys(Path(os.path.relpath(path.absolute(), root)).as_posix() for path in files)
    records, faults = described([ImageRecord(path=name) for name in names], root, track)
    return Manifest(root, records, tuple(failures), "photos", name=str(root), position_faults=faults)


def photo_questions(known: Embedded, gallery: Gallery) -> list[Question]:
    """Return photos with a position as questions; one that is in the gallery itself is left out there."""
    rows = rows_of_themselves(gallery.records, gallery.vectors, known.records, known.vectors)
    return [
        Question(
            np.asarray(known.vectors[n]), parts_at(known.parts, n), record.degrees, -1 if rows is None else rows[n]
        )
        for n, record in enumerate(known.records)
        if record.degrees is not None
    ]


def opened_with_positions(
    gallery: AnyGallery | Path | str, embed: EmbedOptions
) -> tuple[AnyGallery, Gallery, Recognizer]:
    """Open a gallery of images with positions: as it is kept, all of it here, and what asks it.

    Raises `UsageError` when it has no positions; `GalleryError` or `ModelError`.
    """
    opened = open_gallery(gallery)
    whole = opened.download()
    if not np.isfinite(whole.records.columns.positions[:, 0]).any():
        raise UsageError(f'the gallery "{opened.where}" has no positions: index photos that have them')
    embedder = embedder_for(opened, model=embed.model, runner=embed.runner, workers=embed.workers)
    return opened, whole, Recognizer(whole, embedder)
