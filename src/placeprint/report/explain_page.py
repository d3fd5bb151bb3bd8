"""Writes explained answers as one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset.decoding.images import decode
from placeprint.dataset.files import read_bytes
from placeprint.gallery.protocol import AnyGallery
from placeprint.recognition.explanation import Explanation
from placeprint.report.html import images_of, is_page
from placeprint.report.match_drawing import HEIGHT
from placeprint.report.reasons import Drawn, draw_reason
from placeprint.report.templates import environment
from placeprint.storage.atomic import require_ours, write_atomic

MOST_IMAGES = 20
MOST_MATCHES = 10
"""A picture is 100 kB: the page stays one that a browser opens."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An image that was asked about, and what was answered."""

    image: Path
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of one image."""

    name: str
    explanation: Explanation
    drawn: tuple[Drawn, ...]


def write_explanations(explained: Sequence[Explained], gallery: AnyGallery, out: Path) -> Path:
    """Write the page, in one step, and return its path.

    `explained`: The first `MOST_IMAGES` of them are shown, with `MOST_MATCHES` matches each.
    `gallery`: The one that was asked.
    `out`: The HTML file; its folder is made when it is not there.
    Raises `ImageError` when an image is gone meanwhile; `UsageError` when somebody else's file is there; `OSError` when
    the folder cannot be written to.
    """
    require_ours(out, is_page)
    write_atomic(out, render_explanations(explained, gallery).encode("utf-8"))
    return out


def render_explanations(explained: Sequence[Explained], gallery: AnyGallery) -> str:
    """Return the page; parameters as in `write_explanations`."""
    from importlib.metadata import version

    sections = [_section(one, gallery) for one in explained[:MOST_IMAGES]]
    template = environment().get_template("explain.html.j2")
    return template.render(sections=sections, total=len(explained), gallery=gallery, version=version("placeprint"))


def _section(one: Explained, gallery: AnyGallery) -> Section:
    query, image = decode(read_bytes(one.image), min_side=HEIGHT), images_of(gallery)
    drawn = (
        draw_reason(query, image(reason.match.row), reason, title=str(rank), height=HEIGHT)
        for rank, reason in enumerate(one.explanation.reasons[:MOST_MATCHES], start=1)
    )
    return Section(str(one.image), one.explanation, tuple(drawn))
