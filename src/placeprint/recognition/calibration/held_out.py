"""Questions with known answers: images searched in the rest of their gallery, with and without their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Parts, Rows, Vectors
from placeprint.cores import available_cores
from placeprint.gallery.table import RecordTable
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import Copies, rows_of_themselves
from placeprint.recognition.decision.rules import NEAREST, Evidence
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Memo, Reranker
from placeprint.recognition.voting import label
from placeprint.records import ImageRecord
from placeprint.storage.ragged import Ragged, parts_at

MAX_ASKED = 2000
"""Images held out at most."""
MAX_RANKED_AGAIN = 200
"""Images held out at most where neighbours are ranked again, which takes tens of milliseconds an image."""
MAX_MATCHED = 100
"""Images held out at most where local features are matched too: about 0.1 s an image on two cores."""
MAX_SCORES = 50_000_000
"""Scores computed at most, so that 100,000 images are held out 500 at a time."""
_BLOCK, _TOGETHER = 1 << 23, 16
"""Scores held at once, but those of so many questions always: each block of them reads the whole gallery once, and a
product with few rows is slow."""
_BYTES = 1 << 22
"""Of gallery vectors that are multiplied at once: those that are read from a file are in memory only so long."""
_Look = tuple[list[float], list[bool], float, tuple[str, ...]]
_Looks = tuple[_Look | None, _Look | None]


@dataclass(frozen=True, slots=True)
class Questions:
    """What became of questions whose answer is known."""

    evidence: Evidence
    right: NDArray[np.bool_]  # (n,): Whether the best image shows the right place.
    groups: Rows  # (n,): Number of the place that was asked for: questions of one place are not independent.

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.right)

    @property
    def n_places(self) -> int:
        """How many different places were asked for."""
        return len(np.unique(self.groups))

    def only(self, kept: NDArray[np.bool_]) -> Questions:
        """Return some of the questions."""
        e = self.evidence
        return Questions(Evidence(e.scores[kept], e.same[kept], e.other[kept]), self.right[kept], self.groups[kept])


class PlaceRows:
    """Maps places to gallery rows; an image without a label counts as a place of its own."""

    def __init__(self, records: Sequence[ImageRecord]) -> None:
        table = RecordTable.of(records)  # of a million records few are read
        self.names = [table.places_of(row) or (label(table[row]),) for row in range(len(table))]
        rows: dict[str, list[int]] = {}
        for row, names in enumerate(self.names):
            for name in names:
                rows.setdefault(name, []).append(row)
        self._rows = {name: np.array(found, np.int64) for name, found in rows.items()}

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self._rows)

    def of(self, names: Sequence[str]) -> Rows:
        """Return the rows that show any of these places, each once."""
        found = [self._rows[name] for name in names if name in self._rows]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def chosen_rows(places: Rows, *, gallery_size: int, seed: int, again: Reranker | None = None) -> Rows:
    """Return which images are asked, by the place of each: all, or a seeded sample where all would take too long.

    A sample takes one image of each place, then a second, and so on: every place counts alike, so what tells of one
    already tells less than the first image of another.
    """
    asked = MAX_ASKED if again is None else MAX_MATCHED if again.matches else MAX_RANKED_AGAIN
    most = max(100, min(asked, MAX_SCORES // max(gallery_size, 1)))
    if len(places) <= most:
        return np.arange(len(places))
    shuffled = np.random.default_rng(seed).permutation(len(places))
    by_place = shuffled[np.argsort(places[shuffled], kind="stable")]
    _, first, counts = np.unique(places[by_place], return_index=True, return_counts=True)
    turn = np.empty(len(places), np.int64)  # how many images of its place come before an image
    turn[by_place] = np.arange(len(places)) - np.repeat(first, counts)
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")][:most])


def from_gallery(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    *,
    seed: int = 0,
    again: Reranker | None = None,
    progress: Progress | None = None,
) -> tuple[Questions, Questions]:
    """Ask a gallery's own images, each against the others; see `from_queries`.

    Of the two that are returned `known` has only images whose place has another image; `unknown` is empty for a single
    place.
    """
    own = Queries(records, vectors, again.parts if again else {}, own_rows=range(len(records)))
    return from_queries(records, vectors, own, seed=seed, again=again, progress=progress)


def from_queries(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    queries: Queries,
    *,
    seed: int = 0,
    again: Reranker | None = None,
    progress: Progress | None = None,
) -> tuple[Questions, Questions]:
    """Ask labelled images: as they are (known), and once more with their whole place held out (unknown).

    An image that is in the gallery itself is left out there, together with its near duplicates in the same place, so
    that a burst of one photographer does not look like recognition. An image without a label is not asked: nobody
    knows which others show its place. With a `Reranker` the questions are asked as its gallery is.

    An image of a place that the gallery lacks is unknown, and asked once.
    """
    places, table = PlaceRows(records), RecordTable.of(queries.records)
    labelled = np.flatnonzero(table.columns.places >= 0)
    sample = chosen_rows(np.asarray(table.columns.places[labelled]), gallery_size=len(records), seed=seed, again=again)
    chosen = labelled[sample].tolist()
    names = [table.places_of(i) for i in range(len(table))]
    own = {i: places.of(names[i]) for i in chosen}
    itself = queries.own_rows
    if itself is None:
        itself = rows_of_themselves(records, vectors, queries.records, queries.vectors) or (-1,) * len(queries)
    twins = Copies(records, vectors).in_places({i: itself[i] for i in chosen}, names, places.of)
    known = [twins[i] if len(own[i]) > len(twins[i]) else None for i in chosen]
    unknown = [own[i] if len(own[i]) < len(records) else None for i in chosen]
    with Stretch(progress, "calibrating", sum(gone is not None for gone in (*known, *unknown))) as step:
        asker = Asker(places, vectors, queries.vectors, names, again=again, parts=queries.parts, step=step)
        return asker.ask_twice(chosen, known, unknown)


@dataclass(frozen=True, slots=True)
class Asker:
    """A gallery and the questions put to it."""

    places: PlaceRows  # Of the gallery.
    # vectors, questions: (n, dim) and (m, dim): unit vectors, or what reads them from a file
    # (`placeprint.gallery.index.file_rows`).
    vectors: Vectors
    questions: Vectors
    names: Sequence[tuple[str, ...]]  # The right places of every question, asked or not.
    again: Reranker | None = None  # Ranks the best of each question again.
    parts: Mapping[str, Ragged] = field(default_factory=dict)  # Of the questions, asked or not.
    step: Callable[[], object] = int  # Called after each question.

    def ask(self, asked: Sequence[int], left_out: Sequence[Rows]) -> Questions:
        """Search for some questions, each in the gallery less some rows."""
        return self.ask_twice(asked, left_out, [None] * len(asked))[0]

    def ask_twice(
        self, asked: Sequence[int], first: Sequence[Rows | None], second: Sequence[Rows | None]
    ) -> tuple[Questions, Questions]:
        """Search for some questions, each in the gallery less some rows, and again less others.

        What is multiplied and compared for a question serves both. None does not ask it that time.
        """
        size = max(_TOGETHER, _BLOCK // max(len(self.vectors), 1))
        looks: list[_Looks] = []
        with ThreadPoolExecutor(available_cores() if self.again else 1) as pool:
            for start in range(0, len(asked), size):
                block = list(asked[start : start + size])
                units = self.questions[block]
                lines = _products(units, self.vectors)
                gone = zip(first[start : start + size], second[start : start + size], strict=True)
                for pair in pool.map(self._looks, block, units, lines, gone):
                    looks.append(pair)
                    for _ in filter(None, pair):
                        self.step()
        return self._questions(asked, [one for one, _ in looks]), self._questions(asked, [two for _, two in looks])

    def _questions(self, asked: Sequence[int], looks: Sequence[_Look | None]) -> Questions:
        """Return the questions that were asked, and what was found."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.names))}
        there = [(i, look) for i, look in zip(asked, looks, strict=True) if look is not None]
        evidence = Evidence(
            np.array([f[0] for _, f in there]).reshape(-1, NEAREST),
            np.array([f[1] for _, f in there], np.bool_).reshape(-1, NEAREST),
            np.array([f[2] for _, f in there], np.float64),
        )
        right = [bool(set(self.names[i]) & set(f[3])) for i, f in there]
        groups = [numbers[self.names[i]] for i, _ in there]
        return Questions(evidence, np.array(right, np.bool_), np.array(groups, np.int64))

    def _looks(self, number: int, vector: Vectors, line: Vectors, gone: tuple[Rows | None, Rows | None]) -> _Looks:
        memo: Memo = {}
        one, two = (None if rows is None else self._look(number, vector, line, rows, memo) for rows in gone)
        return one, two

    def _look(self, number: int, vector: Vectors, line: Vectors, gone: Rows, memo: Memo) -> _Look:
        scores = line.astype(np.float64)
        scores[gone] = -np.inf
        if self.again is not None:
            _rank_again(self.again, scores, vector, parts_at(self.parts, number), gone, memo)
        return _look(scores, self.places)


