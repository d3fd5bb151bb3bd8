"""Tries an index out on the gallery's own vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from placeprint.gallery.index.base import Vectors, unit_queries
from placeprint.gallery.index.top_k import Best, Numbers, joined
from placeprint.records import Neighbours

QUERIES, STEP = 256, 2048
"""Queries and rows that are multiplied at once."""

NOISE = 0.32
"""How much a vector is disturbed, of its length: its cosine similarity to what it was is then 0.95."""


TRIED, FEWER, SEED = 1024, 192, 11
"""Own vectors that the first width is tried with, and the wider ones, which take longer; how they are drawn."""

Trial = tuple[Vectors, Numbers]
"""Queries, and the rows that are to be found: each as many as one asks for."""


def disturbed(vectors: Vectors, count: int, *, seed: int) -> tuple[Numbers, Vectors]:
    """Return some rows, and their vectors with noise, of unit length: like other photos of what is there."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(vectors), min(count, len(vectors)), replace=False))
    noise = rng.normal(size=(len(rows), vectors.shape[1])) * (NOISE / np.sqrt(vectors.shape[1]))
    made = (vectors[rows] + noise).astype(np.float32)
    return rows, unit_queries(made, vectors.shape[1]).astype(np.float32)


def reachable(vectors: Vectors, k: int) -> Numbers:
    """Return the rows that can be among the `k` nearest of a query, ascending: of equal vectors the `k` first.

    Each of them scores alike, and the lower row comes first. A thousand queries compared with each of 60,000 equal
    vectors, digit by digit, would take minutes.
    """
    steps = range(0, len(vectors), STEP)
    codes = np.fromiter((hash(line.tobytes()) for i in steps for line in vectors[i : i + STEP]), np.int64, len(vectors))
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], codes[order])  # of those that are equal
    return np.sort(order[np.arange(len(order)) - first < k])


def truth_of(vectors: Vectors, queries: Vectors, k: int, rows: Numbers | None = None) -> Neighbours:
    """Return the true neighbours; as `ExactIndex`, but of vectors that may be `FileRows`, and among `rows` only."""
    parts = []
    count = len(vectors) if rows is None else len(rows)
    for i in range(0, len(queries), QUERIES):
        asked = queries[i : i + QUERIES]
        best, turned = Best(vectors, asked.astype(np.float64), k), np.ascontiguousarray(asked.T)
        for first in range(0, count, STEP):
            part = slice(first, first + STEP)
            best.offer(vectors[part if rows is None else rows[part]] @ turned, first if rows is None else rows[part])
        parts.append(best.neighbours())
    return joined(parts, k)


def trials_of(vectors: Vectors, levels: Sequence[int]) -> list[Trial]:
    """Return own vectors, disturbed, with their true neighbours, for each number of neighbours.

    None where most images are copies: which of a thousand equal ones are found is chance, so answers are exact.
    """
    rows = reachable(vectors, levels[-1])
    levels = [k for k in levels if 16 * k < len(vectors)] if 2 * len(rows) > len(vectors) else []
    queries = disturbed(vectors, TRIED, seed=SEED)[1]
    trials = [(queries, truth_of(vectors, queries, k, rows).rows) for k in levels[:1]]
    if levels[1:]:
        few = queries[:: -(-len(queries) // FEWER)]
        truth = truth_of(vectors, few, levels[-1], rows).rows
        trials += [(few, truth[:, :k]) for k in levels[1:]]
    return trials


def hits_of(found: Numbers, truth: Numbers) -> int:
    """Return how many of the true rows were found; -1 in `truth` is nothing."""
    return sum(int(np.isin(right[right >= 0], rows).sum()) for right, rows in zip(truth, found, strict=True))


def recall_of(found: Numbers, truth: Numbers) -> float:
    """Return which share of the true rows was found."""
    there = int((truth >= 0).sum())
    return hits_of(found, truth) / there if there else 1.0
