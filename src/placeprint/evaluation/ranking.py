"""Queries against a gallery, in blocks: the ranks of all positives, and the best matches.

What is ranked again, where the preset says so, is always the exact ranking: an approximate index is judged by
its own audit, never mixed into the numbers of a model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Parts, Rows
from placeprint.cores import available_cores
from placeprint.evaluation.ground_truth import GroundTruth
from placeprint.evaluation.metrics.retrieval import PositiveRanks
from placeprint.evaluation.test_set import digest, order_of
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import VectorIndex
from placeprint.gallery.index.exact import ExactIndex
from placeprint.progress import Progress, Stretch
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.recognition.voting import place_codes
from placeprint.records import Neighbours
from placeprint.storage.ragged import parts_at

Scalar = TypeVar("Scalar", bound=np.generic)

BLOCK_BYTES = 96 * 1024 * 1024
"""Rows and scores of one block of full rankings."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What metrics and diagnosis need of all rankings."""

    positives: PositiveRanks
    top: Neighbours  # The `k` best of each query.
    # (n_queries, k): Cosine similarity of each of them: their score, unless they were ranked again.
    similarities: NDArray[np.float32]
    correct: NDArray[np.bool_]  # (n_queries, k): Which of them are positives.
    # margins, positive_scores, (n_queries,): To the best image of another place; of the best positive. NaN without one.
    margins: NDArray[np.float64]
    positive_scores: NDArray[np.float64]
    digests: tuple[bytes, ...]  # Of each query's positives, by name; see `placeprint.evaluation.test_set`.
    seconds: float  # Spent in the index and in ranking again.
    index: str  # Which index ranked.


@dataclass(frozen=True, slots=True)
class _Line:
    ranks: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    similarities: NDArray[np.float32]
    correct: NDArray[np.bool_]
    margin: float
    positive_score: float
    digest: bytes


def rank_queries(
    gallery: Gallery,
    queries: Queries,
    *,
    truth: GroundTruth,
    k: int = 20,
    left_out: Sequence[Rows] | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """Rank the whole gallery for every query, as the gallery's preset asks.

    `k`: How many matches to keep.
    `left_out`: The gallery rows that are left out of each query's ranking; the row that it is itself when not given.
    """
    index: VectorIndex = gallery.index if gallery.index.capabilities.exact else ExactIndex(gallery.vectors)
    gone: Sequence[int | Rows] = left_out or queries.own_rows or [-1] * len(queries)
    codes, order = place_codes(gallery.records), order_of(gallery.records)
    again = Reranker(gallery) if gallery.preset.reranks else None

    def one(found: Neighbours, first: int, i: int) -> tuple[_Line, float]:
        began, number = time.perf_counter(), first + i
        whole = _whole(found, i, gone[number])
        if again is not None:
            whole = _again(again, whole, queries.vectors[number], parts_at(queries.parts, number))
        took = time.perf_counter() - began
        positives = truth.positives(queries.records[number])
        return _line(whole, positives, codes, k, digest(positives, order)), took

    size = max(len(gallery), 1)
    step = max(1, BLOCK_BYTES // (12 * size))
    lines: list[_Line] = []
    seconds = 0.0
    workers = available_cores() if again else 1
    with Stretch(progress, "searching", len(queries)) as tick, ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(queries), step):
            began = time.perf_counter()
            found = index.search(queries.vectors[start : start + step], size)
            seconds += time.perf_counter() - began
            for line, took in pool.map(partial(one, found, start), range(len(found.rows))):
                lines.append(line)
                seconds += took
                tick()
    return _ranking(lines, k, seconds, index.name)


def _ranking(lines: Sequence[_Line], k: int, seconds: float, index: str) -> Ranking:
    return Ranking(
        PositiveRanks.of(line.ranks for line in lines),
        Neighbours(
            _stacked([line.rows for line in lines], k, np.int64(-1)),
            _stacked([line.scores for line in lines], k, np.float32(-np.inf)),
        ),
        _stacked([line.similarities for line in lines], k, np.float32(-np.inf)),
        _stacked([line.correct for line in lines], k, np.bool_(False)),
        np.array([line.margin for line in lines], np.float64),
        np.array([line.positive_score for line in lines], np.float64),
        tuple(line.digest for line in lines),
        seconds,
        index,
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """One query's ranking of the whole gallery, best first, without the query's own rows."""

    own: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    similarities: NDArray[np.float32]


def _whole(found: Neighbours, i: int, own: int | Rows) -> _Whole:
    rows, scores = found.rows[i], found.scores[i]
    gone = np.atleast_1d(np.asarray(own, np.int64))
    keep = (rows >= 0) & (rows != gone[0] if len(gone) == 1 else ~np.isin(rows, gone))
    return _Whole(gone[gone >= 0], rows[keep], scores[keep], scores[keep])


def _again(again: Reranker, whole: _Whole, vector: NDArray[np.float32], parts: Parts) -> _Whole:
    better = again.ranked(vector, parts, whole.rows, whole.scores, gone=whole.own)
    return _Whole(whole.own, better.rows, better.scores, better.similarities)


def _line(
    whole: _Whole, positives: NDArray[np.int64], codes: NDArray[np.int64], k: int, positives_digest: bytes
) -> _Line:
    rows, scores = whole.rows, whole.scores
    right = np.zeros(len(codes), np.bool_)
    right[positives] = True
    correct = right[rows]
    ranks = np.flatnonzero(correct)
    other = np.flatnonzero(codes[rows] != codes[rows[0]]) if len(rows) else np.empty(0, np.int64)
    return _Line(
        ranks,
        rows[:k],
        scores[:k],
        whole.similarities[:k],
        correct[:k],
        float(scores[0] - scores[other[0]]) if len(other) else math.nan,
        float(scores[ranks[0]]) if len(ranks) else math.nan,
        positives_digest,
    )


def _stacked(parts: Sequence[NDArray[Scalar]], k: int, fill: Scalar) -> NDArray[Scalar]:
    """Stack lines of at most `k` values, padded on the right."""
    out = np.full((len(parts), k), fill)
    for row, part in enumerate(parts):
        out[row, : len(part)] = part
    return out
