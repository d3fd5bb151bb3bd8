"""Names that were probably meant, for errors about names that are not known."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import partial
from heapq import nlargest, nsmallest
from itertools import islice
from pathlib import Path

_COMPARED = 2000
"""Names in a folder that are looked at."""
_OF_MANY = 20_000
"""Names of a gallery that are looked at: those that are about as long."""
_LETTERS = 40_000
"""Letters of those that are compared: with `difflib` 200 names of 200 letters take up to half a second."""
ALIKE = 0.65
"""Least ratio of `difflib`: at its own 0.6 "resnet" is like "best"."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one; None where none is alike. Capitals do not count."""
    folded = {one.casefold(): one for one in known}
    alike = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=ALIKE)
    return folded[alike[0]] if alike else None


def nearest_of_many(name: str, known: Iterable[str]) -> str | None:
    """Return what `nearest` does, soon, also of a million names."""
    folded = {one.casefold(): one for one in known}
    if (same := folded.get(name.casefold())) is not None:
        return same
    about_as_long = nsmallest(_OF_MANY, folded, key=lambda other: abs(len(other) - len(name)))
    likely = nlargest(1 + _LETTERS // (1 + len(name)), about_as_long, key=partial(_same_ends, name.casefold()))
    near = nearest(name, likely)
    return None if near is None else folded[near]


def _same_ends(name: str, other: str) -> int:
    """Return how many letters two names begin and end with alike."""
    pairs = (zip(name, other, strict=False), zip(reversed(name), reversed(other), strict=False))
    return sum(next((at for at, (one, two) in enumerate(pair) if one != two), len(other)) for pair in pairs)


def nearest_path(path: Path) -> Path | None:
    """Return the path that was probably meant by one that is not there; None where none is alike.

    The first part of it that is missing is compared with what lies in its place.
    """
    missing = next((one for one in reversed((path, *path.parents)) if not os.path.lexists(one)), None)
    if missing is None:
        return None
    try:
        names = [entry.name for entry in islice(os.scandir(missing.parent), _COMPARED)]
    except (OSError, ValueError):  # no folder, or one that may not be looked into
        return None
    near = nearest(missing.name, names)
    found = None if near is None else missing.parent / near / path.relative_to(missing)
    return found if found is not None and os.path.lexists(found) else None


def meant_path(path: Path) -> str:
    """Return ``: did you mean …?`` for a path that is not there; empty where nothing there is alike."""
    near = nearest_path(path)
    return "" if near is None else f': did you mean "{near}"?'


def meant(name: str, known: Iterable[str], advice: str) -> str:
    """Return advice about a name that is not known, and before it the one that was probably meant."""
    near = nearest(name, known)
    return advice if near is None else f'did you mean "{near}"? {advice[:1].upper()}{advice[1:]}'


def choices(name: str, known: Iterable[str]) -> str:
    """Return what there is to choose from instead of a name, and before it the one that was probably meant."""
    names = tuple(known)
    return meant(name, names, f"choose one of {', '.join(names)}")
