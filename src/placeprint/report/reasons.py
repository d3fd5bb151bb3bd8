"""Draws the reasons for matches: of one answer, or of the most doubtful cases of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from placeprint.arrays import Parts
from placeprint.errors import ImageError
from placeprint.evaluation.result import EvaluatedQuery
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.recognition.explanation import Reason, reasons_for
from placeprint.recognition.rerank import cells as agreement
from placeprint.records import Match
from placeprint.report.cases import Case, Sheets
from placeprint.report.match_drawing import LOOKS, packed, picture
from placeprint.report.thumbnails import ImageFile, data_uri
from placeprint.storage.ragged import Ragged

if TYPE_CHECKING:
    from PIL.Image import Image

MISSES, UNKNOWN, RIGHT = 4, 2, 2
"""Cases of each sheet of a report that are explained: 12 pictures, a miss has two."""
REPORT_HEIGHT = 300
ASKED = 50
"""Images of a miss's own place among which the one that agrees most is looked for."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A reason and its pictures."""

    reason: Reason
    title: str  # What the match is to the query, for people.
    # width, height: Pixels of each picture.
    width: int = 0
    height: int = 0
    # For each look its JPEG as a ``data:`` address; empty without a picture.
    uris: Mapping[str, str] = field(default_factory=dict)
    gone: str = ""  # Why there is no picture.


def draw_reason(
    query: Image,
    image: ImageFile,
    reason: Reason,
    *,
    title: str,
    height: int,
    looks: Sequence[str] = LOOKS,
) -> Drawn:
    """Draw a reason in each look; where nothing could be compared, only the plain images.

    `image`: Of the match; one that is gone becomes a reason why.
    `title`, `height`, `looks`: See `Drawn` and `placeprint.report.match_drawing.picture`.
    """
    try:
        match = image.opened(height)
    except ImageError as error:
        return Drawn(reason, title, gone=error.reason)
    wanted = looks if reason.spots else LOOKS[:1]
    pictures = {look: picture(query, match, reason, look=look, height=height) for look in wanted}
    width, high = next(iter(pictures.values())).size
    return Drawn(reason, title, width, high, {look: data_uri(packed(p)) for look, p in pictures.items()})


def explain_cases(
    sheets: Sheets,
    numbers: Mapping[EvaluatedQuery, int],
    *,
    gallery: AnyGallery,
    parts: Mapping[str, Ragged],
    gallery_image: Callable[[int], ImageFile],
) -> dict[EvaluatedQuery, tuple[Drawn, ...]]:
    """Explain the first cases of each sheet: the best match, and for a miss the best positive too.

    `numbers`: Which of the queries each is.
    `parts`: Of the queries, in their order.
    `gallery_image`: From a gallery row to its image.
    Returns nothing where no cells were kept.
    """
    if "cells" not in parts or "cells" not in gallery.spec.parts:
        return {}
    explained, searched = {}, gallery.download()
    for case in (*sheets.misses.cases[:MISSES], *sheets.unknown.cases[:UNKNOWN], *sheets.right.cases[:RIGHT]):
        own = {name: kept[numbers[case.query]] for name, kept in parts.items()}
        explained[case.query] = _explained(case, searched, own, gallery_image)
    return explained


def _explained(
    case: Case, gallery: Gallery, parts: Parts, gallery_image: Callable[[int], ImageFile]
) -> tuple[Drawn, ...]:
    """Draw some matches of one case; none when its image is gone, which the page mentions elsewhere."""
    try:
        query = case.image.opened(REPORT_HEIGHT)
    except ImageError:
        return ()
    chosen = _chosen(case.query, gallery, parts)
    reasons = reasons_for(gallery, parts, list(chosen.values()))
    return tuple(
        draw_reason(query, gallery_image(reason.match.row), reason, title=title, height=REPORT_HEIGHT, looks=LOOKS[:1])
        for title, reason in zip(chosen, reasons, strict=True)
    )


def _chosen(query: EvaluatedQuery, gallery: Gallery, parts: Parts) -> dict[str, Match]:
    """Return the best match and, of a miss, the best positive, each under what it is."""
    chosen = {}
    for rank in dict.fromkeys((1, 1 if query.first_positive is None else query.first_positive)):
        if rank <= len(query.matches):
            chosen[f"Rank {rank}, {'right' if query.correct[rank - 1] else 'wrong'}"] = query.matches[rank - 1]
        elif positive := _most_agreeing(query, gallery, parts):
            chosen["Right, and far behind"] = positive
    return chosen


def _most_agreeing(query: EvaluatedQuery, gallery: Gallery, parts: Parts) -> Match | None:
    """Return the image of a query's place that agrees most; None where places do not tell what is right.

    It stands in for a best positive that is too far behind for its row to be kept.
    """
    own = set(query.places)
    named = [row for row, record in enumerate(gallery.records) if not own.isdisjoint(record.places)]
    rows = [row for row in named if gallery.records[row].path != query.path][:ASKED]  # left out, it is itself there
    if not rows:
        return None
    kept = gallery.parts["cells"]
    row = rows[int(agreement.votes(parts["cells"], (kept[row] for row in rows)).argmax())]
    return Match(row, gallery.records[row].path, gallery.records[row].places, math.nan)
