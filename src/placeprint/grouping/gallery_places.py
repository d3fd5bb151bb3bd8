"""Which new places may be ones that a gallery has: each is asked with several photos together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from placeprint.grouping.result import Grouping
from placeprint.recognition.combined_answer import combined_answer
from placeprint.records import Answer

ASKED_PLACES, ASKED_PHOTOS = 20, 3
"""The largest groups, and the most typical photos of each, that are asked: a minute of one core at most."""


def gallery_places(found: Grouping | None, ask: Callable[[Path], Answer]) -> dict[str, Answer]:
    """Return what a gallery answers to each of the largest groups, by the most typical photo of each.

    Photos that are UNKNOWN each by itself may show a place of the gallery together, or one that it has by now.

    `ask`: As `placeprint.Recognizer.recognize`.
    """
    groups = found.groups[:ASKED_PLACES] if found else ()
    root = found.root if found else Path()
    return {
        one.photos[0]: combined_answer([ask(root / photo) for photo in one.photos[:ASKED_PHOTOS]])[1] for one in groups
    }


def in_gallery(answer: Answer) -> dict[str, str | float | None]:
    """Return an answer ready for JSON: the place that is the likeliest, how sure, and its probability."""
    return {"place": answer.best_guess, "grade": str(answer.grade), "probability": answer.probability}
