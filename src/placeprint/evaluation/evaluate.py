"""One run to one frozen EvaluationResult."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Rows
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.protocols.reading import ProtocolSet, read_protocol
from placeprint.errors import UsageError
from placeprint.evaluation.benchmark import BenchmarkRun, tolerances
from placeprint.evaluation.diagnosis.failures import confusions, misses, per_place
from placeprint.evaluation.grades import grade_counts, rate_outcomes
from placeprint.evaluation.ground_truth import GroundTruth, choose_truth
from placeprint.evaluation.headlines import headlines
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.conventions import conventions
from placeprint.evaluation.metrics.retrieval import (
    average_precision,
    average_precision_found,
    mean_of,
    recall_at,
    recall_at_over_all,
    reciprocal_rank,
)
from placeprint.evaluation.open_set import open_set_of
from placeprint.evaluation.protocol_truth import truth_of
from placeprint.evaluation.ranking import Ranking, rank_queries
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult, Seconds
from placeprint.evaluation.test_set import TestSet
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import unit_vectors
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.size import kept_bytes
from placeprint.options import (
    BuildOptions,
    BuildWords,
    DecisionOptions,
    DecisionWords,
    Imported,
    ImportedWords,
    records_of,
)
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.recognition.decision.rules import Limits
from placeprint.recognition.gallery_model import limits_of, probability_of
from placeprint.recognition.voting import evidence_of, label, matches_of
from placeprint.records import ImageRecord
from placeprint.records.images import titles_of

DEFAULT_KS = (1, 5, 10, 20)
_FOUND_AT = 20
_UNDECIDED = DecisionOptions()

MAX_PAIRS = 2_000_000
"""Similarities of a run that are held at once for the conventions that count pairs."""


class EvaluateWords(BuildWords, DecisionWords, ImportedWords, total=False):
    """Keywords of `evaluate`."""


def evaluate(
    dataset: Path | str | Manifest | ProtocolSet | None = None,
    *,
    gallery: AnyGallery | Path | str | None = None,
    ks: Sequence[int] = DEFAULT_KS,
    radius: float | None = None,
    protocol: str | None = None,
    progress: Progress | None = None,
    **options: Unpack[EvaluateWords],
) -> EvaluationResult:
    """Measure how well places are recognised.

    Parameters
    ----------
    dataset : Path, str, Manifest or ProtocolSet, optional
        Queries, and the gallery when no `gallery` is given. Without a query split every image is
        searched among the others.
    gallery : Gallery, Path or str, optional
        Without a dataset and embeddings, its own images are left out one by one.
    ks : sequence of int
        The K of Recall@K.
    radius : float, optional
        Metres within which a gallery image is right; otherwise places decide.
    protocol : str, optional
        One of the field's, see `placeprint.protocols`: `dataset` is the folder of its files.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``, ``preset``, ``index``: how the gallery is built; one that is
        there is asked by ``preset``, then without its calibration. ``threshold``, ``margin_threshold``,
        ``false_accept_rate``: when a place is accepted, instead of the gallery's calibration, see
        `placeprint.options.DecisionOptions`. ``embeddings``, ``records``: a ``.npy`` file of queries and the manifest
        that names its rows, which need `gallery`.

    Raises
    ------
    UsageError, DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.evaluate("town", gallery="town.gallery").recall[1]
    1.0
    """
    build, decision, imported = records_of(options, BuildOptions, DecisionOptions, Imported)
    if any(k < 1 for k in ks) or not ks:
        raise UsageError(f"every K of Recall@K must be at least 1: {list(ks)}")
    by = protocol_of(dataset, protocol, radius)
    dataset = by or dataset
    if gallery is not None and build.preset is None:
        gallery = open_gallery(gallery)
        limits_of(gallery, decision)  # refuses what cannot decide before anything is embedded
    read = dataset.manifest if isinstance(dataset, ProtocolSet) else dataset
    with opened_cache(build.cache):  # keeps what is matched
        inputs = gather(read, gallery, options=build, imported=imported, progress=progress)
        return evaluate_inputs(inputs, ks=ks, decision=decision, radius=radius, protocol=by, progress=progress)


def evaluate_inputs(
    inputs: Inputs,
    *,
    ks: Sequence[int] = DEFAULT_KS,
    decision: DecisionOptions = _UNDECIDED,
    radius: float | None = None,
    protocol: ProtocolSet | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measure a gallery and queries that are embedded already, as `evaluate` does."""
    searched = inputs.gallery
    held = searched.records if protocol is None else protocol.known(searched.records)
    inputs, truth = _judged(inputs, held, radius, protocol)
    left_out, limits, asked = inputs.left_out(truth), limits_of(searched, decision), inputs.queries
    gone = left_out or _ignored(truth, asked.records)
    ranking = rank_queries(searched, asked, truth=truth, k=max(*ks, _FOUND_AT), left_out=gone, progress=progress)
    positives, results = ranking.positives, _query_results(inputs, left_out, ranking, limits)
    opened = open_set_of(results, limits, calibrated=searched.calibration is not None)
    pairs = _every_pair(inputs, truth) if gone is None else None
    return EvaluationResult(
        dataset=inputs.name,
        model=searched.spec.name,
        preset=searched.preset.name,
        fingerprint=searched.spec.fingerprint(),
        index=ranking.index,
        truth=truth.rule,
        protocol="queries against gallery" if left_out is None else "leave one image out",
        n_gallery=len(searched),
        n_queries=len(results),
        n_answerable=int(positives.answerable.sum()),
        n_unknown=int((~positives.answerable).sum()),
        set_aside=asked.set_aside,
        gallery_unjudged=sum(not truth.judges(record) for record in held),
        n_copied=sum(len(query.own_rows) > 1 for query in results),
        recall={k: recall_at(positives, k) for k in ks},
        recall_over_all={k: recall_at_over_all(positives, k) for k in ks},
        map=mean_of(average_precision(positives)),
        map_found_at_20=mean_of(average_precision_found(positives, _FOUND_AT)),
        mrr=mean_of(reciprocal_rank(positives)),
        open_set=opened,
        grades=grade_counts(results),
        trade_off=rate_outcomes(results, limits, searched.calibration),
        false_accept_rate=limits.rate,
        calibrated_for=searched.calibrated_for,
        calibration_outdated=_outdated(searched, limits),
        dim=searched.spec.dim,
        headlines=headlines(results, decided=opened.recall_at_1 is not None),
        conventions=conventions(positives, np.array([q.score for q in results], np.float64), ks=ks, pairs=pairs),
        places=per_place(results, searched.records),
        confusions=confusions(results),
        queries=results,
        failures=misses(results),
        unusable=inputs.unusable,
        seconds=Seconds(inputs.seconds, ranking.seconds, ranking.seconds / max(len(results), 1)),
        test_set=TestSet.of(searched.records, asked.records, ranking.digests),
        gallery_bytes=kept_bytes(searched),
        titles=titles_of(asked.records) | titles_of(searched.records),
        tolerances=tolerances(truth, asked.records, ranking, ks, gone),
        benchmark=None if protocol is None else BenchmarkRun.of(protocol, positives, len(inputs.unusable)),
    )


