"""Choosing the best rows from blocks of scores, and the one number that a pair of vectors scores.

A matrix product in 32 bit rounds the same pair differently at different places of a block, so equal vectors may
score unequally. Here such scores only choose candidates, with a margin above their greatest rounding error;
candidates are scored again in 64 bit and rounded once. So the answer depends neither on blocks nor on batches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from placeprint.records import Neighbours

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]

SAMPLE = 4096
"""Scores of a query that the first floor is taken from."""

_COLUMN = np.int64((1 << 29) - 1)

KEYS_AT_ONCE = 1 << 15
"""Scores that are sorted at once: 256 KiB of keys, which stay in the processor's cache while they are made and read."""

_ZERO = 2.0**-300
"""Stands for a score of 0, of either sign; any other score in 32 bit is so far above it that it stays what it is."""

SORTED_WHOLE = 256
"""Up to so many columns sorting all is faster than setting the best apart first."""

PAIRS_AT_ONCE = 4096
"""Pairs whose vectors are held in 64 bit at once."""


def rounding(dim: int) -> float:
    """Return how much the 32-bit scores of two unit vectors may differ by rounding alone, however they are summed.

    Each score is within dim · 2⁻²⁴ of the true one (Higham 2002, Accuracy and Stability, section 3.1), and of a vector
    that is kept with its scale (`placeprint.gallery.index.short_vectors`) two roundings more.
    """
    return 2.0 * 1.01 * (dim + 2) * 2.0**-24


def scored(vectors: Vectors, queries: Doubles, lines: Numbers, rows: Numbers) -> Vectors:
    """Return the score of each pair: `queries[lines[i]]` and `vectors[rows[i]]`, in 64 bit and rounded once."""
    if len(rows) <= PAIRS_AT_ONCE:
        asked = queries if len(queries) == 1 else queries[lines]
        few: Vectors = np.vecdot(vectors[rows].astype(np.float64), asked).astype(np.float32)
        return few
    made = np.empty(len(rows), np.float32)
    for i in range(0, len(rows), PAIRS_AT_ONCE):
        part = slice(i, i + PAIRS_AT_ONCE)
        made[part] = scored(vectors, queries, lines[part], rows[part])
    return made


def ranked(lines: Numbers, rows: Numbers, scores: Vectors, *, count: int, k: int) -> Neighbours:
    """Return pairs in any order as neighbours: by score, then by the lower row, padded or cut to `k` columns.

    `lines`, `rows`, `scores`, shape (n_pairs,): The query's number, the gallery's row, and their score.
    `count`: How many queries there are.
    """
    order = np.lexsort((rows, -scores)) if count == 1 else np.lexsort((rows, -scores, lines))
    made, best = np.full((count, k), -1, np.int64), np.full((count, k), -np.inf, np.float32)
    if count == 1:
        order = order[:k]
        made[0, : len(order)], best[0, : len(order)] = rows[order], scores[order]
        return Neighbours(made, best)
    lines = lines[order]
    place = _rank(lines, count)
    there = place < k
    at = (lines[there], place[there])
    made[at], best[at] = rows[order][there], scores[order][there]
    return Neighbours(made, best)


