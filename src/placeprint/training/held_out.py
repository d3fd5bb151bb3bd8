"""How well a model finds photos of places that it never saw, and whether it does so better than its base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.evaluation.paired_tests import McNemar, PairedDifference, mcnemar, paired_difference
from placeprint.evaluation.retrieval_metrics import PositiveRanks, average_precision, hits_at, mean_of
from placeprint.training.pool import Pool, Rows, answering, asking

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """What every query found.

    Attributes
    ----------
    hits, precision : ndarray of float64, shape (n_queries,)
        1 where the best match is right; average precision over the full ranking.
    places : ndarray of int64, shape (n_queries,)
    """

    hits: Floats
    precision: Floats
    places: Rows

    @property
    def recall_at_1(self) -> float:
        """The mean of `hits`."""
        return mean_of(self.hits)

    @property
    def mean_average_precision(self) -> float:
        """The mean of `precision`."""
        return mean_of(self.precision)

    @property
    def score(self) -> float:
        """What a training is steered by: the mean of Recall@1 and mAP."""
        return (self.recall_at_1 + self.mean_average_precision) / 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """A trained model against its base on the same queries.

    Attributes
    ----------
    better, worse : bool
        The 95 % interval of the difference of mAP, over places, lies above 0; below 0.
    precision : PairedDifference
        Of average precision, trained less base.
    recall : McNemar
        First the trained model, second the base.
    says : str
        One line for people.
    """

    better: bool
    worse: bool
    precision: PairedDifference
    recall: McNemar
    says: str


class HeldOut:
    """Places that do not train: their queries are searched among their photos, those of all datasets together.

    Parameters
    ----------
    pool : Pool
    asked : ndarray of int64
        Rows of the places that are asked about; see `placeprint.training.pool.Parts`.
    among : ndarray of int64, optional
        Rows of other places that did not train, to be searched too: the more there are, the harder it is.

    Attributes
    ----------
    rows : ndarray of int64
        All rows that take part.
    """

    def __init__(self, pool: Pool, asked: Rows, among: Rows | None = None) -> None:
        self.rows = rows = np.sort(asked if among is None else np.concatenate([asked, among]))
        ask, answer = asking(pool, asked), answering(pool, rows)
        self._ask, self._answer = np.searchsorted(rows, ask), np.searchsorted(rows, answer)
        self._own = ask[:, None] == answer[None]
        self._right = (pool.labels[ask][:, None] == pool.labels[answer][None]) & ~self._own
        self._places = pool.labels[ask]

    def measure(self, vectors: NDArray[np.float32]) -> Found:
        """Search for every query.

        Parameters
        ----------
        vectors : ndarray of float32, shape (len(rows), dim)
            Unit vectors, in the order of `rows`.
        """
        scores = vectors[self._ask] @ vectors[self._answer].T
        scores[self._own] = -np.inf  # ranked last, where it moves nothing
        order = np.argsort(-scores, axis=1, kind="stable")
        ranks = PositiveRanks.of(np.flatnonzero(right[line]) for right, line in zip(self._right, order, strict=True))
        return Found(hits_at(ranks, 1), average_precision(ranks), self._places)


def judge(trained: Found, base: Found, *, seed: int) -> Verdict:
    """Say whether a model is better than its base: the paired bootstrap over places, and McNemar's test."""
    rng = np.random.default_rng([seed, 2])
    precision = paired_difference(trained.precision, base.precision, rng=rng, clusters=base.places)
    recall = mcnemar(trained.hits, base.hits)
    gain = precision.interval
    better, worse = bool(gain.low > 0), bool(gain.high < 0)
    word = "better than the base" if better else "worse than the base" if worse else "not shown to be better"
    advice = "" if better else "; keep using the base"
    says = (
        f"{word} on {gain.units} places that it never saw: mAP {gain.value:+.3f} "
        f"[{gain.low:+.3f}, {gain.high:+.3f}], p = {precision.p_value:.3f}; "
        f"{recall.first_only} of {recall.pairs} queries gained, {recall.second_only} lost{advice}"
    )
    return Verdict(better, worse, precision, recall, says)
