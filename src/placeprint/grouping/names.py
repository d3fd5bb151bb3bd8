"""Names of groups: a person's own, that of a folder, of the town around a position, else a number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from placeprint.dataset.distances import middle_of
from placeprint.dataset.layouts.split_names import FILLERS, read_split
from placeprint.dataset.tables.cells import MISSING
from placeprint.grouping.towns import Towns
from placeprint.records import is_unknown

YOU, FOLDER, POSITION, NUMBER = "you", "folder", "position", "number"
"""Where a name comes from."""
_CAMERA = re.compile(r"dcim|camera( roll)?|\d{3}[a-z_]{5}|\d[\d ._-]*")
"""Folders that cameras make, and dates."""
MOST_OF = 0.5
"""Share of a group's photos above which a folder names it."""

Position = tuple[float, float]


def named(
    groups: Sequence[Sequence[str]],
    given: Mapping[str, str],
    every: Sequence[str],
    positions: Mapping[str, Position],
    towns: Towns | None,
) -> list[tuple[str, str]]:
    """Return the name of each group and where it comes from; no two are equal.

    `groups`: Paths.
    `given`: What a person called the place of a photo.
    `every`: All paths: where they have one folder, it says nothing about places.
    `positions`: Latitude and longitude of photos that have them.
    `towns`: None where there is no gazetteer.
    """
    one_folder = len({folder_of(path) for path in every}) == 1
    made, taken, numbers = list[tuple[str, str]](), set[str](), Counter[str]()
    yours = [_yours(paths, given) for paths in groups]
    kept = {name: number for number, name in reversed(list(enumerate(yours))) if name}
    taken.update(kept)  # a name of one's own is for its largest group, whatever is found before
    for number, (paths, own) in enumerate(zip(groups, yours, strict=True)):
        choices = (
            (own, YOU),
            ("" if one_folder else _folder(paths), FOLDER),
            (_town(paths, positions, towns), POSITION),
            ("place", NUMBER),
        )
        name, source = next((name, source) for name, source in choices if name)
        if kept.get(own) != number:
            name = _free(name, taken, numbers, always=source == NUMBER)
        taken.add(name)
        made.append((name, source))
    return made


def _free(name: str, taken: set[str], numbers: Counter[str], *, always: bool) -> str:
    """Return a name that no group has: itself, or with a number behind it."""
    if not always and name not in taken:
        numbers[name] = 1
        return name
    while True:
        numbers[name] += 1
        if (free := f"{name} {numbers[name]}") not in taken:
            return free


def _yours(paths: Sequence[str], given: Mapping[str, str]) -> str:
    found = Counter(given[path] for path in paths if path in given)
    return found.most_common(1)[0][0] if found else ""


def _folder(paths: Sequence[str]) -> str:
    name, count = Counter(folder_of(path) for path in paths).most_common(1)[0]
    return name if count > MOST_OF * len(paths) else ""


def _town(paths: Sequence[str], positions: Mapping[str, Position], towns: Towns | None) -> str:
    known = [positions[path] for path in paths if path in positions]
    if not known or towns is None:
        return ""
    return towns.nearest(middle_of(known))


def folder_of(path: str) -> str:
    """Return the name of the innermost folder around a photo that says something; empty where none does."""
    names = (name.replace("|", " ").strip() for name in reversed(path.split("/")[:-1]))
    return next((name for name in names if _says(name)), "")


def _says(name: str) -> bool:
    """Return whether a folder's name can be that of a place: not a split's, a camera's, or another word for photos."""
    plain = name.casefold()
    said = bool(plain) and plain not in FILLERS and read_split(name) is None and not is_unknown(name)
    said = said and name not in MISSING  # a table would hold no place then
    return said and not _CAMERA.fullmatch(plain)
