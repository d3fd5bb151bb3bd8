"""Exact and near duplicates within a split and across splits, as columns with a row for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Numbers, Rows
from placeprint.dataset.checks.hamming import near_pairs
from placeprint.records import ImageRecord, Split

MAX_GROUP = 32
"""In a larger group of equal images each is paired only with the group's first: n pairs, not n²."""

MAX_PAIRS = 1_000_000
"""The distance is lowered until there are no more near pairs than this."""


class Exact(IntEnum):
    """How exact a duplicate is."""

    NONE = 0
    PIXELS = 1
    BYTES = 2

    @property
    def label(self) -> str:
        """The word for people and files."""
        return self.name.lower()


class Relation(IntEnum):
    """The splits of a pair's two images. Whatever is not a query counts as gallery.

    Places differ when both images are labelled and have no place in common.
    """

    INSIDE_GALLERY = 0
    INSIDE_QUERY = 1
    ACROSS_SAME_PLACE = 2
    INSIDE_GALLERY_DIFFERENT_PLACES = 3
    INSIDE_QUERY_DIFFERENT_PLACES = 4
    ACROSS_DIFFERENT_PLACES = 5

    @property
    def label(self) -> str:
        """The word for people and files."""
        return self.name.lower().replace("_", "-")

    @property
    def across(self) -> bool:
        """True when one is in the gallery and the other is a query."""
        return self in (Relation.ACROSS_SAME_PLACE, Relation.ACROSS_DIFFERENT_PLACES)

    @property
    def different_places(self) -> bool:
        """True when the labels contradict each other."""
        return self >= Relation.INSIDE_GALLERY_DIFFERENT_PLACES


@dataclass(frozen=True, slots=True)
class DuplicatePairs:
    """Pairs of duplicates as columns, exact ones first, then by distance."""

    # first, second, (n_pairs,): Rows of the table of images, ``first < second``.
    first: Rows
    second: Rows
    distance: NDArray[np.uint8]  # (n_pairs,): Differing bits of the two dHashes; 0 for exact duplicates.
    exact: NDArray[np.uint8]  # (n_pairs,): Codes of `Exact`.
    relation: NDArray[np.uint8]  # (n_pairs,): Codes of `Relation`.
    # All pairs up to this distance are here; it is less than was asked for when there were more than `MAX_PAIRS`.
    hamming: int

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first)

    def within(self, distance: int) -> Self:
        """Return the exact pairs, and the near ones up to `distance`."""
        kept = self.distance <= distance  # that of an exact pair is 0
        return replace(
            self,
            first=self.first[kept],
            second=self.second[kept],
            distance=self.distance[kept],
            exact=self.exact[kept],
            relation=self.relation[kept],
            hamming=min(self.hamming, distance),
        )


def find_duplicates(
    records: Sequence[ImageRecord],
    pixel_hashes: Sequence[str],
    *,
    dhashes: NDArray[np.uint64],
    blank: Flags,
    distance: int = 5,
) -> DuplicatePairs:
    """Find exact and near duplicates among measured images.

    `records`: With `content_hash` filled in.
    `pixel_hashes`: Of the decoded pixels with their shape.
    `dhashes`, shape (n,): Difference hashes.
    `blank`, shape (n,): Images without contrast: their dHash is noise, so they only have exact duplicates.
    `distance`: Greatest Hamming distance of a near pair.
    Raises `UsageError` or `VectorError` as `placeprint.dataset.checks.hamming.near_pairs` does.
    """
    one, two, bits, used = _near(dhashes, np.flatnonzero(~blank), distance)
    parts = [(one, two, bits, Exact.NONE)]
    for column, exact in ((pixel_hashes, Exact.PIXELS), ([r.content_hash for r in records], Exact.BYTES)):
        one, two = _equal_pairs(np.unique(np.asarray(column, dtype=np.bytes_), return_inverse=True)[1])
        parts.append((one, two, np.zeros(len(one), np.uint8), exact))
    first, second, bits = (np.concatenate([part[i] for part in parts]) for i in range(3))
    codes = np.concatenate([np.full(len(part[0]), part[3], np.uint8) for part in parts])
    kept = _strongest(first, second, codes)
    order = kept[np.lexsort((second[kept], first[kept], bits[kept], -codes[kept].astype(np.int64)))]
    first, second = first[order], second[order]
    return DuplicatePairs(first, second, bits[order], codes[order], _relations(records, first, second), used)


