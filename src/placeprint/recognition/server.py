"""A server of `placeprint serve` that answers images as a recognizer does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from placeprint.gallery.filters import Filter
from placeprint.recognition.answer_json import answer_of
from placeprint.recognition.client import told_by
from placeprint.records import Answer

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput


class Server:
    """Answers images by asking a server of ``placeprint serve``.

    `rate`: The false-accept rate at which its gallery decides; the one that it was calibrated for when not given.
    `facts`: What holds for all answers: ``filter``, what the server said of the images that it asks when those are not
    all.
    """

    def __init__(self, url: str, asked: Filter, rate: float | None = None) -> None:
        self.url, self.asked, self.rate = url, asked, rate
        self.facts: dict[str, Any] = {}

    def recognize(self, photo: ImageInput, *, k: int = 5) -> Answer:
        """Answer one image. Raises `ImageError`, `UsageError` or `ServerError`."""
        return self.recognize_place([photo], k=k)

    def recognize_place(self, photos: Sequence[ImageInput], *, k: int = 5) -> Answer:
        """Answer several images of one place, all of them in one request.

        Raises `ImageError`, `UsageError` or `ServerError`.
        """
        row = told_by(self.url, photos, self.asked, k=k, false_accept_rate=self.rate)
        if row.get("filter"):
            self.facts["filter"] = row["filter"]
        return answer_of(row)
