"""Learns once what a gallery's own images tell of positions, and keeps it in the gallery."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

import numpy as np

from placeprint.dataset.distances import metres_between
from placeprint.errors import GalleryError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.protocol import AnyGallery
from placeprint.progress import Progress
from placeprint.recognition.location.held_out import ask, questions_of, sampled
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.spots.estimate import SPOT
from placeprint.recognition.spots.limits import LEAST
from placeprint.terminal import tell

SomeGallery = TypeVar("SomeGallery", bound=AnyGallery)


def with_positions_learned(gallery: SomeGallery, *, progress: Progress | None = None) -> SomeGallery:
    """Return the gallery with what its images tell of positions, kept in it; as it is where none has one."""
    whole = gallery.download()
    if not _has_positions(whole):
        return gallery
    return gallery.with_positions(_learned(whole, Recognizer(whole), progress, always=False))


def with_positions_renewed(gallery: SomeGallery, *, progress: Progress | None = None) -> SomeGallery:
    """Return the gallery as `with_positions_learned`, with what it keeps where that is not worn."""
    kept = gallery.position_evidence
    return gallery if kept is not None and not kept.worn else with_positions_learned(gallery, progress=progress)


def evidence_of(
    gallery: AnyGallery, recognizer: Recognizer, *, always: bool = False, progress: Progress | None = None
) -> PositionEvidence:
    """Return what the gallery keeps; what it does not keep, or is worn, is learned now and kept.

    `gallery`: Where it is kept.
    `recognizer`: Of all its images.
    `always`: Ask its images even where they are too few to tell a radius alone.
    """
    kept = gallery.position_evidence
    if kept is not None and not kept.worn and (kept.asked or not always):
        return kept
    found = _learned(gallery.download(), recognizer, progress, always=always)
    try:
        gallery.with_positions(found)
    except (GalleryError, OSError) as error:  # somebody else's, read-only, or in use: only the next run is slower
        tell(f"what was learned of positions is not kept in the gallery: {error}")
    return found


def _learned(whole: Gallery, recognizer: Recognizer, progress: Progress | None, *, always: bool) -> PositionEvidence:
    if not always and not _enough(whole):
        return PositionEvidence(images=len(whole))
    asked = ask(recognizer, whole, questions_of(whole), distrusted=(), progress=progress)
    wrong = sorted(asked.distrusted)
    return PositionEvidence(
        known=asked.known_kept,
        unknown=asked.unknown_kept,
        distrusted=tuple((int(whole.root_of[row]), whole.records[row].path) for row in wrong),
        asked=len(asked.rows),
        images=len(whole),
    )


def _has_positions(gallery: Gallery) -> bool:
    return bool(np.isfinite(gallery.records.columns.positions[:, 0]).any())


def _enough(gallery: Gallery) -> bool:
    """Return whether enough of the images that would be asked have another at their spot."""
    positions = gallery.records.columns.positions
    rows = sampled(np.flatnonzero(np.isfinite(positions[:, 0])), gallery, 0)
    with_company = (row for row in rows if (metres_between(positions, positions[row]) <= SPOT).sum() > 1)
    return len(list(islice(with_company, LEAST))) == LEAST
