"""How well a model finds images of places that it never saw, and whether it does so better than its base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from placeprint.arrays import Floats, Rows, Vectors
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.metrics.paired_tests import McNemar, PairedDifference, mcnemar, paired_difference
from placeprint.evaluation.metrics.retrieval import PositiveRanks, average_precision, hits_at, mean_of
from placeprint.evaluation.ranking import rank_queries
from placeprint.gallery.gallery import Gallery
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.recognition.queries import Queries
from placeprint.records import ModelSpec
from placeprint.storage.ragged import Ragged
from placeprint.terminal import counted
from placeprint.training.pool import Pool, answering, asking


@dataclass(frozen=True, slots=True)
class Found:
    """What each query found."""

    # hits, precision, (n_queries,): 1 where the best match is right; average precision over the full ranking.
    hits: Floats
    precision: Floats
    places: Rows  # Shape (n_queries,).

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
    """A trained model against its base on the same queries."""

    # better, worse: The 95 % interval of the difference of mAP, over places, lies above 0; below 0.
    better: bool
    worse: bool
    precision: PairedDifference  # Of average precision, trained less base.
    recall: McNemar  # First the trained model, second the base.
    says: str  # One line for people.


class HeldOut:
    """Places that do not train: their queries are searched among their images, those of all datasets together.

    `asked`: Rows of the places that are asked about; see `placeprint.training.pool.Division`.
    `among`: Rows of other places that did not train, to be searched too: the more there are, the harder it is.
    `rows`: All rows that take part.
    """

    def __init__(self, pool: Pool, asked: Rows, among: Rows | None = None) -> None:
        self.rows = rows = np.sort(asked if among is None else np.concatenate([asked, among]))
        ask, answer = asking(pool, asked), answering(pool, rows)
        self._ask, self._answer = np.searchsorted(rows, ask), np.searchsorted(rows, answer)
        self._own = ask[:, None] == answer[None]
        self._right = (pool.labels[ask][:, None] == pool.labels[answer][None]) & ~self._own
        self._places = pool.labels[ask]
        numbered = zip(rows, pool.labels[rows], strict=True)  # two datasets may have the same path
        self._records = [replace(pool.records[r], path=f"{r}", places=(f"{place}",)) for r, place in numbered]

    def measure(self, vectors: Vectors) -> Found:
        """Search for every query by plain cosine similarity.

        `vectors`, shape (len(rows), dim): Unit vectors, in the order of `rows`.
        """
        scores = vectors[self._ask] @ vectors[self._answer].T
        scores[self._own] = -np.inf  # ranked last, where it moves nothing
        order = np.argsort(-scores, axis=1, kind="stable")
        ranks = PositiveRanks.of(np.flatnonzero(right[line]) for right, line in zip(self._right, order, strict=True))
        return Found(hits_at(ranks, 1), average_precision(ranks), self._places)

    def measure_as(
        self,
        preset: Preset,
        spec: ModelSpec,
        vectors: Vectors,
        parts: Mapping[str, Ragged],
        *,
        progress: Progress | None = None,
    ) -> Found:
        """Search for every query as a gallery of a preset is asked.

        `spec`: Of the model, as the preset asks it to look.
        `vectors`, shape (len(rows), dim): Unit vectors, in the order of `rows`.
        `parts`: What the preset keeps of each image, in the same order.
        """
        ask, answer = self._ask, self._answer
        gallery = Gallery.in_memory(
            [self._records[i] for i in answer],
            vectors[answer],
            spec=spec,
            index="exact",
            preset=preset,
            parts={name: kept.kept(answer) for name, kept in parts.items()},
        )
        ranking = rank_queries(
            gallery,
            Queries(
                [self._records[i] for i in ask],
                vectors[ask],
                {name: kept.kept(ask) for name, kept in parts.items()},
                np.where(self._own.any(axis=1), self._own.argmax(axis=1), -1).tolist(),
            ),
            truth=ByPlace.of(gallery.records),
            k=1,
            progress=progress,
        )
        return Found(hits_at(ranking.positives, 1), average_precision(ranking.positives), self._places)


def judge(trained: Found, base: Found, *, seed: int, preset: str) -> Verdict:
    """Judge a model against its base by the paired bootstrap over places and by McNemar's test."""
    rng = np.random.default_rng([seed, 2])
    precision = paired_difference(trained.precision, base.precision, rng=rng, clusters=base.places)
    recall = mcnemar(trained.hits, base.hits)
    gain = precision.interval
    better, worse = bool(gain.low > 0), bool(gain.high < 0)
    word = "better than the base" if better else "worse than the base" if worse else "not shown to be better"
    advice = "" if better else "; keep using the base"
    says = (
        f"{word} on {counted(gain.units, 'place')} that it never saw, asked by {preset}: mAP {gain.value:+.3f} "
        f"[{gain.low:+.3f}, {gain.high:+.3f}], p = {precision.p_value:.3f}; "
        f"{recall.first_only} of {counted(recall.pairs, 'query', 'queries')} gained, {recall.second_only} lost{advice}"
    )
    return Verdict(better, worse, precision, recall, says)
