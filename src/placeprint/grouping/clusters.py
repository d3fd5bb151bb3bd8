"""Joins photos to groups by the evidence of pairs, so that a chain of weak links never joins two places.

Agglomerative: the two groups that are most surely one are joined, until none is sure enough. How sure two groups are is
judged by all of their photos, never by one pair alone: the mean likeness of all pairs counts the more the larger they
are, the pair that matches best is added, and positions where there are some (`placeprint.grouping.same_place`). Only
groups with a candidate pair between them are looked at.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from placeprint.arrays import Floats, Rows, Vectors
from placeprint.dataset.distances import metres_apart, middle_of
from placeprint.grouping.same_place import SamePlace, position_odds

Pair = tuple[int, int]
Position = tuple[float, float]

FAR = 3000.0
"""Metres between positions from which two groups are never joined, whatever they look like."""


WHOLE = 3
"""Photos from which a group is one that others can be added to."""


class Agglomeration:
    """Photos that are being joined.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors, see `placeprint.grouping.evidence.without_mean`.
    evidence : mapping of (int, int) to float
        Of candidates, each once; 0 where they were not matched.
    positions : sequence of (float, float) or None
        Latitude and longitude of each photo.
    same : SamePlace
    cannot : iterable of (int, int)
        Photos that are never in one group.
    """

    def __init__(
        self,
        vectors: Vectors,
        evidence: Mapping[Pair, float],
        positions: Sequence[Position | None],
        same: SamePlace,
        cannot: Iterable[Pair] = (),
    ) -> None:
        count = len(vectors)
        self._same, self._vectors = same, np.asarray(vectors, np.float32).copy()
        self._members: dict[int, list[int]] = {one: [one] for one in range(count)}
        self._home = list(range(count))
        self._links: dict[int, dict[int, float]] = {one: {} for one in range(count)}
        for (a, b), strength in evidence.items():
            self._links[a][b] = self._links[b][a] = strength
        self._fixes = {one: [position] for one, position in enumerate(positions) if position is not None}
        self._middles: dict[int, Position] = {one: fixes[0] for one, fixes in self._fixes.items()}
        self._enemies: dict[int, set[int]] = {}
        for a, b in cannot:
            self._enemies.setdefault(a, set()).add(b)
            self._enemies.setdefault(b, set()).add(a)

    def join_all(self, pairs: Iterable[Pair]) -> bool:
        """Join the groups of pairs that must be together; return whether no answer parts any of them."""
        kept = True
        for a, b in pairs:
            ours, theirs = self._home[a], self._home[b]
            if ours != theirs:
                kept &= not self._parted(ours, theirs)
                self._join(ours, theirs)
        return kept

    def grow(self, least: float) -> None:
        """Join until no two groups are as sure as `least`."""
        deque(self.steps(least), maxlen=0)

    def groups(self) -> list[list[int]]:
        """Add what is left to what it is like, and return the groups, each in order."""
        self._add_left()
        return sorted(sorted(members) for members in self._members.values())

    def _add_left(self) -> None:
        """Add what is left to the group that it is likest, where that is more like it than all others.

        A group of several photos is as a place of a gallery, and what has no match in it may still be like all of it.
        """
        whole = [one for one, members in self._members.items() if len(members) >= WHOLE]
        left = [one for one, members in self._members.items() if len(members) < WHOLE]
        if not whole or not left:
            return
        middles = self._vectors[whole] / np.array([[len(self._members[one])] for one in whole], np.float32)
        alike = self._vectors[left] @ middles.T / np.array([[len(self._members[one])] for one in left], np.float32)
        best = alike.argmax(axis=1)
        own = alike[np.arange(len(left)), best]
        alike[np.arange(len(left)), best] = 0.0  # where there is no other: photos that have nothing in common
        likeness, margin = self._same.left
        good = (own >= likeness) & (own - alike.max(axis=1) >= margin)
        for one, group in zip(np.array(left)[good].tolist(), np.array(whole)[best[good]].tolist(), strict=True):
            home = self._home[self._members[one][0]], self._home[self._members[group][0]]
            if self._by_position(*home) >= 0 and not self._apart(*home):
                self._join(*home)

    def steps(self, least: float) -> Iterator[tuple[float, int, int]]:
        """Join as `grow`, and yield the log-odds and two photos of the groups at each step.

        What is joined down to a lower bound begins with what is joined down to a higher one.
        """
        heap = [entry for a in self._members for entry in self._entries(a, after=a)]
        heapq.heapify(heap)
        while heap and -heap[0][0] >= least:
            odds, a, b, ours, theirs = heapq.heappop(heap)
            if (ours, theirs) != (len(self._members.get(a, ())), len(self._members.get(b, ()))):
                continue  # one of them has been joined since
            if self._apart(a, b):
                continue
            yield -odds, self._members[a][0], self._members[b][0]
            for entry in self._entries(self._join(a, b)):
                if -entry[0] >= least:
                    heapq.heappush(heap, entry)

    @property
    def homes(self) -> Rows:
        """Number of the group that each photo is in now."""
        return np.array(self._home, np.int64)

    def odds(self, pairs: Sequence[Pair], matching: float = 0.0) -> Floats:
        """Return the log-odds of the groups that two photos are in now: of the photos, before anything was joined.

        With `matching`, what they would be if a pair between them had this evidence.
        """
        found = (self._entries(self._home[a], only=self._home[b], matching=matching) for a, b in pairs)
        return np.array([-one[0][0] for one in found])

    def _entries(
        self, a: int, *, after: int = -1, only: int | None = None, matching: float = 0.0
    ) -> list[tuple[float, int, int, int, int]]:
        """Return how sure a group is with each that it has links to, negative as a heap wants it."""
        others = [only] if only is not None else [b for b in self._links[a] if b > after]
        if not others:
            return []
        ours, theirs = len(self._members[a]), [len(self._members[b]) for b in others]
        likeness = self._vectors[others] @ self._vectors[a] / (ours * np.array(theirs, np.float64))
        evidence = np.array([max(self._links[a][b], matching) for b in others])
        odds = self._same.together(likeness, ours, np.array(theirs, np.float64), evidence)
        odds += [self._by_position(a, b) for b in others]
        return [(-each, a, b, ours, size) for each, b, size in zip(odds.tolist(), others, theirs, strict=True)]

    def _by_position(self, a: int, b: int) -> float:
        if a not in self._middles or b not in self._middles:
            return 0.0
        return position_odds(metres_apart(self._middles[a], self._middles[b]))

    def _apart(self, a: int, b: int) -> bool:
        """Return whether two groups are never joined: an answer parts them, or their positions do."""
        there = a in self._middles and b in self._middles
        return self._parted(a, b) or (there and metres_apart(self._middles[a], self._middles[b]) > FAR)

    def _parted(self, a: int, b: int) -> bool:
        return any(self._home[enemy] == b for one in self._members[a] for enemy in self._enemies.get(one, ()))

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
            self._middles[a] = middle_of(fixes)
        ours, theirs = self._links[a], self._links.pop(b)
        ours.pop(b, None)
        for other, strength in theirs.items():
            if other != a:
                del self._links[other][b]
                ours[other] = self._links[other][a] = max(strength, ours.get(other, 0.0))
        return a