def _products(questions: Vectors, vectors: Vectors) -> Vectors:
    """Return `questions @ vectors.T`."""
    made = np.empty((len(questions), len(vectors)), np.float32)
    rows = max(1, _BYTES // (4 * questions.shape[1]))
    for first in range(0, len(vectors), rows):
        part = slice(first, first + rows)
        made[:, part] = questions @ vectors[part].T
    return made


def _rank_again(
    again: Reranker, scores: NDArray[np.float64], vector: Vectors, parts: Parts, gone: Rows, memo: Memo
) -> None:
    """Replace the scores of the shortlist in place, and cap all others below them."""
    rows = _best(scores, again.shortlist)
    rows = rows[scores[rows] > -np.inf]
    if len(rows):
        new = again.scores(vector, parts, rows, gone=gone, memo=memo)
        np.minimum(scores, new.min(), out=scores)
        scores[rows] = new


def _best(scores: NDArray[np.float64], count: int) -> Rows:
    """Return the rows of the `count` best scores, of equal scores the lower row first."""
    rows = np.arange(len(scores))
    if count < len(scores):
        rows = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return rows[np.argsort(-scores[rows], kind="stable")][:count]


def _look(scores: NDArray[np.float64], places: PlaceRows) -> _Look:
    """Return the nearest scores, which are of the best place, the best other place's score, and the best place."""
    near = _best(scores, NEAREST)
    padding = NEAREST - len(near)
    best = places.names[int(near[0])]
    values = [*scores[near].tolist(), *[-np.inf] * padding]
    same = [not set(best).isdisjoint(places.names[row]) for row in near.tolist()]
    scores[places.of(best)] = -np.inf
    other = float(scores.max())
    return values, [*same, *[False] * padding], np.nan if np.isneginf(other) else other, best
