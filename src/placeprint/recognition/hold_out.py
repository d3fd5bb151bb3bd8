"""Questions with known answers: images put to the rest of their gallery, with and without their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.recognition.decision import NEAREST, Evidence
from placeprint.recognition.voting import label
from placeprint.records import ImageRecord

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

MAX_ASKED = 2000
"""Images held out at most."""
MAX_SCORES = 50_000_000
"""Scores computed at most, so that 100,000 images are held out 500 at a time."""
NEAR_DUPLICATE = 0.98
"""Cosine similarity from which two images of one place count as the same photograph."""
_BLOCK = 16_000_000


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
        self.names = [r.places or (label(r),) for r in records]
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


def chosen_rows(count: int, *, gallery_size: int, seed: int) -> Rows:
    """Return which of `count` images are asked: all, or a seeded sample where that would take long."""
    most = max(100, min(MAX_ASKED, MAX_SCORES // max(gallery_size, 1)))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def from_gallery(records: Sequence[ImageRecord], vectors: Vectors, *, seed: int = 0) -> tuple[Questions, Questions]:
    """Hold out images (known) and whole places (unknown) of a gallery.

    An image is left out together with its near duplicates in the same place, so that a burst of one
    photographer does not look like recognition.

    Returns
    -------
    known, unknown : Questions
        `known` has only images whose place has another image; `unknown` is empty for a single place.
    """
    places = PlaceRows(records)
    chosen = chosen_rows(len(records), gallery_size=len(records), seed=seed)
    hashes = [r.content_hash for r in records]
    asked_known, without_twins, asked_unknown, without_place = [], [], [], []
    for row in chosen.tolist():
        own = places.of(places.names[row])
        close = np.asarray(vectors[own]) @ np.asarray(vectors[row]) >= NEAR_DUPLICATE
        twin = close | (own == row) | np.array([bool(hashes[row]) and hashes[i] == hashes[row] for i in own.tolist()])
        if not twin.all():
            asked_known.append(row)
            without_twins.append(own[twin])
        if len(own) < len(records):
            asked_unknown.append(row)
            without_place.append(own)
    names = [places.names[row] for row in range(len(records))]
    known = ask(places, vectors, vectors, asked=asked_known, names=names, left_out=without_twins)
    return known, ask(places, vectors, vectors, asked=asked_unknown, names=names, left_out=without_place)


def from_queries(
    records: Sequence[ImageRecord],
    vectors: Vectors,
    *,
    queries: Sequence[ImageRecord],
    query_vectors: Vectors,
    seed: int = 0,
) -> tuple[Questions, Questions]:
    """Ask labelled queries: as they are, and once more with their place held out.

    Returns
    -------
    known, unknown : Questions
        A query of a place that the gallery lacks is unknown, and asked once.
    """
    places = PlaceRows(records)
    chosen = chosen_rows(len(queries), gallery_size=len(records), seed=seed).tolist()
    names = [q.places or (label(q),) for q in queries]
    own = [places.of(names[i]) for i in range(len(queries))]
    known = [i for i in chosen if len(own[i])]
    unknown = [i for i in chosen if len(own[i]) < len(records)]
    nothing = [np.empty(0, np.int64)] * len(known)
    with_place = ask(places, vectors, query_vectors, asked=known, names=names, left_out=nothing)
    return with_place, ask(
        places, vectors, query_vectors, asked=unknown, names=names, left_out=[own[i] for i in unknown]
    )


def ask(
    places: PlaceRows,
    vectors: Vectors,
    questions: Vectors,
    *,
    asked: Sequence[int],
    names: Sequence[tuple[str, ...]],
    left_out: Sequence[Rows],
) -> Questions:
    """Search for some questions, each in the gallery less some rows.

    Parameters
    ----------
    places : PlaceRows
        Of the gallery.
    vectors, questions : ndarray of float32, shape (n, dim) and (m, dim)
        Unit vectors.
    asked : sequence of int
        Which questions.
    names : sequence of tuple of str
        The right places of every question, asked or not.
    left_out : sequence of ndarray
        For each asked question, the gallery rows that are not there.
    """
    step = max(1, _BLOCK // max(len(vectors), 1))
    found = []
    for start in range(0, len(asked), step):
        block = list(asked[start : start + step])
        scores = (questions[block] @ vectors.T).astype(np.float64)
        found += [_look(line, places, gone) for line, gone in zip(scores, left_out[start : start + step], strict=True)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    evidence = Evidence(
        np.array([f[0] for f in found]).reshape(-1, NEAREST),
        np.array([f[1] for f in found], np.bool_).reshape(-1, NEAREST),
        np.array([f[2] for f in found], np.float64),
    )
    right = [bool(set(names[i]) & set(f[3])) for i, f in zip(asked, found, strict=True)]
    groups = [numbers[names[i]] for i in asked]
    return Questions(evidence, np.array(right, np.bool_), np.array(groups, np.int64))


def _look(
    scores: NDArray[np.float64], places: PlaceRows, gone: Rows
) -> tuple[list[float], list[bool], float, tuple[str, ...]]:
    """Return the nearest scores, which are of the best place, the best other place's score, and the best place."""
    scores[gone] = -np.inf
    near = np.argpartition(-scores, NEAREST - 1)[:NEAREST] if len(scores) > NEAREST else np.arange(len(scores))
    near = near[np.lexsort((near, -scores[near]))]
    padding = NEAREST - len(near)
    best = places.names[int(near[0])]
    values = [*scores[near].tolist(), *[-np.inf] * padding]
    same = [not set(best).isdisjoint(places.names[row]) for row in near.tolist()]
    scores[places.of(best)] = -np.inf
    other = float(scores.max())
    return values, [*same, *[False] * padding], np.nan if np.isneginf(other) else other, best
