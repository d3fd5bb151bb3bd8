"""Each query against its strongest impostor: how many right images come before the first wrong one."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Numbers, Vectors
from placeprint.cores import available_cores
from placeprint.evaluation.ground_truth import GroundTruth
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.exact import ExactIndex
from placeprint.recognition.copies import Copies
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.recognition.voting import label
from placeprint.records import ImageRecord
from placeprint.storage.ragged import parts_at

DEPTH = 512
"""Neighbours that are looked at; `Impostors.better` stops there."""

Again = Callable[[int, Numbers, NDArray[np.float64], Numbers], tuple[Numbers, NDArray[np.float64]]]
"""From the number of an image, the gallery rows that were found for it, their similarities and the rows that are left
out, to the rows in another order and their similarities."""


@dataclass(frozen=True, slots=True)
class Impostors:
    """Images that were asked, and what came first."""

    records: tuple[ImageRecord, ...]
    # (n, depth): Gallery rows, best first, without the image itself and its copies; -1 where there are no more.
    ranked: Numbers
    right: Flags  # (n, depth): Which of them are right.
    photos: Numbers  # (n,): Right images in the whole gallery, without the image itself and its copies.
    better: Numbers  # (n,): Right images before the first wrong one: above 0 means that the best match is right.
    impostor: Numbers  # (n,): Gallery row of the first wrong image; -1 when there is none.
    impostor_score: NDArray[np.float64]  # (n,): Its cosine similarity; NaN when there is none.

    def rows_of_places(self) -> dict[str, Numbers]:
        """Return the rows of each place; an image of several places is in each."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, record in enumerate(self.records):
            for place in record.places:
                rows[place].append(row)
        return {place: np.array(found, np.int64) for place, found in rows.items()}

    def only(self, rows: Numbers) -> Impostors:
        """Return some of the rows."""
        columns = (getattr(self, f.name)[rows] for f in fields(self) if f.name != "records")
        return Impostors(tuple(self.records[row] for row in rows), *columns)

    def counts(self) -> tuple[Numbers, Numbers]:
        """Return `better` and `photos` of those that have a right answer."""
        known = self.photos > 0
        return self.better[known], self.photos[known]


def find_impostors(
    gallery: Vectors, queries: Queries, *, truth: GroundTruth, copies: Copies | None = None, again: Again | None = None
) -> Impostors:
    """Search the gallery for each query, without the row that it is itself.

    `gallery`, shape (n_gallery, dim): Unit vectors.
    `copies`: Of the gallery's images: those of each query are left out with it.
    `again`: Ranks what was found again, see `Again`; by cosine similarity alone without it.
    """
    depth = min(DEPTH + 1, max(len(gallery), 1))
    found = ExactIndex(gallery).search(queries.vectors, depth)
    rows, scores = found.rows.copy(), found.scores.astype(np.float64)
    positives = [truth.positives(record) for record in queries.records]
    own = [-1] * len(queries) if queries.own_rows is None else queries.own_rows
    gone = [np.array([row]) if copies is None else copies.of(row, p) for row, p in zip(own, positives, strict=True)]
    for i, left in enumerate(gone):
        rows[i, np.isin(rows[i], left)] = -1
    order = np.argsort(rows < 0, axis=1, kind="stable")  # what is left out goes to the end
    rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
    if again is not None:
        counts = (rows >= 0).sum(axis=1).tolist()
        with ThreadPoolExecutor(available_cores()) as pool:
            lines = pool.map(again, count(), map(_cut, rows, counts), map(_cut, scores, counts), gone)
            for i, (better, similarities) in enumerate(lines):
                rows[i, : len(better)], scores[i, : len(better)] = better, similarities
    right = np.zeros(rows.shape, np.bool_)
    for i, good in enumerate(positives):
        right[i] = np.isin(rows[i], good)
    wrong = ~right & (rows >= 0)
    some = wrong.any(axis=1)
    first = wrong.argmax(axis=1)
    at = (np.arange(len(queries)), first)
    return Impostors(
        tuple(queries.records),
        rows,
        right,
        np.array([len(p) - np.isin(left, p).sum() for p, left in zip(positives, gone, strict=True)], np.int64),
        np.where(some, first, right.sum(axis=1)),
        np.where(some, rows[at], -1),
        np.where(some, scores[at], np.nan),
    )


def _cut(line: NDArray[Any], length: int) -> NDArray[Any]:
    return line[:length]


def ranked_again(gallery: Gallery, queries: Queries) -> Again | None:
    """Return what ranks neighbours as the gallery's preset does; None where that is by cosine similarity."""
    if not gallery.preset.reranks:
        return None
    reranker = Reranker(gallery)

    def again(number: int, rows: Numbers, scores: NDArray[np.float64], gone: Numbers) -> tuple[Numbers, Any]:
        vector, parts = np.asarray(queries.vectors[number]), parts_at(queries.parts, number)
        found = reranker.ranked(vector, parts, rows, scores.astype(np.float32), gone=gone[gone >= 0])
        return found.rows, found.similarities

    return again


def closest_place(asked: Impostors, gallery: Sequence[ImageRecord]) -> tuple[str | None, float, int]:
    """Return the place that the images are most often mistaken for, or most often come closest to.

    Returns `place`: Most mistakes, then most often the strongest impostor, then the most similar; None without
    impostors.
    `similarity`: Mean score of its images where they are the strongest impostor; NaN without impostors.
    `mistaken`: Images whose best match is in that place.
    """
    seen: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for row in np.flatnonzero(asked.impostor >= 0):
        score = float(asked.impostor_score[row])
        seen[label(gallery[asked.impostor[row]])].append((asked.better[row] == 0, score))
    if not seen:
        return None, math.nan, 0
    totals = {
        place: (sum(wrong for wrong, _ in found), len(found), sum(score for _, score in found) / len(found))
        for place, found in sorted(seen.items())
    }
    place = max(totals, key=lambda name: totals[name])
    return place, totals[place][2], int(totals[place][0])


def draw_evenly(records: Sequence[ImageRecord], most: int, rng: np.random.Generator) -> Numbers:
    """Return the rows of all records, or of `most`: at first one of each place, then a second of each ..."""
    if len(records) <= most:
        return np.arange(len(records), dtype=np.int64)
    shuffled = rng.permutation(len(records))
    seen: Counter[str | None] = Counter()
    turn = np.empty(len(records), np.int64)
    for row in shuffled.tolist():
        place = records[row].place
        turn[row] = seen[place]
        seen[place] += 1
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")[:most]]).astype(np.int64)
