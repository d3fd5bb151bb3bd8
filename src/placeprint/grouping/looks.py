"""Copies and bursts: the same view counts as one look, however many photos of it there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.dataset.checks.duplicates import find_duplicates
from placeprint.dataset.checks.measurements import ImageFacts, measure_files
from placeprint.dataset.checks.rules import BLANK, IMAGE_RULES
from placeprint.dataset.metadata.times import seconds_of
from placeprint.grouping.clusters import Pair
from placeprint.grouping.evidence import Candidates, connected
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import NEAR_DUPLICATE
from placeprint.records import ImageRecord

BURST_SECONDS = 10.0
"""Within which two alike photos of one camera are a burst."""
BURST_LIKENESS = 0.9
"""Cosine similarity of its photos, and of those that are looked at for copies."""


def looks_of(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    found: Candidates,
    *,
    root: Path | None = None,
    parted: Collection[Pair] = (),
    progress: Progress | None = None,
) -> list[list[int]]:
    """Return the photos of each look, in order; a look is named by its first photo, the largest.

    `records`: With content hashes and sizes.
    `vectors`, shape (n, dim): Embeddings, unit vectors.
    `root`: Where the photos are: those that are alike are also measured as `check` measures them, and what it calls
    duplicates is one look.
    `parted`: Photos that are never one look.
    """
    alike = _cosines(vectors, found)
    near = [pair for pair, cosine in zip(found.pairs, alike.tolist(), strict=True) if cosine >= NEAR_DUPLICATE]
    close = [pair for pair, cosine in zip(found.pairs, alike.tolist(), strict=True) if cosine >= BURST_LIKENESS]
    one = [*_same_bytes(records), *near, *(pair for pair in close if in_burst(records[pair[0]], records[pair[1]]))]
    if root is not None:
        known = set(one)
        one += _duplicates(root, records, [pair for pair in close if pair not in known], progress)
    made, found_looks = list[list[int]](), connected(len(records), one)
    home = {row: number for number, rows in enumerate(found_looks) for row in rows}
    torn = {home[a] for a, b in parted if home[a] == home[b]}
    for number, rows in enumerate(found_looks):
        ranked = sorted(rows, key=lambda row: (-_pixels(records[row]), row))
        made += [[row] for row in rows] if number in torn else [ranked]
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


def _duplicates(
    root: Path, records: Sequence[ImageRecord], pairs: Sequence[Pair], progress: Progress | None
) -> Iterator[Pair]:
    """Yield those of some pairs that `check` calls duplicates; a photo that cannot be measured is none."""
    rows = sorted({row for pair in pairs for row in pair})
    facts: dict[int, ImageFacts] = {}
    with Stretch(progress, "looking for copies", len(rows)) as tick:
        for row, found in zip(rows, measure_files(root, [records[row].path for row in rows]), strict=True):
            if isinstance(found, ImageFacts):
                facts[row] = found
            tick()
    there = [row for row in rows if row in facts]
    blank = next(rule for rule in IMAGE_RULES if rule.name == BLANK)
    found_pairs = find_duplicates(
        [records[row] for row in there],
        [facts[row].pixel_hash for row in there],
        dhashes=np.array([facts[row].dhash for row in there], np.uint64),
        blank=blank.verdict(np.array([blank.score(facts[row]) for row in there])),
    )
    alike = set(pairs)
    for first, second in zip(found_pairs.first.tolist(), found_pairs.second.tolist(), strict=True):
        if (pair := (there[first], there[second])) in alike:
            yield pair


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
