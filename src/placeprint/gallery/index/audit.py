"""Measures an index against exact search on the gallery's own vectors, with and without filters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryFormatError
from placeprint.gallery.index.base import VectorIndex, Vectors, checked_k
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.tuning import disturbed
from placeprint.gallery.index.widths import TARGET
from placeprint.gallery.table import RecordTable
from placeprint.records import Neighbours
from placeprint.storage.json_records import record_from

SEED, TIMED = 23, 20
"""How own vectors and places are drawn; queries whose time is taken, one by one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of asking."""

    filter: str  # ``none``, ``half of the places``, ``a tenth of the places``, ``one place``.
    rows: int  # Rows that it lets through.
    recall: float  # Which share of the exact answer's rows, or of rows that score as high, the index found.
    error: float  # Its standard error: other queries would give another number.
    # milliseconds, exact_milliseconds: Of one query: median.
    milliseconds: float
    exact_milliseconds: float


@dataclass(frozen=True, slots=True)
class Audit:
    """What was measured.

    Attributes
    ----------
    index : str
    k : int
    queries : int
    rows : int
    target : float
        The recall that is promised.
    trials : tuple of Trial
        Without a filter first.
    when : str
        ISO 8601, UTC.
    data : str
        The gallery's data folder at that time: with another one, this is not about what is there.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.verify("town.gallery", recall=True).audit.recall
    1.0
    """

    index: str
    k: int
    queries: int
    rows: int
    target: float
    trials: tuple[Trial, ...]
    when: str
    data: str

    @property
    def recall(self) -> float:
        """Without a filter."""
        return self.trials[0].recall

    @property
    def ok(self) -> bool:
        """True when nothing is below the target by more than twice its standard error."""
        return all(trial.recall + 2 * trial.error >= self.target for trial in self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**asdict(self), "recall": self.recall, "ok": self.ok}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Self:
        """Read what `to_dict` made.

        Raises
        ------
        GalleryFormatError
            When a field is not what it must be.
        """
        try:
            made = record_from(cls, {name: value for name, value in entry.items() if name not in ("recall", "ok")})
        except (TypeError, ValueError) as error:
            raise GalleryFormatError(f"what verify --recall measured cannot be read ({error}): run it again") from error
        if not made.trials:
            raise GalleryFormatError("what verify --recall measured is not there: run it again")
        return made


def audit_of(
    index: VectorIndex, vectors: Vectors, records: RecordTable, *, k: int = 10, queries: int = 200, data: str = ""
) -> Audit:
    """Ask an index and the exact one for the neighbours of some of the gallery's vectors, disturbed.

    `vectors`, shape (n, dim): Unit vectors.
    `records`: Their places make the filters.
    `k`, `queries`, `data`: See `Audit`.
    """
    k = checked_k(k)
    rows, asked = disturbed(vectors, queries, seed=SEED) if len(vectors) else (None, vectors[:0])
    exact = ExactIndex(vectors)
    place = records[int(rows[0])].places[:1] if rows is not None else ()
    trials = tuple(
        _tried(name, index, exact, asked, k, only)
        for name, only in _filters(records, place, np.random.default_rng(SEED))
    )
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Audit(index.name, k, len(asked), len(vectors), TARGET, trials, when, data)


def _filters(
    records: RecordTable, place: tuple[str, ...], rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.bool_] | None]]:
    yield "none", None
    places = rng.permutation(np.array(records.places, dtype=object)).tolist()
    kinds = {"half of the places": places[: len(places) // 2], "a tenth of the places": places[: len(places) // 10]}
    for name, some in {**kinds, "one place": place}.items():
        if some:
            only = np.zeros(len(records), np.bool_)
            only[records.rows_showing(frozenset(some))] = True
            yield name, only


def _tried(
    name: str, index: VectorIndex, exact: ExactIndex, asked: Vectors, k: int, only: NDArray[np.bool_] | None
) -> Trial:
    recall, error = _recall(index.search(asked, k, only=only), exact.search(asked, k, only=only))
    count = len(index) if only is None else int(only.sum())
    return Trial(name, count, recall, error, _time(index, asked, k, only), _time(exact, asked, k, only))


def _recall(found: Neighbours, truth: Neighbours) -> tuple[float, float]:
    """Return the recall and its standard error.

    Equal scores are as good as the same row: which of them is cut off at `k` means nothing. An engine rounds scores
    in its own way, so that the same row is right whatever its score.
    """
    there = truth.rows >= 0
    last = np.where(there, truth.scores, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    right = (found.scores >= last) | (found.rows[:, :, None] == truth.rows[:, None, :]).any(axis=2)
    hits = np.minimum((right & (found.rows >= 0)).sum(axis=1), there.sum(axis=1))
    if not there.any():
        return 1.0, 0.0
    shares = hits[there.any(axis=1)] / there.sum(axis=1)[there.any(axis=1)]
    return float(shares.mean()), float(shares.std() / np.sqrt(len(shares)))


def _time(index: VectorIndex, asked: Vectors, k: int, only: NDArray[np.bool_] | None) -> float:
    times = []
    for query in asked[:TIMED]:
        began = time.perf_counter()
        index.search(query[None], k, only=only)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times)) if times else 0.0
