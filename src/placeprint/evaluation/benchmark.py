"""A run by one of the field's protocols: the figures that papers print, curves, and what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from placeprint.arrays import Rows
from placeprint.dataset.protocols.published import Figure, published
from placeprint.dataset.protocols.reading import ProtocolSet
from placeprint.evaluation.ground_truth import GroundTruth
from placeprint.evaluation.metrics.retrieval import (
    PositiveRanks,
    average_precision_over_min,
    average_precision_trapezoidal,
    mean_of,
    precision_at,
    recall_at,
    recall_at_over_all,
)
from placeprint.evaluation.protocol_truth import ByFrame, offsets_of
from placeprint.evaluation.ranking import Ranking
from placeprint.records import ImageRecord

_METRES, _FRAMES = (5.0, 25.0, 100.0), (0, 1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Recall when gallery images this far away are right: one point of a curve."""

    tolerance: float  # Metres or frames; the border counts.
    unit: str  # ``m`` or ``frames``.
    answerable: int  # Queries that have such a gallery image.
    recall: dict[int, float]  # Recall@K over all queries.


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRun:
    """What a run is in the words of a paper.

    Attributes
    ----------
    figures : dict of str to float
        What papers print, by measure; a share, not per cent.
    doubts : tuple of str
        Why it cannot stand beside published figures; empty when it can.
    published : tuple of Figure
        The figures that it can stand beside; none when it cannot.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.evaluate(gallery="town.gallery").benchmark is None
    True
    """

    protocol: str
    title: str
    figures: dict[str, float]
    doubts: tuple[str, ...]
    published: tuple[Figure, ...]

    @classmethod
    def of(cls, found: ProtocolSet, ranks: PositiveRanks, lost: int) -> BenchmarkRun:
        """Count a ranking as the protocol does; `lost` images of it could not be used."""
        protocol = found.protocol
        doubts = found.doubts + ((f"{lost} of its images could not be used",) if lost else ())
        return cls(
            protocol=protocol.name,
            title=protocol.title,
            figures={name: _figure(name, ranks, answerable=protocol.answerable) for name in protocol.reports},
            doubts=doubts,
            published=() if doubts else published(protocol.name),
        )


def tolerances(
    truth: GroundTruth,
    queries: Sequence[ImageRecord],
    ranking: Ranking,
    ks: Sequence[int],
    left_out: Sequence[Rows] | None = None,
) -> tuple[Tolerance, ...]:
    """Return recall at other tolerances than the one that decides; nothing where the truth is no distance.

    Gallery rows that are left out for a query are right for it at no distance.
    """
    if not queries or offsets_of(truth, queries[0]) is None:
        return ()
    steps: Sequence[float] = _FRAMES if isinstance(truth, ByFrame) else _METRES
    nearest = np.full(len(queries), np.inf)
    best = np.full((len(queries), ranking.top.rows.shape[1]), np.inf)
    for i, query in enumerate(queries):
        offsets = offsets_of(truth, query)
        away = np.nan_to_num(np.inf if offsets is None else offsets, nan=np.inf)
        if left_out is not None:
            away[left_out[i]] = np.inf
        rows = ranking.top.rows[i][ranking.top.rows[i] >= 0]
        nearest[i] = away.min(initial=np.inf)
        best[i, : len(rows)] = np.minimum.accumulate(away[rows])
        best[i, len(rows) :] = best[i, len(rows) - 1] if len(rows) else np.inf
    unit = "frames" if isinstance(truth, ByFrame) else "m"
    return tuple(
        Tolerance(step, unit, int((nearest <= step).sum()), {k: float((best[:, k - 1] <= step).mean()) for k in ks})
        for step in steps
    )


def benchmark_rows(run: BenchmarkRun, own: tuple[str, int], costs: tuple[float, float]) -> list[dict[str, Any]]:
    """Return the table that papers print, per cent: this run, then what was published.

    `own`: The model of the run, and the size of its embeddings.
    `costs`: Milliseconds a query, and bytes an image.
    """
    figures = {name: 100 * value for name, value in run.figures.items()}
    first = {"model": own[0], "dim": own[1], **figures, "ms": costs[0], "bytes": costs[1], "source": "this run"}
    others = [
        {"model": f.model, "dim": f.dim, **{n: f.values.get(n) for n in figures}, "ms": None, "bytes": None}
        | {"source": f.citation}
        for f in run.published
    ]
    return [first, *others]


def _figure(name: str, ranks: PositiveRanks, *, answerable: bool) -> float:
    kind, _, k = name.partition("@")
    if kind == "R":
        return recall_at(ranks, int(k)) if answerable else recall_at_over_all(ranks, int(k))
    if kind == "mP":
        return mean_of(precision_at(ranks, int(k)))
    return mean_of(average_precision_over_min(ranks, int(k)) if k else average_precision_trapezoidal(ranks))
