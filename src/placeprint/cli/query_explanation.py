"""What ``placeprint query --explain`` prints and writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from placeprint.cli import printing

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.recognition.explanation import Explanation

STDIN = Path("-")
"""Stands for photos that are listed on stdin."""
LONGEST_STEM = 50
"""Characters: file systems take 255 bytes for a name."""


def show_reasons(explanation: Explanation) -> None:
    """Print why each match is there, under the table of matches."""
    if explanation.missing:
        printing.say(f"  {explanation.missing}")
    rows = [(str(rank), reason.says) for rank, reason in enumerate(explanation.reasons, start=1)]
    printing.table(("", "why"), rows, right=(0,))


def page_of(photos: Sequence[Path], out: Path | None) -> Path:
    """Return where the page goes: into the folder that was asked for, or named after the photo where one stands."""
    if out is not None or len(photos) != 1 or photos[0] == STDIN:
        return (out or Path()) / "explain.html"
    return Path(f"{photos[0].stem[:LONGEST_STEM]}-explained.html")


def require_room(page: Path) -> None:
    """Refuse to write the page over a file of somebody else, before anything is answered."""
    from placeprint.report.html import is_page
    from placeprint.storage.atomic import require_ours

    require_ours(page, is_page)


def write_page(explained: Sequence[tuple[Path, Explanation]], gallery: AnyGallery, page: Path, *, quiet: bool) -> None:
    """Write the page and say where it is. Raises `OSError` when the folder cannot be written to."""
    from placeprint.report.explain_page import Explained, write_explanations

    write_explanations([Explained(*one) for one in explained], gallery, page)
    if not quiet:
        printing.say(f"pictures: {page}")