def joined(parts: list[Neighbours], k: int) -> Neighbours:
    """Return the neighbours of some queries after each other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Neighbours(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.scores for p in parts]))


def sorted_best(products: Doubles, k: int, allowed: Numbers | None = None) -> Neighbours:
    """Return the neighbours among columns that were all scored in 64 bit.

    `products`: shape (n_queries, n_columns).
    `allowed`: The rows that the columns are, ascending; without it a column is its row.
    """
    if len(products) > 1 and products.size > KEYS_AT_ONCE:
        step = max(1, KEYS_AT_ONCE // products.shape[1])
        return joined([sorted_best(products[i : i + step], k, allowed) for i in range(0, len(products), step)], k)
    keys, count = _keys(products), products.shape[1]
    best = None if 2 * k > count else _greatest(keys, k)
    if best is None or best[:, -1].min() < 0:
        _turn_below_zero(keys)
        best = _greatest(keys, k)
        _turn_below_zero(best)
    columns = count - 1 - (best.view(np.int64) & _COLUMN)
    found = best.astype(np.float32)
    rows = columns if allowed is None else allowed[columns]
    if missing := k - rows.shape[1]:
        rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
        found = np.pad(found, ((0, 0), (0, missing)), constant_values=-np.inf)
    return Neighbours(rows, found)


def _keys(products: Doubles) -> Doubles:
    """Return one number a score: the better the greater, and of equal scores from 0 on that of the lower column.

    A score in 32 bit leaves 29 bits of a 64-bit float free, for the columns that follow its own. NumPy sorts such
    numbers with the processor's wide instructions, and a stable order without.
    """
    keys = products.astype(np.float32).astype(np.float64)
    keys += _ZERO
    bits = keys.view(np.int64)
    bits |= np.arange(keys.shape[1] - 1, -1, -1)
    return keys


def _turn_below_zero(keys: Doubles) -> None:
    """Turn the order of equal scores below 0, and back: what makes a key greater above 0 makes it lower there."""
    bits = keys.view(np.int64)
    below = bits >> 63
    below &= _COLUMN
    bits ^= below


def _greatest(keys: Doubles, k: int) -> Doubles:
    """Return the `k` greatest of each line, the greatest first; the keys change their places."""
    count = keys.shape[1]
    if SORTED_WHOLE < count > 2 * k:
        keys.partition(count - k, axis=1)
        keys = keys[:, count - k :].copy()
    keys.sort(axis=1)
    return keys[:, : -k - 1 : -1].copy()


def _rank(lines: Numbers, count: int) -> Numbers:
    """Return the position of each pair within its query; `lines` is sorted."""
    starts = np.searchsorted(lines, np.arange(count))
    ranks: Numbers = np.arange(len(lines)) - starts[lines]
    return ranks


def sorted_one(products: Doubles, k: int) -> Neighbours:
    """Return what `sorted_best` does for one query, in as few steps as there can be."""
    scores = products.astype(np.float32)
    rows = (-scores).argsort(kind="stable")[:k]
    if len(rows) < k:
        return sorted_best(products[None], k)
    return Neighbours(rows[None], scores[rows][None])


def best_of_one(vectors: Vectors, query: Doubles, scores: Vectors, k: int) -> Neighbours:
    """Return the `k` best rows of one query; its 32-bit score with every row is given.

    A floor from some of the scores leaves few of them to look at; one of NaN, from a damaged file, leaves all.
    """
    slack = np.float32(rounding(vectors.shape[1]))
    rows = np.flatnonzero(~(scores < np.partition(scores[: max(SAMPLE, k)], -k)[-k] - slack))
    if len(rows) > k:
        some = scores[rows]
        rows = rows[~(some < np.partition(some, -k)[-k] - slack)]
    exact = scored(vectors, query[None], rows, rows)
    order = (-exact).argsort(kind="stable")[:k]
    return Neighbours(rows[order][None], exact[order][None])


class Best:
    """The rows that may be among the `k` best of each query, after some blocks of scores.

    `vectors`: shape (n_rows, dim).
    `queries`, shape (n_queries, dim): Both of norm 1.
    """

    def __init__(self, vectors: Vectors, queries: Doubles, k: int) -> None:
        self._vectors, self._queries, self._k = vectors, queries, k
        self._slack = np.float32(rounding(vectors.shape[1]))
        self._floor = np.full(len(queries), -np.inf, np.float32)
        self._lines, self._rows = np.empty(0, np.int64), np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)
        self._enough = 2 * k * len(queries)

    def offer(self, scores: Vectors, rows: Numbers | int) -> None:
        """Take what reaches the floor from a block of scores.

        `scores`, shape (n_block, n_queries): As a matrix product gave them.
        `rows`, ndarray of int64, shape (n_block,), or int: The gallery's rows; an int is the first of rows that follow
        each other.
        """
        count = len(self._queries)
        if not len(self._rows) and self._k <= len(scores):  # the first block: most of it need not be kept
            some = np.ascontiguousarray(scores[: max(SAMPLE, self._k)].T)
            self._floor = np.partition(some, some.shape[1] - self._k, axis=1)[:, -self._k] - self._slack
        flat = scores.reshape(-1)
        hits = np.flatnonzero((scores >= self._floor).reshape(-1))
        if not len(hits):
            return
        at, lines = (hits, np.zeros_like(hits)) if count == 1 else np.divmod(hits, count)
        self._scores = np.concatenate([self._scores, flat[hits]])
        self._lines = np.concatenate([self._lines, lines])
        self._rows = np.concatenate([self._rows, at + rows if isinstance(rows, int) else rows[at]])
        if len(self._rows) > self._enough:
            self._prune()

    def _prune(self) -> None:
        """Raise the floors, and let go of what is below."""
        count = len(self._queries)
        self._take(np.lexsort((-self._scores, self._lines)) if count > 1 else np.argsort(-self._scores))
        last = np.flatnonzero(_rank(self._lines, count) == self._k - 1)
        self._floor[self._lines[last]] = self._scores[last] - self._slack
        self._take(np.flatnonzero(self._scores >= self._floor[self._lines]))
        if len(self._rows) > max(2 * self._k * count, PAIRS_AT_ONCE):  # many equal vectors: the lowest rows stay
            found = self._ranked()
            self._lines, at = np.nonzero(found.rows >= 0)
            self._rows, self._scores = found.rows[self._lines, at], found.scores[self._lines, at]
        self._enough = 2 * max(self._k * count, len(self._rows))

    def _take(self, order: Numbers) -> None:
        self._lines, self._rows, self._scores = self._lines[order], self._rows[order], self._scores[order]

    def neighbours(self) -> Neighbours:
        """Return the `k` best of what was offered."""
        if len(self._rows) > self._k * len(self._queries):
            self._prune()
        return self._ranked()

    def _ranked(self) -> Neighbours:
        scores = scored(self._vectors, self._queries, self._lines, self._rows)
        return ranked(self._lines, self._rows, scores, count=len(self._queries), k=self._k)
