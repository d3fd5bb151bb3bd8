"""Names of groups: a person's own, that of a folder, else a number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from placeprint.dataset.layouts.split_names import FILLERS, read_split

FOLDER, NUMBER = "folder", "number"
_CAMERA = re.compile(r"dcim|camera( roll)?|\d{3}[a-z_]{5}|\d[\d ._-]*")
"""Folders that cameras make, and dates."""
MOST_OF = 0.5
"""Share of a group's photos above which a folder names it."""


def named(
    groups: Sequence[Sequence[str]], given: Mapping[str, str], folders: Mapping[str, int]
) -> list[tuple[str, str]]:
    """Return the name of each group and where it comes from; no two are equal.

    Parameters
    ----------
    groups : sequence of sequence of str
        Paths.
    given : mapping of str to str
        What a person called the place of a photo.
    folders : mapping of str to int
        How many photos each folder holds.
    """
    wanted = [_wanted(paths, given, folders) for paths in groups]
    taken, numbered = Counter[str](), 0
    made: list[tuple[str, str]] = []
    for name, source in wanted:
        if not name:
            numbered += 1
            while f"place {numbered}" in taken:
                numbered += 1
            name, source = f"place {numbered}", NUMBER
        taken[name] += 1
        made.append((name if taken[name] == 1 else f"{name} {taken[name]}", source))
    return made


def _wanted(paths: Sequence[str], given: Mapping[str, str], folders: Mapping[str, int]) -> tuple[str, str]:
    yours = Counter(given[path] for path in paths if path in given)
    if yours:
        return yours.most_common(1)[0][0], "you"
    name, count = Counter(folder_of(path) for path in paths).most_common(1)[0]
    if name and len(folders) > 1 and count > MOST_OF * len(paths):
        return name, FOLDER
    return "", NUMBER


def folder_of(path: str) -> str:
    """Return the name of the innermost folder around a photo that says something; empty where none does."""
    names = (name.replace("|", " ").strip() for name in reversed(path.split("/")[:-1]))
    return next((name for name in names if _says(name)), "")


def _says(name: str) -> bool:
    """Return whether a folder's name can be that of a place: not a split's, a camera's, or another word for photos."""
    plain = name.casefold()
    return bool(plain) and plain not in FILLERS and read_split(name) is None and not _CAMERA.fullmatch(plain)
