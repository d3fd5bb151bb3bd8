"""``placeprint query --url``: a server is asked instead of a gallery."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from placeprint.errors import UsageError

if TYPE_CHECKING:
    from placeprint.records import Answer


class Server:
    """Answers photos as a `placeprint.Recognizer` does, by asking a server of ``placeprint serve``.

    Parameters
    ----------
    url : str
    places, near, split
        As the options of ``placeprint query``.

    Raises
    ------
    UsageError
        When `near` cannot be read.

    Attributes
    ----------
    filter : mapping or None
        What the server said of the images that it asked last, when it was not all of them.
    """

    def __init__(self, url: str, *, places: Collection[str], near: str | None, split: str | None) -> None:
        self.url, self.filter = url, None  # type: str, dict[str, Any] | None
        from placeprint.gallery.filters import parse_near

        around = None if near is None else parse_near(near, "--near")
        self._asked: dict[str, Any] = {"places": places, "near": around, "split": split}

    def recognize(self, photo: Path, *, k: int) -> Answer:
        """Answer one photo.

        Raises
        ------
        ImageError, UsageError, ServerError
        """
        from placeprint.recognition.answer_json import answer_of
        from placeprint.recognition.client import told_by

        row = told_by(self.url, [photo], k=k, **self._asked)
        self.filter = row.get("filter")
        return answer_of(row)


def refuse_what_a_server_decides(options: Mapping[str, object]) -> None:
    """Refuse options that only the gallery's side can meet.

    Raises
    ------
    UsageError
        It names the first that was given.
    """
    if given := [name for name, value in options.items() if value]:
        raise UsageError(
            f"--{given[0]} does not go with --url: the server's gallery, model and calibration decide. --k, --place, "
            "--near, --split and --json do"
        )
