"""Pages that show photos beside what they were located or contradicted by; each file needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.recognition.location.contradictions import ContradictionResult
from placeprint.recognition.location.result import LocateResult
from placeprint.report.html import images_of, is_page
from placeprint.report.templates import environment
from placeprint.report.thumbnails import ImageFile, Thumbnail, thumbnails
from placeprint.storage.atomic import require_ours, write_atomic
from placeprint.terminal import counted

MOST = 200
"""Photos on a page: with three matches each it has some megabytes."""
_MATCHES = 3


@dataclass(frozen=True, slots=True)
class Card:
    """One photo on the page, and the images that show the same."""

    name: str
    lines: tuple[str, ...]
    photo: Thumbnail
    matches: tuple[tuple[str, Thumbnail], ...]


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    lines: tuple[str, ...]
    rows: tuple[int, ...]


def write_positions_page(found: LocateResult, gallery: AnyGallery | Path | str, out: Path) -> Path:
    """Write the photos that `locate` was given, those with a new position first, and return the page's path.

    Raises `UsageError` when somebody else's file is there.
    """
    order = {"picture": 0, "time": 1, "none": 2, "known": 3}
    photos = sorted(found.photos, key=lambda photo: (order[photo.how], photo.path))
    rows = [_Row(one.path, (_where(one.latitude, one.longitude, one.radius), one.why), one.rows) for one in photos]
    counts = found.counts()
    headline = f"{counts['picture']} located by what they show, {counts['time']} by time, {counts['none']} not"
    more = (
        "No photo was changed. XMP sidecars, where they were written, are taken away again by the same command with "
        "--undo; one that is wrong can be deleted by hand."
    )
    return _write("Where photos were taken", (headline, more), found.root, rows, gallery, out)


def write_contradictions_page(found: ContradictionResult, gallery: AnyGallery | Path | str, out: Path) -> Path:
    """Write the photos whose position the picture contradicts, the surest first, and return the page's path.

    Raises `UsageError` when somebody else's file is there.
    """
    rows = [
        _Row(one.path, (f"said to be at {_where(one.latitude, one.longitude)}", one.says), one.rows)
        for one in found.contradictions
    ]
    headline = f"{len(rows)} of {counted(found.asked, 'photo')} with a position show what is elsewhere"
    more = f"Of photos whose position is right at most {100 * found.false_alarm_rate:g} % are shown here by mistake."
    return _write("Positions that the picture contradicts", (headline, more), found.root, rows, gallery, out)


def _where(latitude: float | None, longitude: float | None, radius: float | None = None) -> str:
    if latitude is None or longitude is None:
        return "no position"
    return f"{latitude:.6f}, {longitude:.6f}" + (f" ± {radius:.0f} m" if radius else "")


def _write(
    title: str,
    lead: tuple[str, str],
    root: Path,
    rows: Sequence[_Row],
    gallery: AnyGallery | Path | str,
    out: Path,
) -> Path:
    from importlib.metadata import version

    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f'the page "{out}" must end in .html')
    require_ours(out, is_page)
    image, shown = images_of(open_gallery(gallery)), rows[:MOST]
    files = {row.path: ImageFile(root, row.path) for row in shown}
    matches = {number: image(number) for row in shown for number in row.rows[:_MATCHES]}
    pictures = thumbnails([*files.values(), *matches.values()])
    cards = [
        Card(
            row.path,
            row.lines,
            pictures[files[row.path]],
            tuple((matches[n].path, pictures[matches[n]]) for n in row.rows[:_MATCHES]),
        )
        for row in shown
    ]
    template = environment().get_template("positions.html.j2")
    page = template.render(
        title=title,
        lead=lead,
        cards=cards,
        total=len(rows),
        pictures=list(pictures.values()),
        version=version("placeprint"),
    )
    write_atomic(out, page.encode("utf-8"))
    return out
