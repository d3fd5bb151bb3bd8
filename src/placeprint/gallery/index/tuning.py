"""Queries to tune an index with: a gallery's own vectors with noise, and the recall of what it finds."""

from __future__ import annotations

import numpy as np

from placeprint.gallery.index.base import Vectors, unit_queries
from placeprint.gallery.index.top_k import Numbers

STEP = 2048
"""Rows that are read at once."""

NOISE = 0.32
"""How much a vector is disturbed, of its length: its cosine similarity to what it was is then 0.95."""


def disturbed(vectors: Vectors, count: int, *, seed: int) -> tuple[Numbers, Vectors]:
    """Return some rows, and their vectors with noise, of unit length: like other images of what is there."""
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


def recall_of(found: Numbers, truth: Numbers) -> float:
    """Return which share of the true rows was found; -1 in `truth` is nothing."""
    there = int((truth >= 0).sum())
    hits = sum(int(np.isin(right[right >= 0], rows).sum()) for right, rows in zip(truth, found, strict=True))
    return hits / there if there else 1.0
