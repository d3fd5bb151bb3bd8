"""Explains a match: which spots of two images correspond, and how far that is beyond chance."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Parts
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.rerank import cells as agreement
from placeprint.recognition.rerank import matches as matching
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.recognition.rerank.cells import Lines
from placeprint.recognition.second_look import seen, turned_back
from placeprint.recognition.voting import label
from placeprint.records import Answer, Match
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput

Heat = NDArray[np.float32]

MOST_LINES = 40
"""More cannot be told apart in a picture."""
BUCKETS = 6
"""Rows and columns of a query that take turns when lines are chosen."""
SAMPLE, FEWEST = 24, 3
"""Gallery images of other places that say how much agrees by chance: so many are asked, and so many are enough."""
BEYOND = 1.5
"""Times the usual: below it agreement explains nothing."""
MOSTLY = 0.7
"""Share of what agrees that must lie in a part of the image for the part to be named."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one gallery image stands beside a query."""

    match: Match
    lines: Lines  # At most `MOST_LINES` of the spots that lie alike, best first: the best of every part of the query.
    # alike, spots: How many spots of the query lie alike, and how many it has; 0 where nothing could be compared.
    alike: int
    spots: int
    times: float  # How much more agrees than with images of other places; NaN where there are too few of those.
    # heat, match_heat, (rows, columns): How alike each spot of the query, and of the gallery image, is to the one that
    # lies on it: 0 to 1, and 0 where none does. Shape (0, 0) where nothing could be compared.
    heat: Heat
    match_heat: Heat
    says: str  # One line for people.
    points: int = 0  # How many points match, where that is more than chance; else 0.

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, rounded; without the heat, which a picture shows."""
        return {
            "says": self.says,
            "alike": self.alike,
            "spots": self.spots,
            "points": self.points,
            "times": None if math.isnan(self.times) else round(self.times, 2),
            "ends": [[round(v, 4) for v in row] for row in self.lines.ends.tolist()],
            "weights": [round(v, 3) for v in self.lines.weights.tolist()],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer, and why.

    Attributes
    ----------
    answer : Answer
    reasons : tuple of Reason
        One for each of the answer's matches.
    missing : str
        Why no spots could be compared, and what to do about it; empty when they were.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.explain("town.gallery", "town-hall.jpg", k=1)
    >>> found.answer.place, len(found.reasons)
    ('town-hall', 1)
    """

    answer: Answer
    reasons: tuple[Reason, ...]
    missing: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the answer's dictionary with an ``explanation`` under each match."""
        row = self.answer.to_dict()
        for match, reason in zip(row["matches"], self.reasons, strict=True):
            match["explanation"] = reason.to_dict()
        return row | {"missing": self.missing or None}


def explain(gallery: Recognizer | AnyGallery | Path | str, photo: ImageInput, *, k: int = 5) -> Explanation:
    """Answer one image and explain each of its matches.

    Parameters
    ----------
    gallery : Recognizer, Gallery, Path or str
        A recognizer that is kept for many images; or an open gallery, a folder or an address.
    photo : path, str, bytes, binary file, PIL.Image.Image or ndarray
        As in `placeprint.Recognizer`.
    k : int
        How many matches are explained.

    Raises
    ------
    ImageError
        When the image cannot be read.
    UsageError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.explain("town.gallery", "town-hall.jpg", k=2)
    >>> [reason.match.path for reason in found.reasons][:1]
    ['gallery/town-hall/01.jpg']
    """
    recognizer = gallery if isinstance(gallery, Recognizer) else Recognizer(gallery)
    found = seen(recognizer, photo, k=k)
    parts, near = found.description.parts, found.near
    reasons = reasons_for(recognizer.part(near), parts, found.answer.matches, turned=found.turned)
    shown = found.answer if near is None else near.renumbered(found.answer)
    return Explanation(shown, reasons, what_is_missing(recognizer.gallery, parts))


def what_is_missing(gallery: AnyGallery, parts: Collection[str]) -> str:
    """Return why spots cannot be compared, and what to do about it; empty when they can.

    `parts`: What is kept of the query.
    """
    again = "placeprint index DATASET -o GALLERY --preset balanced"
    if "cells" in gallery.spec.parts:
        return "" if "cells" in parts else "the photo's cells were not kept: where it agrees cannot be shown"
    if gallery.spec.imported:
        return f"imported embeddings do not tell where photos agree: build a gallery from the photos with {again}"
    if not gallery.spec.cells_output:
        model = gallery.spec.name
        return f'model "{model}" does not tell where photos agree: use {again} --model {DEFAULT_MODEL}'
    return f"this gallery does not keep where photos agree: build it again with {again}"


def reasons_for(gallery: Gallery, parts: Parts, matches: Sequence[Match], *, turned: int = 0) -> tuple[Reason, ...]:
    """Say why each match stands beside a query.

    `parts`: Of the query, see `placeprint.Recognizer.describe`.
    `matches`: In this gallery.
    `turned`: Degrees with the clock by which the query was turned before its parts were taken; spots are told in the
    query as it came.
    """
    kept, ours = gallery.parts.get("cells"), parts.get("cells")
    if kept is None or ours is None:
        return tuple(_unseen(gallery, match) for match in matches)
    rows = np.unique(np.linspace(0, len(gallery) - 1, min(SAMPLE, len(gallery))).astype(np.int64)).tolist()
    with one_blas_thread():
        usual = agreement.votes(ours, (kept[row] for row in rows))
        found = [agreement.lines(ours, kept[match.row]) for match in matches]
    found = [_turned(lines, turned) for lines in found]
    shape = ours.shape if turned in (0, 180) else (ours.shape[1], ours.shape[0])
    reasons = (
        _reason(gallery, match, lines, (shape, kept[match.row].shape), _usual(gallery, match, rows, usual))
        for match, lines in zip(matches, found, strict=True)
    )
    return tuple(_with_matches(reason, gallery, parts, turned) for reason in reasons)


