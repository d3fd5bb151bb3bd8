"""What speaks for two photos showing one place: how alike they are, and what agrees cell by cell and point by point.

Neighbours come from the index, on vectors from which the mean of the photos was taken: what all photos of a folder
share (a town, a camera, a season) says nothing about places. Cells are compared for all neighbours, local features for
the likeliest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Floats, Rows, Vectors
from placeprint.cores import available_cores
from placeprint.gallery.index.choice import make_index
from placeprint.grouping.clusters import Pair
from placeprint.progress import Progress, Stretch
from placeprint.recognition.rerank import cells, matches
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.storage.ragged import Ragged

NEIGHBOURS = 20
"""Photos that each photo is compared with."""
MATCHED = 5
"""Of these, the likeliest by their cells, and by likeness, whose local features are matched."""
MATCHED_VIEWS = 3
"""Pairs of photos that are matched between two views."""
MOST_MATCHED = 12_000
"""Pairs that are matched in all: five minutes on two cores. Small folders need fewer."""
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


def point_matches(pairs: Sequence[Pair], parts: Ragged, progress: Progress | None = None) -> Floats:
    """Return how surely the local features of each pair match, summed; what is known is taken from the cache."""
    sure = np.zeros(len(pairs))
    with Stretch(progress, "matching", len(pairs)) as tick, ThreadPoolExecutor(available_cores()) as pool:
        for row, value in enumerate(pool.map(lambda pair: _match(parts, pair), pairs)):
            sure[row] = value
            tick()
    return sure


def _match(parts: Ragged, pair: Pair) -> float:
    first, second = parts[pair[0]], parts[pair[1]]
    return float(matches.confidences(first, [second], until=math.inf)[0])


def worth_matching(found: Candidates, votes: Floats, count: int, most: int) -> tuple[Rows, Rows]:
    """Return which candidates show the same view by their cells alone, and which of the others to match.

    What is of one view by a chain of such pairs is not matched inside; of two views only a few pairs are, and of each
    photo the `MATCHED` likeliest by cells and as many by likeness: first the likeliest of all photos, then the second
    of all, until there are `most`.

    Returns
    -------
    ndarray of int64, ndarray of int64
        Rows of `found`.
    """
    same = np.flatnonzero(votes >= SAME_VIEW)
    views = np.zeros(count, np.int64)
    for number, rows in enumerate(
        connected(count, zip(found.first[same].tolist(), found.second[same].tolist(), strict=True))
    ):
        views[rows] = number
    open_rows = np.flatnonzero(views[found.first] != views[found.second])
    asked: dict[int, int] = {}
    between = Counter[tuple[int, int]]()
    for values in (votes, found.likeness):
        ranks = np.zeros(count, np.int64)
        for row in open_rows[np.argsort(-values[open_rows], kind="stable")].tolist():
            a, b = int(found.first[row]), int(found.second[row])
            rank = int(min(ranks[a], ranks[b]))
            ranks[[a, b]] += 1
            pair = (int(min(views[a], views[b])), int(max(views[a], views[b])))
            if rank < MATCHED and between[pair] < MATCHED_VIEWS:
                between[pair] += row not in asked
                asked[row] = min(rank, asked.get(row, rank))
    chosen = sorted(asked, key=lambda row: (asked[row], -votes[row], row))[:most]
    return same, np.array(sorted(chosen), np.int64)


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
