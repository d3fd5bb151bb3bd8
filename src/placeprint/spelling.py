"""Names that were probably meant, for errors about names that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ALIKE = 0.65
"""Least ratio of `difflib`: at its own 0.6 "resnet" is like "best"."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one; None where none is alike. Capitals do not count."""
    folded = {one.casefold(): one for one in known}
    alike = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=ALIKE)
    return folded[alike[0]] if alike else None


def meant(name: str, known: Iterable[str], advice: str) -> str:
    """Return advice about a name that is not known, and before it the one that was probably meant."""
    near = nearest(name, known)
    return advice if near is None else f'did you mean "{near}"? {advice[:1].upper()}{advice[1:]}'


def choices(name: str, known: Iterable[str]) -> str:
    """Return what there is to choose from instead of a name, and before it the one that was probably meant."""
    names = tuple(known)
    return meant(name, names, f"choose one of {', '.join(names)}")
