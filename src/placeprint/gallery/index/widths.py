"""How wide a search of the approximate index must be: as narrow as its own vectors still find what is promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from placeprint.arrays import Numbers
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.tuning import Trial

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


@dataclass(frozen=True, slots=True)
class Width:
    """How wide a search for up to `k` neighbours must be."""

    k: int
    probes: int  # Lists that are looked at.
    spare: int  # Candidates for each neighbour.


Recall = Callable[[Vectors, Numbers, Width], float]
"""Returns which share of the true rows a search of some width finds."""


def narrowest_widths(
    trials: Sequence[Trial], recall: Recall, *, lists: int, rows: int, step: Callable[[], object]
) -> Iterator[Width]:
    """Yield the narrowest widths that find what is wanted, until none does; `step` is called after each trial.

    `lists`, `rows`: How many the index has.
    """
    width = Width(1, 1, SPARE[0])
    for queries, truth in trials:
        k = truth.shape[1]
        more = [spare for spare in MORE if FEW * spare * (k + 6) <= rows]
        found = None
        for spare in (*(spare for spare in SPARE if spare >= width.spare), *more):
            if found := _fewest_lists(partial(recall, queries, truth), Width(k, width.probes, spare), lists):
                break
        step()
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