def protocol_of(dataset: object, protocol: str | None, radius: float | None = None) -> ProtocolSet | None:
    """Return the protocol that was asked for, with its images. Raises `UsageError` or `DatasetError`."""
    if protocol is None and not isinstance(dataset, ProtocolSet):
        return None
    if radius is not None:
        raise UsageError("a protocol says itself what is right: leave out the radius")
    if isinstance(dataset, ProtocolSet):
        return dataset
    if not isinstance(dataset, Path | str):
        raise UsageError(f"a protocol needs the folder of its files: give it as the dataset of {protocol}")
    return read_protocol(dataset, protocol or "")


def _judged(
    inputs: Inputs, held: Sequence[ImageRecord], radius: float | None, protocol: ProtocolSet | None
) -> tuple[Inputs, GroundTruth]:
    """Return the queries that can be judged, with what a protocol knows of them, and the ground truth over `held`."""
    queries = inputs.queries.records
    if protocol is None:
        truth = choose_truth(held, queries, radius=radius)
        return inputs.judged(truth), truth
    known = protocol.known(queries)
    truth = truth_of(protocol, held, known)
    return replace(inputs, queries=replace(inputs.queries, records=known)).judged(truth), truth


def _outdated(searched: Gallery, limits: Limits) -> str:
    """Return what renews the calibration that decides, where the gallery changed since."""
    decides = searched.calibration if limits.probability is not None else None
    return decides.outdated(searched.where) if decides else ""


def _ignored(truth: GroundTruth, queries: Sequence[ImageRecord]) -> tuple[Rows, ...] | None:
    """Return for each query the gallery rows that count neither way; None when there are none."""
    gone = tuple(truth.ignored(query) for query in queries)
    return gone if any(len(rows) for rows in gone) else None


def _every_pair(inputs: Inputs, truth: GroundTruth) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Return all similarities and which are right, for the two conventions that need them; None when too many."""
    queries, gallery = inputs.queries, inputs.gallery
    if queries.own_rows is not None or not 0 < len(queries) * len(gallery) <= MAX_PAIRS:
        return None
    right = np.zeros((len(queries), len(gallery)), np.bool_)
    for i, query in enumerate(queries.records):
        right[i, truth.positives(query)] = True
    similarities = unit_vectors(queries.vectors) @ np.asarray(gallery.vectors).T
    return similarities.astype(np.float64), right


def _query_results(
    inputs: Inputs, left_out: Sequence[Rows] | None, ranking: Ranking, limits: Limits
) -> tuple[EvaluatedQuery, ...]:
    gallery = inputs.gallery
    precision = average_precision(ranking.positives)
    first = ranking.positives.first
    sure = probability_of(gallery.calibration) if gallery.calibration else None
    results = []
    for i, query in enumerate(inputs.queries.records):
        matches = matches_of(ranking.top, i, gallery.records, ranking.similarities)
        score, margin = (matches[0].score if matches else float("nan")), float(ranking.margins[i])
        probability = float(sure(evidence_of(matches, margin))[0]) if sure else float("nan")
        decision = limits.decide(score, margin, probability)
        results.append(
            EvaluatedQuery(
                path=query.path,
                places=query.places,
                predicted=label(gallery.records[matches[0].row]) if matches else "",
                score=score,
                margin=margin,
                probability=probability,
                accepted=decision.accepted,
                grade=decision.grade,
                known=bool(ranking.positives.answerable[i]),
                right=bool(first[i] == 0),
                first_positive=int(first[i]) + 1 if first[i] >= 0 else None,
                positive_score=float(ranking.positive_scores[i]),
                average_precision=float(precision[i]),
                matches=matches,
                correct=tuple(ranking.correct[i, : len(matches)].tolist()),
                own_rows=() if left_out is None else tuple(left_out[i].tolist()),
            )
        )
    return tuple(results)
