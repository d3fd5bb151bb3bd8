"""The position of one photo, as `locate` finds it, without a folder, a time or a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placeprint.recognition.location.locate import require_sureness
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.spots.limits import FALSE_ACCEPT_RATE, SHARE
from placeprint.recognition.spots.spots import Spots, distrusted_rows
from placeprint.records import AnswerPosition

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput


def position_of(
    recognizer: Recognizer, photo: ImageInput, *, share: float = SHARE, rate: float = FALSE_ACCEPT_RATE
) -> AnswerPosition | None:
    """Return where a photo was taken, by what it shows, or why that cannot be told.

    `photo`: Looked at once, as by `placeprint.locate`; its metadata is not read.
    `share`, `rate`: As ``share`` and ``false_accept_rate`` of `placeprint.locate`.
    Returns None where the gallery has no positions.
    Raises `ImageError` or `UsageError`.
    """
    require_sureness(share, rate)
    found = recognizer.describe(photo)
    asked, near = recognizer.narrowed(found.vector, k=1)
    gallery = recognizer.part(near)
    spots = Spots(gallery, distrusted_rows(gallery, gallery.position_evidence))
    return spots.position(asked.matches(found.vector, parts=found.parts), rate, share)