def _strongest(first: Rows, second: Rows, exact: NDArray[np.uint8]) -> Rows:
    """Return one row for each pair: that of the greatest `exact`."""
    order = np.lexsort((-exact.astype(np.int64), second, first))
    one, two = first[order], second[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    return order[fresh]


def _equal_pairs(group: Numbers) -> tuple[Rows, Rows]:
    """Pair the rows of the same group, see `MAX_GROUP`."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    firsts: list[Rows] = [np.zeros(0, np.int64)]
    seconds: list[Rows] = [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        one, two = np.triu_indices(size, k=1) if size <= MAX_GROUP else _star(size)
        begin = starts[sizes == size][:, None]
        firsts.append(order[(begin + one).ravel()])
        seconds.append(order[(begin + two).ravel()])
    return np.concatenate(firsts), np.concatenate(seconds)


def _star(size: int) -> tuple[Rows, Rows]:
    others = np.arange(1, size)
    return np.zeros_like(others), others


def _near(dhashes: NDArray[np.uint64], rows: Rows, distance: int) -> tuple[Rows, Rows, NDArray[np.uint8], int]:
    """Find near pairs among `rows`: of different hashes first, then of the images that share a hash."""
    hashes, group = np.unique(dhashes[rows], return_inverse=True)
    (one, two, bits), used = near_pairs(hashes, distance, limit=MAX_PAIRS)
    sizes = np.bincount(group, minlength=len(hashes))
    counts = sizes[one] * sizes[two]
    counts = np.where(counts > MAX_GROUP**2, sizes[one] + sizes[two] - 1, counts)
    totals = np.cumsum(np.bincount(bits, weights=counts, minlength=used + 1))
    used = int(np.searchsorted(totals, MAX_PAIRS, side="right")) - 1  # different hashes: totals[0] is 0
    near = bits <= used
    first, second, source = _members(group, sizes, one[near], two[near])
    same_first, same_second = _equal_pairs(group)
    first, second = rows[np.concatenate((same_first, first))], rows[np.concatenate((same_second, second))]
    column = np.concatenate((np.zeros(len(same_first), np.uint8), bits[near][source]))
    return np.minimum(first, second), np.maximum(first, second), column, used


def _members(group: Numbers, sizes: Numbers, one: Rows, two: Rows) -> tuple[Rows, Rows, Rows]:
    """Turn pairs of hashes into pairs of images; in large groups, each image with the other group's first."""
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(sizes) - sizes
    whole = sizes[one] * sizes[two] <= MAX_GROUP**2
    counts = np.where(whole, sizes[one] * sizes[two], sizes[one] + sizes[two] - 1)
    source = np.repeat(np.arange(len(one)), counts)
    step = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = sizes[two][source]
    left = np.where(whole[source], step // width, np.maximum(step - width + 1, 0))
    right = np.where(whole[source], step % width, np.where(left > 0, 0, step))
    return order[starts[one][source] + left], order[starts[two][source] + right], source


def _relations(records: Sequence[ImageRecord], first: Rows, second: Rows) -> NDArray[np.uint8]:
    query = np.array([r.split is Split.QUERY for r in records], dtype=np.bool_)
    across = query[first] != query[second]
    relation = np.where(across, Relation.ACROSS_SAME_PLACE, np.where(query[first], Relation.INSIDE_QUERY, 0))
    differ = int(Relation.INSIDE_GALLERY_DIFFERENT_PLACES)  # the last three codes are the first three, apart
    return (relation + np.where(_apart(records, first, second), differ, 0)).astype(np.uint8)


def _apart(records: Sequence[ImageRecord], first: Rows, second: Rows) -> Flags:
    """Return which pairs are labelled and have no place in common; equal pairs of labels are compared once."""
    labels = {places: i for i, places in enumerate(dict.fromkeys(r.places for r in records))}
    known = list(labels)
    label = np.array([labels[r.places] for r in records], dtype=np.int64)
    pairs = np.stack((label[first], label[second]), axis=1)
    if not len(pairs):
        return np.zeros(0, dtype=np.bool_)
    kinds, back = np.unique(pairs, axis=0, return_inverse=True)
    apart = [bool(known[a]) and bool(known[b]) and not set(known[a]) & set(known[b]) for a, b in kinds]
    return np.asarray(apart, dtype=np.bool_)[back.ravel()]
