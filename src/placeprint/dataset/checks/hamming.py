"""Find all pairs of 64-bit hashes within a Hamming distance, without comparing every pair.

The 64 bits are cut into `distance + 2` bands. Two hashes that differ in at most `distance` bits differ
in at most that many bands, so at least two bands are equal (the pigeonhole of Manku, Jain and Das
Sarma, "Detecting near-duplicates for web crawling", WWW 2007). One sort for each choice of two bands
brings every such pair together; only those are compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Rows
from placeprint.errors import UsageError, VectorError

Columns = tuple[Rows, Rows, NDArray[np.uint8]]
"""Row, row and distance of each pair."""

BLOCK_PAIRS = 1 << 18
"""Candidates compared at a time: some 20 MiB of working memory."""

BAND_LIMIT = 12
"""At larger distances the bands are so narrow that comparing all pairs in blocks is as fast."""


def near_pairs(hashes: NDArray[np.uint64], distance: int, *, limit: int | None = None) -> tuple[Columns, int]:
    """Find every pair of hashes that differ in at most `distance` bits.

    `hashes`, shape (n,): Best without repeats: `n` equal hashes make `n * (n - 1) / 2` pairs.
    `distance`: Bits, 0 to 64.
    `limit`: The distance is lowered until there are no more pairs than this.
    Returns `columns`: ``first`` and ``second``, int64, ``first < second``, sorted; and their distance, uint8.
    `distance`: The distance that was used: *all* pairs up to it are there. -1 when even equal hashes are more than
    `limit`.
    Raises `UsageError` when the distance is not 0 to 64; `VectorError` when the hashes are not one column of uint64.
    """
    if not 0 <= distance <= 64:
        raise UsageError(f"the Hamming distance of 64-bit hashes is 0 to 64, not {distance}")
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        raise VectorError(f"hashes must be one column of uint64, not {hashes.dtype} {hashes.shape}")
    for used in range(distance, -1, -1):
        found = _within(hashes, used, limit)
        if found is not None:
            return found, used
    return _gather([]), -1


def _within(hashes: NDArray[np.uint64], distance: int, limit: int | None) -> Columns | None:
    """Collect the pairs; None as soon as they are more than `limit`."""
    search = _by_bands if distance <= BAND_LIMIT else _by_blocks
    parts: list[Columns] = []
    count = 0
    for part in search(hashes, distance):
        count += len(part[0])
        if limit is not None and count > limit:
            return None
        if len(part[0]):
            parts.append(part)
    return _gather(parts)


def _gather(parts: list[Columns]) -> Columns:
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8)
    one, two, bits = (np.concatenate(column) for column in zip(*parts, strict=True))
    first, second = np.minimum(one, two), np.maximum(one, two)
    order = np.lexsort((second, first))
    return first[order], second[order], bits[order]


def _by_blocks(hashes: NDArray[np.uint64], distance: int) -> Iterator[Columns]:
    """Compare all pairs, a block of rows at a time."""
    height = max(1, BLOCK_PAIRS // max(1, len(hashes)))
    for top in range(0, len(hashes), height):
        rows = hashes[top : top + height]
        bits = np.bitwise_count(rows[:, None] ^ hashes[None, top:])
        one, two = np.nonzero(np.triu(bits <= distance, k=1))
        yield one + top, two + top, bits[one, two]


def _by_bands(hashes: NDArray[np.uint64], distance: int) -> Iterator[Columns]:
    """Compare only hashes that are equal in two of the `distance + 2` bands."""
    masks = _band_masks(distance + 2)
    for low, high in itertools.combinations(range(len(masks)), 2):
        key = hashes & (masks[low] | masks[high])
        order = np.argsort(key)
        ordered = hashes[order]
        for one, two in _runs(key[order]):
            differ = ordered[one] ^ ordered[two]
            bits = np.bitwise_count(differ)
            near = np.flatnonzero(bits <= distance)
            near = near[_first_time(differ[near], masks, low, high)]
            yield order[one[near]], order[two[near]], bits[near]


def _band_masks(bands: int) -> list[np.uint64]:
    edges = [64 * i // bands for i in range(bands + 1)]
    return [np.uint64((1 << high) - (1 << low)) for low, high in itertools.pairwise(edges)]


def _first_time(differ: NDArray[np.uint64], masks: list[np.uint64], low: int, high: int) -> Flags:
    """Return which pairs have `low` and `high` as their first two equal bands, so that each is found once."""
    first = np.ones(len(differ), dtype=np.bool_)
    for band in range(high):
        if band != low:
            first &= (differ & masks[band]) != 0
    return first


def _runs(key: NDArray[np.uint64]) -> Iterator[tuple[Rows, Rows]]:
    """Pair the positions that hold equal values of a sorted column, about `BLOCK_PAIRS` at a time."""
    edges = np.concatenate(([0], np.flatnonzero(key[1:] != key[:-1]) + 1, [len(key)]))
    ends = np.repeat(edges[1:], np.diff(edges))
    partners = ends - np.arange(len(key)) - 1  # of each position: those after it in its run
    rows = np.flatnonzero(partners)
    done = np.cumsum(partners[rows])
    begin = 0
    while begin < len(rows):
        before = done[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(done, before + BLOCK_PAIRS, side="right")))
        block = rows[begin:stop]
        counts = partners[block]
        one = np.repeat(block, counts)
        offset = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield one, one + 1 + offset
        begin = stop