def _with_matches(reason: Reason, gallery: Gallery, parts: Parts, turned: int) -> Reason:
    """Show which points match, where more do than by chance: they decide, and lie on the very spot."""
    kept, ours = gallery.parts.get("xfeat"), parts.get("xfeat")
    if kept is None or ours is None:
        return reason
    row = reason.match.row
    aspects = [cells.shape[1] / cells.shape[0] for cells in (parts["cells"], gallery.parts["cells"][row])]
    lines = matching.lines(ours, kept[row], aspects=(aspects[0], aspects[1]))
    if float(lines.weights.sum()) <= matching.ONSET:
        return reason
    count = f"{counted(len(lines), 'point')} match{'es' if len(lines) == 1 else ''}"
    says = f"{count}; {reason.says}"
    if not reason.alike or reason.times < BEYOND:
        speaks = "speaks" if len(lines) == 1 else "speak"
        says = f"{count} and {speaks} for it, though {_by_chance(reason.alike, reason.spots)}"
    return replace(reason, lines=spread(_turned(lines, turned)), says=says, points=len(lines))


def _turned(lines: Lines, turned: int) -> Lines:
    return Lines(turned_back(lines.ends, turned), lines.weights)


def _usual(gallery: Gallery, match: Match, rows: Sequence[int], votes: NDArray[np.float64]) -> float:
    """Return the median vote of images of other places than the match's; NaN when there are too few."""
    own = set(match.places)
    other = [i for i, row in enumerate(rows) if not own & {*gallery.records[row].places, label(gallery.records[row])}]
    return max(float(np.median(votes[other])), 1.0) if len(other) >= FEWEST else math.nan


def _reason(
    gallery: Gallery, match: Match, lines: Lines, shapes: tuple[tuple[int, ...], tuple[int, ...]], usual: float
) -> Reason:
    times = float(lines.weights.sum()) / usual
    heat = _heat(lines.ends[:, :2], lines.weights, shapes[0])
    match_heat = _heat(lines.ends[:, 2:], lines.weights, shapes[1])
    says = _says(gallery, match, heat, len(lines), times)
    return Reason(match, spread(lines), len(lines), heat.size, times, heat, match_heat, says)


def _unseen(gallery: Gallery, match: Match) -> Reason:
    nothing, empty = Lines(np.empty((0, 4), np.float32), np.empty(0, np.float32)), np.empty((0, 0), np.float32)
    return Reason(match, nothing, 0, 0, math.nan, empty, empty, f"chosen by {_likeness(gallery, match)}")


def _says(gallery: Gallery, match: Match, heat: Heat, alike: int, times: float) -> str:
    if not alike:
        return f"nothing lies alike{_instead(gallery, match)}"
    count = f"{alike} of {heat.size} spots"
    if times < BEYOND:
        return f"{_by_chance(alike, heat.size)}{_instead(gallery, match)}"
    more = "" if math.isnan(times) else f", {times:.{0 if times >= 3 else 1}f} times the usual"
    return f"{count} lie alike{more}: {_where(heat)}"


def _by_chance(alike: int, spots: int) -> str:
    return f"no more lies alike than by chance ({alike} of {spots} spots)"


def _instead(gallery: Gallery, match: Match) -> str:
    """Say what else a match was chosen by; nothing of an image that was not found but named."""
    return "" if math.isnan(match.similarity) else f": chosen by {_likeness(gallery, match)}"


def _likeness(gallery: Gallery, match: Match) -> str:
    overall = f"overall likeness (cosine {match.similarity:.2f})"
    company = gallery.preset.place_weight and len(gallery.records.rows_showing(match.places)) > 1
    return f"{overall} and the place's other photos" if company else overall


def _where(heat: Heat) -> str:
    """Name the part of the image in which most of what agrees lies."""
    rows, columns, total = *heat.shape, float(heat.sum())
    parts = {
        "upper": heat[: rows // 2],
        "lower": heat[-(rows // 2) :],
        "left": heat[:, : columns // 2],
        "right": heat[:, -(columns // 2) :],
    }
    named = [name for name, part in parts.items() if part.sum() >= MOSTLY * total]
    if named:
        return f"mostly the {' '.join(named)}{' half' if len(named) == 1 else ''}"
    middle = heat[rows // 4 : -(rows // 4), columns // 4 : -(columns // 4)]
    return "mostly the middle" if middle.sum() >= MOSTLY * total else "all over the photo"


def spread(lines: Lines, most: int = MOST_LINES) -> Lines:
    """Choose lines for a picture: the best of each part of the query in turn, not forty of one window."""
    inside = np.minimum((lines.ends[:, :2] * BUCKETS).astype(np.int64), BUCKETS - 1)
    bucket = inside[:, 1] * BUCKETS + inside[:, 0]
    turn = np.zeros(len(lines), np.int64)
    for number in np.unique(bucket):
        members = np.flatnonzero(bucket == number)
        turn[members] = np.arange(len(members))
    chosen = np.sort(np.argsort(turn, kind="stable")[:most])  # lines come best first, and stay so
    return Lines(lines.ends[chosen], np.minimum(lines.weights[chosen], 1))  # 8 bits may round one up to 1.004


def _heat(spots: NDArray[np.float32], weights: NDArray[np.float32], shape: tuple[int, ...]) -> Heat:
    rows, columns = shape[:2]
    heat = np.zeros((rows, columns), np.float32)
    there = (np.floor(spots[:, ::-1] * (rows, columns))).astype(np.int64)
    heat[there[:, 0], there[:, 1]] = np.minimum(weights, 1)
    return heat
