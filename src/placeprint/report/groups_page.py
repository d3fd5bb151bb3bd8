"""Writes groups of photos as one HTML file that needs no network, on which a person corrects them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.grouping.corrections import NO_NAMES, Corrections
from placeprint.grouping.questions import questions
from placeprint.grouping.result import NO_PLACE, Constraint, Edge, Grouping
from placeprint.progress import Progress
from placeprint.report.html import require_page
from placeprint.report.templates import environment
from placeprint.report.thumbnails import ImageFile, Thumbnail, thumbnails
from placeprint.report.translation import Translation
from placeprint.storage.atomic import write_atomic

MAX_PICTURES = 600
"""Of the page, about 10 kB each: those of questions first, then the most typical of each group."""
MAX_TILES = 3000
"""Looks on the page; one without a picture is shown by its name."""
MAX_QUESTIONS = 40
AGAIN = "placeprint group PHOTOS -o places.csv"
_ENGLISH = Translation()


@dataclass(frozen=True, slots=True)
class Served:
    """A page of a server: addresses that take corrections and a new place, and the version of what was corrected."""

    save: str
    accept: str
    version: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One look: its photos, and the picture of the first; None beyond `MAX_PICTURES`."""

    photos: tuple[str, ...]
    picture: Thumbnail | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The looks of one group; `place` is empty for those that are in none, `placeless` for those that show none."""

    place: str
    tiles: tuple[Tile, ...]
    placeless: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its two pictures."""

    edge: Edge
    a: Tile
    b: Tile


def refuse_groups_page(page: Path) -> None:
    """Refuse a page that cannot be written, before anything is compared. Raises `UsageError`."""
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f'--report writes a page: "{page}" must end in .html')
    require_page(page)


def write_groups_page(found: Grouping, page: Path, *, again: str = AGAIN, progress: Progress | None = None) -> None:
    """Write the page, in one step.

    `again`: The command that groups these photos again, without ``--corrections``.
    Raises `UsageError` as `refuse_groups_page` does; `OSError`.
    """
    refuse_groups_page(page)
    write_atomic(page, render_groups(found, again=again, progress=progress).encode("utf-8"))


def render_groups(
    found: Grouping,
    *,
    served: Served | None = None,
    said: Corrections | None = None,
    again: str = AGAIN,
    tr: Translation = _ENGLISH,
    progress: Progress | None = None,
) -> str:
    """Return the page.

    `served`: For a page that saves each correction; without it they are downloaded.
    `said`: What was said before, when what is saved replaces it.
    `again`: The command that groups these photos again, as the page tells it where corrections are downloaded.
    `tr`: The page's language.
    """
    from importlib.metadata import version

    pairs = [question.edge for question in questions(found)[:MAX_QUESTIONS]]
    looks = list(_looks(found))
    told = looks[:MAX_TILES]
    first = [path for pair in pairs for path in (pair.a, pair.b)]
    wanted = list(dict.fromkeys([*first, *(look[0] for look in _in_turn(found))]))[:MAX_PICTURES]
    files = {path: ImageFile(found.root, path) for path in wanted}
    made = thumbnails(files.values(), progress=progress)
    pictures = {path: made[file] for path, file in files.items()}
    tiles = {look[0]: Tile(look, pictures.get(look[0])) for look in told}
    sheets = _sheets(found, tiles)
    return (
        environment()
        .get_template("groups.html.j2")
        .render(
            found=found,
            key=hashlib.sha256(repr([sheet.tiles for sheet in sheets]).encode()).hexdigest()[:16],
            served=served,
            tr=tr,
            again=again,
            pictures=list(made.values()),
            questions=[
                Asked(pair, *(Tile((path,), pictures.get(path)) for path in (pair.a, pair.b))) for pair in pairs
            ],
            sheets=sheets,
            links=[_row(one) for one in (said.constraints if said else found.constraints)],
            names=dict(said.names) if said else {},
            no_names=NO_NAMES,
            left_out=len(looks) - len(told),
            version=version("placeprint"),
        )
    )


def _row(one: Constraint) -> dict[str, str]:
    return {"link": one.link.value, "a": one.a, "b": one.b}


def _looks(found: Grouping) -> Iterator[tuple[str, ...]]:
    for group in found.groups:
        yield from group.looks
    for one in found.alone:
        yield (one.path,)


def _in_turn(found: Grouping) -> Iterator[tuple[str, ...]]:
    """Yield the most typical look of each group, then the next one of each, and what is alone after the first turn."""
    for number, turn in enumerate(zip_longest(*(group.looks for group in found.groups))):
        yield from (look for look in turn if look)
        if number == 0:
            yield from ((one.path,) for one in found.alone)
    if not found.groups:
        yield from ((one.path,) for one in found.alone)


def _sheets(found: Grouping, tiles: dict[str, Tile]) -> list[Sheet]:
    """Return a sheet for each group, one for what is alone and one for what shows no place."""
    groups = [
        Sheet(group.place, tuple(tiles[look[0]] for look in group.looks if look[0] in tiles)) for group in found.groups
    ]
    alone = tuple(tiles[one.path] for one in found.alone if one.why != NO_PLACE and one.path in tiles)
    placeless = tuple(tiles[one.path] for one in found.alone if one.why == NO_PLACE and one.path in tiles)
    return [*(one for one in groups if one.tiles), Sheet("", alone), Sheet("", placeless, placeless=True)]
