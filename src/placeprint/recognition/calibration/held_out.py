"""Questions with known answers: images put to the rest of their gallery, with and without their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from placeprint.cores import available_cores
from placeprint.gallery.table import RecordTable
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import Copies, rows_of_themselves
from placeprint.recognition.decision.rules import NEAREST, Evidence
from placeprint.recognition.rerank.reranker import Memo, Parts, Reranker
from placeprint.recognition.voting import label
from placeprint.records import ImageRecord
from placeprint.storage.ragged import Ragged, parts_at

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

MAX_ASKED = 2000
"""Images held out at most."""
MAX_RANKED_AGAIN = 200
"""Images held out at most where neighbours are ranked again, which takes tens of milliseconds an image."""
MAX_SCORES = 50_000_000
"""Scores computed at most, so that 100,000 images are held out 500 at a time."""
_BLOCK = 1_000_000
"""Scores held at once, in 32 bit and in 64."""
_BYTES = 1 << 22
"""Of gallery vectors that are multiplied at once: those that are read from a file are in memory only so long."""
_Look = tuple[list[float], list[bool], float, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Questions:
    """What became of questions whose answer is known.

    Attributes
    ----------
    evidence : Evidence
    right : ndarray of bool, shape (n,)
        Whether the best image shows the right place.
    groups : ndarray of int64, shape (n,)
        Number of the place that was asked for: questions of one place are not independent.
    """

    evidence: Evidence
    right: NDArray[np.bool_]
    groups: Rows

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.right)

    def only(self, kept: NDArray[np.bool_]) -> Questions:
        """Return some of the questions."""
        e = self.evidence
        return Questions(Evidence(e.scores[kept], e.same[kept], e.other[kept]), self.right[kept], self.groups[kept])


class PlaceRows:
    """Which gallery rows show which places; an image without a label is a place of its own."""

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


def chosen_rows(count: int, *, gallery_size: int, seed: int, again: bool = False) -> Rows:
    """Return which of `count` images are asked: all, or a seeded sample where that would take long."""
    most = max(100, min(MAX_RANKED_AGAIN if again else MAX_ASKED, MAX_SCORES // max(gallery_size, 1)))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def from_gallery(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    *,
    seed: int = 0,
    again: Reranker | None = None,
    progress: Progress | None = None,
) -> tuple[Questions, Questions]:
    """Hold out images (known) and whole places (unknown) of a gallery.

    An image is left out together with its near duplicates in the same place, so that a burst of one
    photographer does not look like recognition. An image without a label is not asked about: nobody knows which others
    show its place. With a `Reranker` the questions are asked as its gallery is.

    Returns
    -------
    known, unknown : Questions
        `known` has only images whose place has another image; `unknown` is empty for a single place.
    """
    places = PlaceRows(records)
    labelled = np.flatnonzero(RecordTable.of(records).columns.places >= 0)
    chosen = labelled[chosen_rows(len(labelled), gallery_size=len(records), seed=seed, again=again is not None)]
    twins = Copies(records, vectors).in_places({row: row for row in chosen.tolist()}, places.names, places.of)
    asked_known = [row for row, rows in twins.items() if len(rows) < len(places.of(places.names[row]))]
    without_twins = [twins[row] for row in asked_known]
    asked_unknown = [row for row in twins if len(places.of(places.names[row])) < len(records)]
    without_place = [places.of(places.names[row]) for row in asked_unknown]
    parts = again.parts if again else None
    with Stretch(progress, "calibrating", len(asked_known) + len(asked_unknown)) as step:
        memos: Mapping[int, Memo] = defaultdict(dict)
        asker = partial(
            ask, places, vectors, vectors, names=places.names, again=again, parts=parts, step=step, memos=memos
        )
        return asker(asked=asked_known, left_out=without_twins), asker(asked=asked_unknown, left_out=without_place)


def from_queries(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    *,
    queries: Sequence[ImageRecord],
    query_vectors: Vectors,
    query_parts: Mapping[str, Ragged] | None = None,
    seed: int = 0,
    again: Reranker | None = None,
    progress: Progress | None = None,
) -> tuple[Questions, Questions]:
    """Ask labelled queries: as they are, and once more with their place held out.

    What is in the gallery itself is left out there, as in `from_gallery`: a photo that finds itself tells nothing.

    Returns
    -------
    known, unknown : Questions
        A query of a place that the gallery lacks is unknown, and asked once; one without a label is not asked.
    """
    places = PlaceRows(records)
    labelled = np.flatnonzero([bool(q.places) for q in queries])
    sample = chosen_rows(len(labelled), gallery_size=len(records), seed=seed, again=again is not None)
    chosen = labelled[sample].tolist()
    names = [q.places for q in queries]
    own = [places.of(names[i]) for i in range(len(queries))]
    itself = rows_of_themselves(records, vectors, queries, query_vectors) or (-1,) * len(queries)
    twins = Copies(records, vectors).in_places({i: itself[i] for i in chosen}, names, places.of)
    known = [i for i in chosen if len(own[i]) > len(twins[i])]
    unknown = [i for i in chosen if len(own[i]) < len(records)]
    without_twins = [twins[i] for i in known]
    with Stretch(progress, "calibrating", len(known) + len(unknown)) as step:
        memos: Mapping[int, Memo] = defaultdict(dict)
        asker = partial(
            ask, places, vectors, query_vectors, names=names, again=again, parts=query_parts, step=step, memos=memos
        )
        return asker(asked=known, left_out=without_twins), asker(asked=unknown, left_out=[own[i] for i in unknown])


def ask(
    places: PlaceRows,
    vectors: Vectors,
    questions: Vectors,
    *,
    asked: Sequence[int],
    names: Sequence[tuple[str, ...]],
    left_out: Sequence[Rows],
    again: Reranker | None = None,
    parts: Mapping[str, Ragged] | None = None,
    step: Callable[[], object] = int,
    memos: Mapping[int, Memo] | None = None,
) -> Questions:
    """Search for some questions, each in the gallery less some rows.

    Parameters
    ----------
    places : PlaceRows
        Of the gallery.
    vectors, questions : ndarray of float32, shape (n, dim) and (m, dim)
        Unit vectors, or what reads them from a file (`placeprint.gallery.index.file_rows`).
    asked : sequence of int
        Which questions.
    names : sequence of tuple of str
        The right places of every question, asked or not.
    left_out : sequence of ndarray
        For each asked question, the gallery rows that are not there.
    again : Reranker, optional
        Ranks the best of each question again.
    parts : mapping of str to Ragged, optional
        Of the questions, asked or not.
    step : callable
        Called after each question.
    memos : mapping of int to dict, optional
        What was compared for each question, where it is asked more than once.
    """
    memos = defaultdict(dict) if memos is None else memos

    def look(number: int, vector: Vectors, line: NDArray[np.float64], gone: Rows) -> _Look:
        line[gone] = -np.inf
        if again is not None:
            _rank_again(again, line, vector, parts_at(parts, number), gone, memos[number])
        return _look(line, places)

    size = max(1, _BLOCK // max(len(vectors), 1))
    found: list[_Look] = []
    with ThreadPoolExecutor(available_cores() if again else 1) as pool:
        for start in range(0, len(asked), size):
            block = list(asked[start : start + size])
            units = questions[block]
            for one in pool.map(look, block, units, _products(units, vectors), left_out[start : start + size]):
                found.append(one)
                step()
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    evidence = Evidence(
        np.array([f[0] for f in found]).reshape(-1, NEAREST),
        np.array([f[1] for f in found], np.bool_).reshape(-1, NEAREST),
        np.array([f[2] for f in found], np.float64),
    )
    right = [bool(set(names[i]) & set(f[3])) for i, f in zip(asked, found, strict=True)]
    groups = [numbers[names[i]] for i in asked]
    return Questions(evidence, np.array(right, np.bool_), np.array(groups, np.int64))


def _products(questions: Vectors, vectors: Vectors) -> NDArray[np.float64]:
    """Return `questions @ vectors.T`."""
    made = np.empty((len(questions), len(vectors)))
    rows = max(1, _BYTES // (4 * questions.shape[1]))
    for first in range(0, len(vectors), rows):
        part = slice(first, first + rows)
        made[:, part] = questions @ vectors[part].T
    return made


def _rank_again(
    again: Reranker, scores: NDArray[np.float64], vector: Vectors, parts: Parts, gone: Rows, memo: Memo
) -> None:
    """Replace the scores of the shortlist, and let no other be above them; in place."""
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
