"""Degrees written as text: ``48,8.2320N``, ``48.1372``, ``48° 8' 13.9" N``, ``-33,8567``."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PLAIN = re.compile(r"[+-]?\d{1,3}(?:\.\d+)?")
_SIDE = re.compile(r"(?<![a-z])(north|south|east|west|[nsew])(?![a-z])", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_UNITS = frozenset(["d", "deg", "degree", "degrees", "m", "min", "minutes", "sec", "seconds"])
_LONGEST = 100
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3},(\d{3,}|\d*[6-9]\d)")
"""A comma that can only be a decimal one: no minutes have three digits, or are 60 and more."""
_NEGATIVE = ("s", "w")


def degrees_of_text(text: str, sides: str) -> float | None:
    """Read an angle.

    `text`: Degrees; or degrees, minutes and perhaps seconds, as XMP separates them by commas and people by anything;
    with a sign or the letter of a hemisphere, in any case. A decimal comma is understood where it can be nothing else.
    `sides`: The hemispheres that there are: ``ns`` or ``ew``.
    Returns degrees, south and west below 0; None when it cannot be read, also for the other axis' hemisphere.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if _PLAIN.fullmatch(text):  # as nearly all are: a track has millions of them
        return float(text)
    letters = {found[0].lower() for found in _SIDE.findall(text)}
    if len(letters) > 1 or not letters <= set(sides):
        return None
    bare = _SIDE.sub(" ", text).strip()
    alone = bare.count(",") == 1 and ((not letters and "." not in bare) or _DECIMAL_COMMA.fullmatch(bare))
    numbers = [float(n) for n in _NUMBER.findall(bare.replace(",", ".") if alone else bare)]
    if not 1 <= len(numbers) <= 3 or not set(_WORD.findall(bare.lower())) <= _UNITS:
        return None
    size: float = sum(number / 60.0**power for power, number in enumerate(numbers))
    negative = bare.startswith(("-", "−")) or bool(letters & set(_NEGATIVE))
    return -size if negative else size
