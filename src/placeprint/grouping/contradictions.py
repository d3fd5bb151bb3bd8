"""Answers of a person that contradict each other: told in one line each, with what holds."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

from placeprint.grouping.corrections import Corrections
from placeprint.grouping.result import Link

MOST = 10
"""Lines that are told."""

Pairs = Sequence[tuple[str, str]]
Ways = Mapping[str, Sequence[str]]
"""From each photo to those that it is of one place with."""


def contradictions(said: Corrections, looks: Iterable[Sequence[str]] = ()) -> tuple[str, ...]:
    """Return what contradicts what, one line each.

    `looks`: Photos that are of one place because they are copies, or one burst.

    Examples
    --------
    >>> from placeprint import Constraint, Link
    >>> one = Constraint(Link.MUST, "a.jpg", "b.jpg")
    >>> contradictions(Corrections((one,), {"a.jpg": "Mill", "b.jpg": "Gate"}))
    ('"a.jpg" is called "Mill" and "b.jpg" "Gate", and both show the same place: one of the names is kept',)
    """
    musts = [(one.a, one.b) for one in said.constraints if one.link is Link.MUST]
    lines = _lines(said, [*musts, *(pair for look in looks for pair in pairwise(look))])
    told = tuple(islice(lines, MOST))
    return (*told, "more answers contradict others") if next(lines, None) else told


def _lines(said: Corrections, together: Pairs) -> Iterator[str]:
    ways, home = defaultdict[str, list[str]](list), dict[str, str]()
    for a, b in together:
        shown, none = (b, a) if a in said.placeless else (a, b)
        if none not in said.placeless:
            ways[a].append(b)
            ways[b].append(a)
        elif shown not in said.placeless:
            yield f'"{none}" is said to show no place, and the same place as "{shown}": it stays without one'
    for photo in ways:
        if photo not in home:
            place = _steps(ways, photo)
            home |= dict.fromkeys(place, photo)
            yield from _names(said, place)
    for one in said.constraints:
        if one.link is Link.CANNOT and one.a in home and home[one.a] == home.get(one.b):
            way = _through(ways, one.a, one.b)
            yield f'"{one.a}" and "{one.b}" are said to show two places, and the same one {way}: they count as one'


def _names(said: Corrections, place: Iterable[str]) -> Iterator[str]:
    first: dict[str, str] = {}
    for photo in place:
        if name := said.names.get(photo):
            first.setdefault(name, photo)
    for (one, a), (other, b) in pairwise(first.items()):
        yield f'"{a}" is called "{one}" and "{b}" "{other}", and both show the same place: one of the names is kept'


def _steps(ways: Ways, start: str) -> dict[str, str]:
    """Return every photo that is of one place with the first, and the one before it on the way."""
    before, ahead = {start: start}, deque([start])
    while ahead:
        at = ahead.popleft()
        for photo in ways[at]:
            if photo not in before:
                before[photo] = at
                ahead.append(photo)
    return before


def _through(ways: Ways, a: str, b: str) -> str:
    """Return the photos by which two are of one place, some of them where there are many."""
    before, between = _steps(ways, b), list[str]()
    while (a := before[a]) != b:
        between.append(f'"{a}"')
    more = f" and {len(between) - 3} more" if len(between) > 3 else ""
    return f"through {', '.join(between[:3])}{more}" if between else "because they are copies"
