"""Matches pairs in rounds, the likeliest first: what is in one group by now, or cannot be, need not be matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Flags, Floats, Rows
from placeprint.grouping.clusters import Agglomeration, Pair
from placeprint.grouping.evidence import MATCHED, SURE
from placeprint.recognition.rerank import matches

MOST_MATCHED = 14_000
"""Pairs that are matched in all: six minutes on two cores. Folders of fewer than 10,000 photos need fewer."""
ROUNDS = 4
"""A round matches this part of the most at once, so that of many pairs the later ones are chosen by what joined."""
MISSES = 2
"""Matches in a row without anything in common after which two photos are not matched with each other."""
_BEST = float(matches.beyond_chance(np.array([SURE]))[0])
"""Evidence of a pair that matches as surely as one of the same view: more joined nothing else on any set."""


@dataclass(frozen=True, slots=True)
class Likely:
    """Pairs that may be matched.

    Attributes
    ----------
    pairs : sequence of (int, int)
    ranks : ndarray of int64, shape (n,)
        See `placeprint.grouping.evidence.ranks`.
    votes : ndarray of float64, shape (n,)
        Of their cells.
    match : callable
        Gives the summed confidence of pairs' matches.
    """

    pairs: Sequence[Pair]
    ranks: Rows
    votes: Floats
    match: Callable[[Sequence[Pair]], Floats]

    def asked(self, evidence: Floats) -> Flags:
        """Return which pairs are worth matching where nothing is known of them."""
        return np.asarray((evidence == 0) & (self.ranks < MATCHED))

    def with_matched(self, evidence: Floats, rows: Rows) -> Floats:
        """Return evidence with that of some pairs, which are matched."""
        known = evidence.copy()
        known[rows] = matches.beyond_chance(self.match([self.pairs[row] for row in rows]))
        return known


def in_rounds(
    likely: Likely, evidence: Floats, grown: Callable[[Floats], Agglomeration], least: float, most: int
) -> tuple[Floats, int]:
    """Match what can change groups that are joined down to a bound.

    Every photo's likeliest pairs come first, and of two groups one pair before the second.

    Parameters
    ----------
    likely : Likely
    evidence : ndarray of float64, shape (n,)
        What is known before anything is matched.
    grown : callable
        Gives the groups that evidence makes.
    least : float
        The bound, in log-odds.
    most : int
        Pairs that are matched.

    Returns
    -------
    ndarray of float64, int
        Evidence, and how many pairs were matched.
    """
    ends, unasked = np.array(likely.pairs, np.int64).reshape(-1, 2), likely.asked(evidence)
    misses, done, turn = np.zeros(int(ends.max(initial=0)) + 1, np.int64), 0, 0
    while done < most:
        groups, rows = grown(evidence), np.flatnonzero(unasked)
        homes = groups.homes[ends]  # of both photos of all pairs
        rows = rows[(homes[rows, 0] != homes[rows, 1]) & (misses[ends[rows]].min(axis=1) < MISSES)]
        rows = rows[groups.odds([likely.pairs[row] for row in rows], matching=_BEST) >= least]
        if not len(rows):
            break
        rows = rows[likely.ranks[rows] <= max(turn, likely.ranks[rows].min())]
        asked = _one_of_each(rows[np.argsort(-likely.votes[rows], kind="stable")], homes)
        asked = asked[: min(most - done, -(-most // ROUNDS))]
        evidence = likely.with_matched(evidence, asked)
        unasked[asked] = False
        found = evidence[asked] > 0
        np.add.at(misses, ends[asked[~found]], 1)
        misses[ends[asked[found]]] = 0
        done, turn = done + len(asked), turn + 1
    return evidence, done


def _one_of_each(rows: Rows, homes: Rows) -> Rows:
    """Return pairs with the first of each two groups before the second of any."""
    seen, before = Counter[tuple[int, ...]](), list[int]()
    for groups in map(tuple, np.sort(homes[rows], axis=1).tolist()):
        before.append(seen[groups])
        seen[groups] += 1
    return np.asarray(rows[np.argsort(before, kind="stable")], np.int64)
