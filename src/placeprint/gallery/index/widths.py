"""How wide a search of the approximate index must be: as narrow as its own vectors still find what is promised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from placeprint.arrays import Numbers
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.tuning import Trial
from placeprint.progress import Progress, Stretch

TARGET = 0.99
"""Recall that is promised."""
WANTED = 1 - 0.75 * (1 - TARGET)
"""What own vectors must reach: other queries are asked later, and a place is found or missed as a whole, so that a
thousand queries tell a recall to about 0.3 %. Half of the misses instead of three quarters cost 8 times the search
where places overlap."""
SPARE, MORE = (4, 8, 16), (32, 64, 128)
"""Candidates for each neighbour that are tried; where not even the last suffices, the answer is exact. More are tried
while they are few beside all rows: of a place with thousands of images short codes do not tell which are nearest."""
FEW = 16
"""Of so many rows one, at most, is a candidate where more are tried: exact search takes longer than that."""
ALL_LISTS = 64
"""With so few lists, all are looked at."""
ROUGHLY = 16
"""Of so many queries one is asked first: how many widths will be tried is not known before."""


@dataclass(frozen=True, slots=True)
class Width:
    """How wide a search for up to `k` neighbours must be."""

    k: int
    probes: int  # Lists that are looked at.
    spare: int  # Candidates for each neighbour.


Recall = Callable[[Vectors, Numbers, Width], float]
"""Returns which share of the true rows a search of some width finds."""


def tried_out(
    trials: Sequence[Trial], recall: Recall, *, lists: int, rows: int, progress: Progress | None = None
) -> tuple[Width, ...]:
    """Return the narrowest widths that find what is wanted, for each trial until none does.

    The progress counts milliseconds, as a few of the queries took them: one number of neighbours may need twenty
    widths that are tried, and the next one.

    `lists`, `rows`: How many the index has.
    """
    took: dict[Width, int] = {}

    def timed(queries: Vectors, truth: Numbers, width: Width) -> float:
        began = time.monotonic()
        found = recall(queries, truth, width)
        took[width] = 1 + round(1000 * ROUGHLY * (time.monotonic() - began))
        return found

    few = [(queries[::ROUGHLY], truth[::ROUGHLY]) for queries, truth in trials]
    _ = tuple(narrowest_widths(few, timed, lists=lists, rows=rows))
    with Stretch(progress, "trying out the index", sum(took.values())) as step:

        def told(queries: Vectors, truth: Numbers, width: Width) -> float:
            found = recall(queries, truth, width)
            step(took.pop(width, 0))
            return found

        found = tuple(narrowest_widths(trials, told, lists=lists, rows=rows))
        step(sum(took.values()))
    return found


def narrowest_widths(trials: Sequence[Trial], recall: Recall, *, lists: int, rows: int) -> Iterator[Width]:
    """Yield what `tried_out` returns."""
    width = Width(1, 1, SPARE[0])
    for queries, truth in trials:
        k = truth.shape[1]
        more = [spare for spare in MORE if FEW * spare * (k + 6) <= rows]
        found, asked = None, cache(partial(recall, queries, truth))  # all lists are looked at again and again
        for spare in (*(spare for spare in SPARE if spare >= width.spare), *more):
            if found := _fewest_lists(asked, Width(k, width.probes, spare), lists):
                break
        if found is None:
            return
        yield (width := found)


def _fewest_lists(recall: Callable[[Width], float], least: Width, lists: int) -> Width | None:
    width = replace(least, probes=lists if lists <= ALL_LISTS else least.probes)
    while (found := recall(width)) < WANTED and width.probes < lists:
        if width.probes >= lists // 16 and recall(replace(width, probes=lists)) < WANTED:
            return None  # more lists are no help: what is missing was lost among the candidates
        width = replace(width, probes=min(lists, max(width.probes + 1, round(width.probes * 1.4))))
    return width if found >= WANTED else None
