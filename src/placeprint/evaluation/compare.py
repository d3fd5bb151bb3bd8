"""Compares models, indexes, thresholds or settings on one dataset, with tests of whether a difference may be luck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.protocols.reading import ProtocolSet
from placeprint.errors import UsageError
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.headlines import SEED, clusters_of, headlines
from placeprint.evaluation.inputs import gather
from placeprint.evaluation.metrics.intervals import Interval
from placeprint.evaluation.metrics.paired_tests import McNemar, PairedDifference, mcnemar, paired_difference
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.evaluation.setting import Setting
from placeprint.evaluation.sweep import SweepRow, threshold_sweep
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.notebooks import Tabular, html_table
from placeprint.options import (
    BuildOptions,
    BuildWords,
    DecisionOptions,
    Imported,
    ImportedWords,
    records_of,
)
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache


class CompareWords(BuildWords, ImportedWords, total=False):
    """Keywords of `compare`."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One setting's run, and how it differs from the first.

    Attributes
    ----------
    setting : Setting
    result : EvaluationResult
    recall_at_1, average_precision : Interval
        Of the retrieval, whatever was decided, as in `placeprint.evaluate`; with its bootstrap intervals, over places.
    open_set_recall_at_1 : Interval or None
        Recall@1 with UNKNOWN a miss; None when UNKNOWN cannot be answered.
    recall_test, open_set_test : McNemar or None
        Of the two, against the first setting; None for the first itself, and of the second when neither can answer
        UNKNOWN.
    precision_difference : PairedDifference or None
        Mean average precision less that of the first.
    sweep : SweepRow or None
        What its threshold removes, when it has one.
    megabytes : float
        That the gallery keeps: vectors, parts, records and index.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.compare(None, ["threshold=0.5", "threshold=0.9"], gallery="town.gallery")
    >>> [(one.setting.name, one.recall_at_1.value) for one in found]
    [('threshold=0.5', 1.0), ('threshold=0.9', 1.0)]
    """

    setting: Setting
    result: EvaluationResult
    recall_at_1: Interval
    average_precision: Interval
    open_set_recall_at_1: Interval | None
    recall_test: McNemar | None
    open_set_test: McNemar | None
    precision_difference: PairedDifference | None
    sweep: SweepRow | None
    megabytes: float


@dataclass(frozen=True, slots=True)
class Comparison(Sequence[Compared], Tabular):
    """Several settings on one dataset, in the order given; each is compared with the first.

    Attributes
    ----------
    rows : tuple of Compared

    Examples
    --------
    >>> import placeprint
    >>> placeprint.compare(None, ["threshold=0.5", "threshold=0.9"], gallery="town.gallery")
    <Comparison of Recall@1: threshold=0.5 1.000, threshold=0.9 1.000>
    """

    rows: tuple[Compared, ...]

    def __len__(self) -> int:
        """Return the number of settings."""
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """Return one setting's row."""
        return self.rows[index]

    def __repr__(self) -> str:
        """Name each setting with its Recall@1."""
        told = ", ".join(f"{row.setting.name} {row.recall_at_1.value:.3f}" for row in self.rows)
        return f"<Comparison of Recall@1: {told}>"

    def _repr_html_(self) -> str:
        """Show a notebook one row a setting."""
        rows = self.table()
        title = f"{self.rows[0].result.dataset}: each against the first"
        return html_table(title, list(rows[0]), [list(row.values()) for row in rows])

    def table(self) -> list[dict[str, Any]]:
        """Return one row a setting."""
        nan = float("nan")
        return [
            {
                "setting": row.setting.name,
                "recall_at_1": row.recall_at_1.value,
                "map": row.average_precision.value,
                "map_difference": nan if (d := row.precision_difference) is None else d.interval.value,
                "recall_p_value": nan if (test := row.recall_test) is None else test.p_value,
                "search_ms": 1000 * row.result.seconds.search_per_query,
                "gallery_megabytes": row.megabytes,
            }
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Run:
    """A setting that was run: what came of it, and the gallery that was searched."""

    row: Compared
    gallery: Gallery


def compare_each(
    dataset: Manifest | ProtocolSet | None,
    settings: Sequence[Setting],
    options: CompareWords,
    *,
    gallery: AnyGallery | None = None,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Iterator[Run]:
    """Evaluate one setting after the other and compare each with the first; parameters as of `placeprint.compare`.

    Raises `UsageError`, `DatasetError`, `GalleryError` or `ModelError`.
    """
    asked = [_asked(setting, options) for setting in settings]
    by = dataset if isinstance(dataset, ProtocolSet) else None
    if by is not None and any(radius is not None for *_, radius in asked):
        raise UsageError("a protocol says itself what is right: leave out the radius")
    read = dataset.manifest if isinstance(dataset, ProtocolSet) else dataset
    first: EvaluationResult | None = None
    for setting, (build, decision, imported, radius) in zip(settings, asked, strict=True):
        with opened_cache(build.cache):  # keeps what is matched
            inputs = gather(read, gallery, options=build, imported=imported, progress=progress)
            run = evaluate_inputs(inputs, decision=decision, radius=radius, protocol=by, progress=progress)
        first = first or run
        yield Run(_compared(setting, run, first, seed=seed), inputs.gallery)


def _asked(setting: Setting, options: CompareWords) -> tuple[BuildOptions, DecisionOptions, Imported, float | None]:
    """Return the options of one setting, those that are common to all included."""
    asked: dict[str, Any] = {**options, **setting.options}
    radius = asked.pop("radius", None)
    return (*records_of(asked, BuildOptions, DecisionOptions, Imported), radius)


def _compared(setting: Setting, run: EvaluationResult, first: EvaluationResult, *, seed: int) -> Compared:
    threshold = setting.options.get("threshold")
    rows = {h.name: h.over_places for h in headlines(run.queries, decided=_decides(run), seed=seed)}
    test = open_test = difference = None
    if run is not first:
        there = {q.path for q in first.queries}
        paths = [q.path for q in run.queries if q.path in there]
        ours, theirs = _PerQuery.of(run, paths), _PerQuery.of(first, paths)
        test = mcnemar(ours.hits, theirs.hits)
        rng, clusters = np.random.default_rng(seed), clusters_of(ours.queries)
        difference = paired_difference(ours.precision, theirs.precision, rng=rng, clusters=clusters)
        if _decides(run) or _decides(first):
            open_test = mcnemar(ours.accepted_hits, theirs.accepted_hits)
    return Compared(
        setting=setting,
        result=run,
        recall_at_1=rows["recall_at_1"],
        average_precision=rows["map"],
        open_set_recall_at_1=rows.get("open_set_recall_at_1"),
        recall_test=test,
        open_set_test=open_test,
        precision_difference=difference,
        sweep=None
        if threshold is None
        else threshold_sweep(run, [threshold], probabilities=run.open_set.threshold is None)[0],
        megabytes=run.gallery_bytes / 1e6,
    )


def _decides(run: EvaluationResult) -> bool:
    """Return whether the run could answer UNKNOWN."""
    return run.open_set.recall_at_1 is not None


@dataclass(frozen=True, slots=True)
class _PerQuery:
    """Of each query: hit at 1, the same when its answer was accepted (NaN where there is no right one), precision."""

    queries: Sequence[EvaluatedQuery]
    hits: NDArray[np.float64]
    accepted_hits: NDArray[np.float64]
    precision: NDArray[np.float64]

    @classmethod
    def of(cls, result: EvaluationResult, paths: Sequence[str]) -> _PerQuery:
        """Look up the named queries of a run."""
        by_path = {q.path: q for q in result.queries}
        queries = [by_path[path] for path in paths]
        known = np.array([q.known for q in queries], np.bool_)
        right = np.array([q.right for q in queries], np.bool_)
        accepted = np.array([q.accepted for q in queries], np.bool_)
        hits = np.where(known, right.astype(np.float64), np.nan)
        accepted_hits = np.where(known, (right & accepted).astype(np.float64), np.nan)
        return cls(queries, hits, accepted_hits, np.array([q.average_precision for q in queries], np.float64))
