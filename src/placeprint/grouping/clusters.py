"""Joins photos to groups by the evidence of pairs, so that a chain of weak links never joins two places.

Agglomerative: the two groups that are most surely one are joined, until none is sure enough. How sure two groups are is
judged by all of their photos, never by one pair alone: the mean likeness counts the more the larger they are, the best
matched pairs are added, and positions where there are some (`placeprint.grouping.same_place`). Only groups with a
candidate pair between them are looked at.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.dataset.distances import metres_apart
from placeprint.grouping.same_place import LINKS, SamePlace, position_odds

Pair = tuple[int, int]
Position = tuple[float, float]

FAR = 3000.0
"""Metres between positions from which two groups are never joined, whatever they look like."""


class Agglomeration:
    """Photos that are being joined.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors, see `placeprint.grouping.evidence.without_mean`.
    pairs : mapping of (int, int) to float or None
        Candidates, each once: the log-odds of their matches, None where they were not matched.
    positions : sequence of (float, float) or None
        Latitude and longitude of each photo.
    same : SamePlace
    cannot : iterable of (int, int)
        Photos that are never in one group.
    """

    def __init__(
        self,
        vectors: Vectors,
        pairs: Mapping[Pair, float | None],
        positions: Sequence[Position | None],
        same: SamePlace,
        cannot: Iterable[Pair] = (),
    ) -> None:
        count = len(vectors)
        self._same, self._vectors = same, np.asarray(vectors, np.float32).copy()
        self._members: dict[int, list[int]] = {one: [one] for one in range(count)}
        self._home = list(range(count))
        self._links: dict[int, dict[int, list[float]]] = {one: {} for one in range(count)}
        for (a, b), odds in pairs.items():
            self._links[a][b] = self._links[b][a] = [] if odds is None else [odds]
        self._fixes = {one: [position] for one, position in enumerate(positions) if position is not None}
        self._middles: dict[int, Position] = {one: fixes[0] for one, fixes in self._fixes.items()}
        self._enemies: dict[int, set[int]] = {}
        for a, b in cannot:
            self._enemies.setdefault(a, set()).add(b)
            self._enemies.setdefault(b, set()).add(a)

    def join_all(self, pairs: Iterable[Pair]) -> None:
        """Join pairs that must be together, whatever speaks against it."""
        for a, b in pairs:
            if self._home[a] != self._home[b]:
                self._join(self._home[a], self._home[b])

    def run(self, least: float) -> list[list[int]]:
        """Join until no two groups are as sure as `least`; return the groups, each in order."""
        heap = [entry for a in self._members for entry in self._entries(a, after=a)]
        heapq.heapify(heap)
        while heap and -heap[0][0] >= least:
            _, a, b, ours, theirs = heapq.heappop(heap)
            if (ours, theirs) != (len(self._members.get(a, ())), len(self._members.get(b, ()))):
                continue  # one of them has been joined since
            if self._apart(a, b):
                continue
            for entry in self._entries(self._join(a, b)):
                if -entry[0] >= least:
                    heapq.heappush(heap, entry)
        return sorted(sorted(members) for members in self._members.values())

    def odds(self, pairs: Sequence[Pair]) -> Floats:
        """Return the log-odds of the groups that two photos are in now: of the photos, before anything was joined."""
        return np.array([self._entries(self._home[a], only=self._home[b])[0][0] * -1 for a, b in pairs])

    def _entries(self, a: int, *, after: int = -1, only: int | None = None) -> list[tuple[float, int, int, int, int]]:
        """Return how sure a group is with each that it has links to, negative as a heap wants it."""
        others = [only] if only is not None else [b for b in self._links[a] if b > after]
        if not others:
            return []
        ours = len(self._members[a])
        theirs = [len(self._members[b]) for b in others]
        alike = self._vectors[others] @ self._vectors[a] / (np.array(theirs) * ours)
        made = []
        for b, size, likeness in zip(others, theirs, alike.tolist(), strict=True):
            odds = self._same.together(likeness, ours, size, self._links[a][b])
            if a in self._middles and b in self._middles:
                odds += position_odds(metres_apart(self._middles[a], self._middles[b]))
            made.append((-odds, a, b, ours, size))
        return made

    def _apart(self, a: int, b: int) -> bool:
        """Return whether two groups are never joined: an answer parts them, or their positions do."""
        if any(self._home[enemy] == b for one in self._members[a] for enemy in self._enemies.get(one, ())):
            return True
        there = a in self._middles and b in self._middles
        return there and metres_apart(self._middles[a], self._middles[b]) > FAR

    def _join(self, a: int, b: int) -> int:
        """Join two groups and return which of the two numbers is left."""
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        for one in self._members[b]:
            self._home[one] = a
        self._members[a] += self._members.pop(b)
        self._vectors[a] += self._vectors[b]
        fixes = self._fixes.get(a, []) + self._fixes.get(b, [])
        if fixes:
            self._fixes[a] = fixes
            north, east = np.median(np.array(fixes), axis=0).tolist()
            self._middles[a] = north, east
        ours, theirs = self._links[a], self._links.pop(b)
        ours.pop(b, None)
        for other, links in theirs.items():
            if other != a:
                del self._links[other][b]
                best = sorted((*ours.get(other, ()), *links), reverse=True)[:LINKS]
                ours[other] = self._links[other][a] = best
        return a
