"""Selects pairs of images: who asks for whom, and which of these pairs are kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np

from placeprint.arrays import Flags, Rows, Scores
from placeprint.cores import available_cores
from placeprint.errors import UsageError
from placeprint.evaluation.ground_truth import ByDistance
from placeprint.evaluation.pairs.result import ImagePair
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.exact import ExactIndex
from placeprint.progress import Progress, Stretch
from placeprint.recognition.rerank import matches
from placeprint.recognition.rerank.reranker import Reranker, matches_points
from placeprint.records import ImageRecord
from placeprint.storage.ragged import Ragged, parts_at

Pair = tuple[int, int]
"""Two gallery rows, in the order of their names."""

_BLOCK = 1 << 24
"""Scores that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOptions:
    """Which pairs are kept.

    Raises `UsageError`.
    """

    top: int = 20  # Nearest images that each image is paired with.
    mutual: bool = False  # Only where each of the two asked for the other.
    verify: bool | None = None  # Only where local features agree; None: where the preset matches them.
    max_distance: float | None = None  # Metres; pairs whose positions are known and farther apart are left out.
    # The set is sequences: each image is paired with as many that follow it, and retrieval finds loops beyond.
    window: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that ask for nothing."""
        if self.top < 0 or self.window < 0 or not self.top + self.window:
            raise UsageError(f"top {self.top} and window {self.window} ask for no pair: give one of them")
        if self.max_distance is not None and not 0 < self.max_distance < math.inf:
            raise UsageError(f"--max-distance must be above 0 metres, not {self.max_distance:g}")


@dataclass(frozen=True, slots=True)
class Selected:
    """The pairs that are kept, and how many were found and left out, by the reason."""

    pairs: tuple[ImagePair, ...]
    dropped: dict[str, int]
    verified: bool


class Pairing:
    """The images of a set, ready to be paired."""

    def __init__(self, gallery: Gallery, options: PairOptions) -> None:
        self._gallery, self._options = gallery, options
        self._records: Sequence[ImageRecord] = tuple(gallery.records)
        self._again = Reranker(gallery, at_once=1) if gallery.preset.reranks else None
        there = matches_points(gallery)
        if options.verify and not there:
            raise UsageError(
                f"preset {gallery.preset.name} keeps no local features to verify pairs by: take balanced or best"
            )
        self._verify = there if options.verify is None else options.verify
        order = sorted(range(len(self._records)), key=lambda row: _in_sequence(self._records[row]))
        self._place = np.empty(len(order), np.int64)
        self._place[order] = np.arange(len(order))
        self._order = order
        names = {name: number for number, name in enumerate(sorted({_sequence(r) for r in self._records}))}
        self._sequence = np.array([names[_sequence(r)] for r in self._records], np.int64)

    def pairs(self, progress: Progress | None) -> Selected:
        """Return the pairs, each once."""
        asked, dropped = self._retrieved(progress), Counter[str]()
        scores: dict[Pair, float] = {}
        for row, answers in enumerate(asked):
            for other, score in answers.items():
                if self._options.mutual and row not in asked[other]:
                    dropped["not mutual"] += 1
                    continue
                pair = self._key(row, other)
                scores[pair] = max(score, scores.get(pair, -math.inf))
        windows = dict.fromkeys(self._windows(), math.nan)
        near, beside = self._not_too_far(scores), self._not_too_far(windows)
        dropped["too far apart"] = len(scores) - len(near) + len(windows) - len(beside)
        sure = self._agreements(list(near), progress)
        kept = {pair: score for pair, score in near.items() if not self._verify or sure[pair] > matches.ONSET}
        dropped["nothing agrees"] = len(near) - len(kept)
        made = [self._pair(pair, score, sure.get(pair, math.nan), "retrieved") for pair, score in kept.items()]
        made += [self._pair(pair, math.nan, math.nan, "window") for pair in beside]
        ordered = tuple(sorted(made, key=lambda pair: (pair.first, pair.second)))
        return Selected(ordered, {why: count for why, count in dropped.items() if count}, self._verify)

    def _retrieved(self, progress: Progress | None) -> list[dict[int, float]]:
        """Return for each row the rows that it asks for, with their scores."""
        count = len(self._records)
        asked: list[dict[int, float]] = [{} for _ in range(count)]
        if not self._options.top:
            return asked
        index = ExactIndex(self._gallery.vectors)
        deep = min(count, max(self._options.top, self._gallery.preset.shortlist) + 2 * self._options.window + 1)
        step = max(1, _BLOCK // max(count, 1))
        workers = available_cores() if self._again else 1
        with Stretch(progress, "pairing", count) as tick, ThreadPoolExecutor(workers) as pool:
            for start in range(0, count, step):
                rows = range(start, min(start + step, count))
                found = index.search(np.asarray(self._gallery.vectors[rows.start : rows.stop]), deep)
                lines = zip(rows, found.rows, found.scores, strict=True)
                for row, answers in pool.map(lambda line: self._nearest(*line), lines):
                    asked[row] = answers
                    tick()
        return asked

    def _nearest(self, row: int, rows: Rows, scores: Scores) -> tuple[int, dict[int, float]]:
        """Return the best of one row's ranking, as the preset ranks it, without itself and its window."""
        keep = (rows >= 0) & (rows != row) & ~self._beside(row)[rows]
        rows, scores = rows[keep], scores[keep]
        if self._again is not None and len(rows):
            parts = parts_at(self._gallery.parts, row)
            vector = np.asarray(self._gallery.vectors[row], np.float32)
            better = self._again.ranked(vector, parts, rows, scores, gone=np.array([row], np.int64))
            rows, scores = better.rows, better.scores
        top = self._options.top
        return row, dict(zip(rows[:top].tolist(), scores[:top].astype(float).tolist(), strict=True))

    def _beside(self, row: int) -> Flags:
        """Return which rows are in the window around a row."""
        same = self._sequence == self._sequence[row]
        return np.asarray(same & (np.abs(self._place - self._place[row]) <= self._options.window))

    def _windows(self) -> Iterator[Pair]:
        """Yield the pairs of neighbours in a sequence."""
        for at, row in enumerate(self._order):
            for other in self._order[at + 1 : at + 1 + self._options.window]:
                if self._sequence[other] == self._sequence[row]:
                    yield self._key(row, other)

    def _not_too_far(self, scores: Mapping[Pair, float]) -> dict[Pair, float]:
        """Return the pairs that are not known to be farther apart than is allowed."""
        limit = self._options.max_distance
        if limit is None:
            return dict(scores)
        positions = ByDistance.of(self._records)
        near: dict[Pair, float] = {}
        for row, of_row in groupby(sorted(scores), key=itemgetter(0)):
            away = positions.offsets(self._records[row])
            near.update((pair, scores[pair]) for pair in of_row if not away[pair[1]] > limit)
        return near

    def _agreements(self, found: Sequence[Pair], progress: Progress | None) -> dict[Pair, float]:
        """Return how surely local features of each pair agree, where that is asked for."""
        if not self._verify or not found:
            return {}
        kept = self._gallery.parts["xfeat"]
        with Stretch(progress, "verifying", len(found)) as tick, ThreadPoolExecutor(available_cores()) as pool:
            sure = {}
            for pair, value in zip(found, pool.map(partial(_agreement, kept), found), strict=True):
                sure[pair] = value
                tick()
        return sure

    def _key(self, row: int, other: int) -> Pair:
        """Return a pair in the order of names."""
        return (row, other) if self._records[row].path <= self._records[other].path else (other, row)

    def _pair(self, pair: Pair, score: float, agreement: float, kind: str) -> ImagePair:
        return ImagePair(self._records[pair[0]].path, self._records[pair[1]].path, score, agreement, kind)


def _agreement(kept: Ragged, pair: Pair) -> float:
    first, second = kept.kept(list(pair))
    return float(matches.confidences(first, [second], until=math.inf)[0])


def _sequence(record: ImageRecord) -> str:
    return record.sequence if record.sequence is not None else record.path.rpartition("/")[0]


def _in_sequence(record: ImageRecord) -> tuple[str, float, str]:
    return _sequence(record), math.inf if record.frame is None else record.frame, record.path
