"""Copies and bursts: the same view counts as one look, however many photos of it there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.dataset.metadata.times import seconds_of
from placeprint.grouping.clusters import Pair
from placeprint.grouping.evidence import Candidates, connected
from placeprint.recognition.copies import NEAR_DUPLICATE
from placeprint.records import ImageRecord

BURST_SECONDS = 10.0
"""Within which two alike photos of one camera are a burst."""
BURST_LIKENESS = 0.9
"""Cosine similarity of its photos."""


def looks_of(
    records: Sequence[ImageRecord], vectors: Vectors, found: Candidates, parted: Collection[Pair] = ()
) -> list[list[int]]:
    """Return the photos of each look, in order; a look is named by its first photo, the largest.

    Parameters
    ----------
    records : sequence of ImageRecord
        With content hashes and sizes.
    vectors : ndarray of float32, shape (n, dim)
        Embeddings, unit vectors.
    found : Candidates
    parted : collection of (int, int)
        Photos that are never one look.
    """
    alike = _cosines(vectors, found)
    near = [pair for pair, cosine in zip(found.pairs, alike.tolist(), strict=True) if cosine >= NEAR_DUPLICATE]
    close = [pair for pair, cosine in zip(found.pairs, alike.tolist(), strict=True) if cosine >= BURST_LIKENESS]
    one = [*_same_bytes(records), *near, *(pair for pair in close if in_burst(records[pair[0]], records[pair[1]]))]
    made: list[list[int]] = []
    for rows in connected(len(records), one):
        torn = any(a in rows and b in rows for a, b in parted)
        made += [[row] for row in rows] if torn else [sorted(rows, key=lambda row: (-_pixels(records[row]), row))]
    return made


def in_burst(one: ImageRecord, other: ImageRecord) -> bool:
    """Return whether two photos were taken by one camera within `BURST_SECONDS`; False where times are not known."""
    apart = seconds_between(one, other)
    return apart is not None and apart <= BURST_SECONDS and one.camera == other.camera


def seconds_between(one: ImageRecord, other: ImageRecord) -> float | None:
    """Return the seconds between two photos; None where one of their times is not known."""
    if one.taken is None or other.taken is None:
        return None
    first, second = seconds_of(one.taken), seconds_of(other.taken)
    return None if first is None or second is None else abs(first - second)


def _cosines(vectors: Vectors, found: Candidates) -> Floats:
    cosines = np.zeros(len(found))
    for start in range(0, len(found), 4096):
        part = slice(start, start + 4096)
        cosines[part] = np.einsum("ij,ij->i", vectors[found.first[part]], vectors[found.second[part]])
    return cosines


def _same_bytes(records: Sequence[ImageRecord]) -> Iterator[Pair]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        rows[record.content_hash or record.path].append(row)
    for same in rows.values():
        yield from ((same[0], other) for other in same[1:])


def _pixels(record: ImageRecord) -> int:
    return record.width * record.height
