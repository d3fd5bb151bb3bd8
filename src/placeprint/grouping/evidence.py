"""What speaks for two photos showing one place: how alike they are, and what agrees cell by cell and point by point.

Neighbours come from the index, on vectors from which the mean of the photos was taken: what all photos of a folder
share (a town, a camera, a season) says nothing about places. Cells are compared for all neighbours, local features for
the likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Floats, Rows, Vectors
from placeprint.cores import available_cores
from placeprint.dataset.distances import metres_between
from placeprint.gallery.index.choice import make_index
from placeprint.grouping.clusters import Pair, Position
from placeprint.grouping.same_place import PARTED
from placeprint.progress import Progress, Stretch
from placeprint.recognition.rerank import cells, matches
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.storage.ragged import Ragged

NEIGHBOURS = 20
"""Photos that each photo is compared with."""
MATCHED = 5
"""Of these, the likeliest by their cells, and by likeness, whose local features may be matched."""
SAME_VIEW = 150.0
"""Votes of cells from which two photos show one view: 28 % more than two of different places have given."""
SURE = 100.0
"""Summed confidence that stands for the matches of such a pair."""
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of photos that are worth comparing, as columns.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n,)
        Rows, ``first < second``, sorted.
    likeness : ndarray of float64, shape (n,)
        Cosine similarity without what all photos share.
    """

    first: Rows
    second: Rows
    likeness: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.first)

    def within(self, metres: float, positions: Sequence[Position | None]) -> Candidates:
        """Return those whose photos are not known to be further apart."""
        near = ~(self.metres(positions) > metres)
        return Candidates(self.first[near], self.second[near], self.likeness[near])

    def metres(self, positions: Sequence[Position | None]) -> Floats:
        """Return how far apart the photos of each pair are; NaN where that is not known."""
        degrees = np.array([position or (math.nan, math.nan) for position in positions], np.float64).reshape(-1, 2)
        return metres_between(degrees[self.first], degrees[self.second])

    @property
    def pairs(self) -> list[Pair]:
        """The pairs as tuples."""
        return list(zip(self.first.tolist(), self.second.tolist(), strict=True))


def without_mean(vectors: Vectors) -> Vectors:
    """Return unit vectors of what each photo has beyond the mean of all."""
    apart = np.asarray(vectors, np.float32) - np.asarray(vectors, np.float32).mean(axis=0, dtype=np.float64)
    lengths = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 1e-6, apart / np.maximum(lengths, 1e-6), vectors), np.float32)


def candidates(vectors: Vectors, progress: Progress | None = None) -> Candidates:
    """Return each photo's nearest ones as pairs.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        See `without_mean`.
    progress : Progress, optional
    """
    count, index, found = len(vectors), make_index("auto", vectors), list[tuple[Rows, Rows, Floats]]()
    with Stretch(progress, "finding neighbours", count) as tick:
        for start in range(0, count, _BLOCK):
            near = index.search(vectors[start : start + _BLOCK], min(NEIGHBOURS + 1, count))
            here = np.repeat(np.arange(start, start + len(near.rows)), near.rows.shape[1])
            there, scores = near.rows.ravel(), near.scores.ravel().astype(np.float64)
            keep = (there >= 0) & (there != here)
            found.append((np.minimum(here, there)[keep], np.maximum(here, there)[keep], scores[keep]))
            tick(len(near.rows))
    first, second, scores = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((second, first))
    first, second, scores = first[order], second[order], scores[order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return Candidates(first[fresh], second[fresh], scores[fresh])


def cell_votes(found: Candidates, parts: Ragged, progress: Progress | None = None) -> Floats:
    """Return how much of each pair's photos agrees cell by cell, see `placeprint.recognition.rerank.cells.votes`."""
    starts = np.flatnonzero(np.r_[True, found.first[1:] != found.first[:-1]]) if len(found) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(found))
    counted = np.zeros(len(found))

    def count(start: int, end: int) -> int:
        counted[start:end] = cells.votes(parts[int(found.first[start])], parts.kept(found.second[start:end]))
        return end - start

    with (
        Stretch(progress, "comparing", len(found)) as tick,
        one_blas_thread(),
        ThreadPoolExecutor(available_cores()) as pool,
    ):
        for done in pool.map(count, starts.tolist(), ends.tolist()):
            tick(done)
    return counted


def point_matches(pairs: Sequence[Pair], parts: Ragged, tick: Callable[[], None]) -> Floats:
    """Return how surely the local features of each pair match, summed; what is known is taken from the cache."""
    sure = np.zeros(len(pairs))
    with ThreadPoolExecutor(available_cores()) as pool:
        for row, value in enumerate(pool.map(lambda pair: _match(parts, pair), pairs)):
            sure[row] = value
            tick()
    return sure


def _match(parts: Ragged, pair: Pair) -> float:
    first, second = parts[pair[0]], parts[pair[1]]
    return float(matches.confidences(first, [second], until=math.inf)[0])


def ranks(found: Candidates, votes: Floats, positions: Sequence[Position | None]) -> Rows:
    """Return how near the top each candidate is among those of either of its photos, by cells or by likeness.

    From `MATCHED` on, and where positions part it, it is not worth matching.
    """
    best, near = np.full(len(found), MATCHED), ~(found.metres(positions) > PARTED)
    for values in (votes, found.likeness):
        asked = np.zeros(len(positions), np.int64)
        for row in np.flatnonzero(near)[np.argsort(-values[near], kind="stable")].tolist():
            pair = [int(found.first[row]), int(found.second[row])]
            best[row] = min(best[row], asked[pair].min())
            asked[pair] += 1
    return best


def connected(count: int, pairs: Iterable[Pair]) -> list[list[int]]:
    """Return what pairs connect, each number from 0 to `count` once."""
    home = list(range(count))

    def root(row: int) -> int:
        while home[row] != row:
            home[row] = home[home[row]]
            row = home[row]
        return row

    for a, b in pairs:
        first, second = sorted((root(a), root(b)))
        home[second] = first
    found: dict[int, list[int]] = {}
    for row in range(count):
        found.setdefault(root(row), []).append(row)
    return list(found.values())
