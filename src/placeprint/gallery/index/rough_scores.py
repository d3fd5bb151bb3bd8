"""Scores in 32 bit of rows that lie far apart: they tell which of many candidates may be the nearest."""

from __future__ import annotations

import numpy as np

from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.short_vectors import ALONE, ShortVectors
from placeprint.gallery.index.top_k import Numbers, rounding


def may_be_best(vectors: Vectors, query: Vectors, rows: Numbers, k: int) -> Numbers:
    """Return the rows, ascending, that may be among the `k` of highest score when they are scored in 64 bit.

    `vectors`, shape (n_rows, dim): Unit vectors, or what reads them; some hundred are read at once.
    `query`: shape (dim,).
    `rows`: The candidates, each once.
    """
    rows = np.sort(rows)
    if len(rows) <= k:
        return rows
    step = max(1, ALONE // len(query))
    scores = np.concatenate([_scores(vectors, query, rows[i : i + step]) for i in range(0, len(rows), step)])
    floor = np.partition(scores, -k)[-k] - np.float32(rounding(len(query)))
    left: Numbers = rows[~(scores < floor)]  # a floor of NaN, from a damaged file, leaves all
    return left


def _scores(vectors: Vectors, query: Vectors, rows: Numbers) -> Vectors:
    if isinstance(vectors, ShortVectors):
        return vectors.some(rows).products(query)
    scores: Vectors = np.vecdot(vectors[rows], query)  # not by BLAS, whose threads spin when they are done
    return scores
