"""One run to one frozen EvaluationResult."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.manifest import Manifest
from placeprint.errors import UsageError
from placeprint.evaluation.diagnosis.failures import confusions, misses, per_place
from placeprint.evaluation.ground_truth import GroundTruth, Rows, choose_truth
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
from placeprint.evaluation.ranking import Ranking, rank_queries
from placeprint.evaluation.result import EvaluationResult, QueryResult, Seconds
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.index.base import unit_vectors
from placeprint.gallery.protocol import AnyGallery
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.recognition.decision.rules import Decision, decide, decide_by_probability
from placeprint.recognition.gallery_model import probability_of
from placeprint.recognition.voting import evidence_of, label, matches_of

DEFAULT_KS = (1, 5, 10, 20)
_FOUND_AT = 20

MAX_PAIRS = 2_000_000
"""Similarities of a run that are held at once for the conventions that count pairs."""


def evaluate(
    dataset: Path | str | Manifest | None = None,
    *,
    gallery: AnyGallery | Path | str | None = None,
    embeddings: Path | str | None = None,
    records: Path | str | None = None,
    model: str | None = None,
    index: str = "auto",
    runner: str = "openvino",
    preset: str | Preset | None = None,
    ks: Sequence[int] = DEFAULT_KS,
    threshold: float | None = None,
    margin_threshold: float | None = None,
    radius: float | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measure how well places are recognised.

    Parameters
    ----------
    dataset : Path, str or Manifest, optional
        Queries, and the gallery when no `gallery` is given. Without a query split every image is
        searched among the others.
    gallery : Gallery, Path or str, optional
        Without a dataset and embeddings, its own images are left out one by one.
    embeddings, records : Path or str, optional
        Query vectors that someone already has, and their manifest; needs `gallery`.
    model, index, runner : str
        As in `placeprint.index`.
    preset : str or Preset, optional
        As in `placeprint.index`; for a gallery that is there, how to ask it (without its calibration then).
    ks : sequence of int
        The K of Recall@K.
    threshold, margin_threshold : float, optional
        Below which the answer is UNKNOWN. Without them the gallery's calibration decides, where it has one.
    radius : float, optional
        Metres within which a gallery image is right; otherwise places decide.
    cache : bool
        False neither reads nor writes the user's cache.

    Raises
    ------
    UsageError, DatasetError, GalleryError, ModelError
    """
    if any(k < 1 for k in ks) or not ks:
        raise UsageError(f"every K of Recall@K must be at least 1: {list(ks)}")
    inputs = gather(
        dataset,
        gallery=gallery,
        embeddings=embeddings,
        records=records,
        model=model,
        index=index,
        runner=runner,
        preset=preset,
        cache=cache,
        progress=progress,
    )
    return evaluate_inputs(
        inputs, ks=ks, threshold=threshold, margin_threshold=margin_threshold, radius=radius, progress=progress
    )


def evaluate_inputs(
    inputs: Inputs,
    *,
    ks: Sequence[int] = DEFAULT_KS,
    threshold: float | None = None,
    margin_threshold: float | None = None,
    radius: float | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measure a gallery and queries that are embedded already; see `evaluate`."""
    searched = inputs.gallery
    truth = choose_truth(searched.records, inputs.queries, radius=radius)
    inputs = inputs.judged(truth)
    left_out = inputs.left_out(truth)
    ranking = rank_queries(
        searched,
        inputs.queries,
        inputs.vectors,
        truth=truth,
        k=max(*ks, _FOUND_AT),
        own_rows=left_out,
        parts=inputs.parts,
        progress=progress,
    )
    results = _query_results(inputs, left_out, ranking, threshold, margin_threshold)
    count = len(results)
    opened = open_set_of(results, searched.calibration, threshold, margin_threshold)
    return EvaluationResult(
        dataset=inputs.name,
        model=searched.spec.name,
        preset=searched.preset.name,
        fingerprint=searched.spec.fingerprint(),
        index=ranking.index,
        truth=truth.rule,
        protocol="queries against gallery" if inputs.own_rows is None else "leave one image out",
        n_gallery=len(searched),
        n_queries=count,
        n_answerable=int(ranking.positives.answerable.sum()),
        n_unknown=int((~ranking.positives.answerable).sum()),
        set_aside=inputs.set_aside,
        gallery_unjudged=sum(not truth.judges(record) for record in searched.records),
        n_copied=sum(len(query.own_rows) > 1 for query in results),
        recall={k: recall_at(ranking.positives, k) for k in ks},
        recall_over_all={k: recall_at_over_all(ranking.positives, k) for k in ks},
        map=mean_of(average_precision(ranking.positives)),
        map_found_at_20=mean_of(average_precision_found(ranking.positives, _FOUND_AT)),
        mrr=mean_of(reciprocal_rank(ranking.positives)),
        open_set=opened,
        calibrated_for=searched.calibrated_for,
        calibration_outdated=_outdated(searched) if opened.probability_threshold is not None else "",
        dim=searched.spec.dim,
        headlines=headlines(results, decided=opened.recall_at_1 is not None),
        conventions=conventions(
            ranking.positives,
            np.array([q.score for q in results], np.float64),
            ks=ks,
            pairs=_every_pair(inputs, truth),
        ),
        places=per_place(results, searched.records),
        confusions=confusions(results),
        queries=results,
        failures=misses(results),
        unusable=inputs.unusable,
        seconds=Seconds(inputs.seconds, ranking.seconds, ranking.seconds / max(count, 1)),
    )


def _outdated(gallery: AnyGallery) -> str:
    return gallery.calibration.outdated(gallery.where) if gallery.calibration else ""


def _every_pair(inputs: Inputs, truth: GroundTruth) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Return all similarities and which are right, for the two conventions that need them; None when too many."""
    if inputs.own_rows is not None or not 0 < len(inputs.queries) * len(inputs.gallery) <= MAX_PAIRS:
        return None
    right = np.zeros((len(inputs.queries), len(inputs.gallery)), np.bool_)
    for i, query in enumerate(inputs.queries):
        right[i, truth.positives(query)] = True
    similarities = unit_vectors(inputs.vectors) @ np.asarray(inputs.gallery.vectors).T
    return similarities.astype(np.float64), right


def _query_results(
    inputs: Inputs,
    left_out: Sequence[Rows] | None,
    ranking: Ranking,
    threshold: float | None,
    margin_threshold: float | None,
) -> tuple[QueryResult, ...]:
    gallery, queries = inputs.gallery, inputs.queries
    precision = average_precision(ranking.positives)
    first = ranking.positives.first
    sure = probability_of(gallery.calibration) if gallery.calibration else None
    results = []
    for i, query in enumerate(queries):
        matches = matches_of(ranking.top, i, gallery.records, ranking.similarities)
        score, margin = (matches[0].score if matches else float("nan")), float(ranking.margins[i])
        probability = float(sure(evidence_of(matches, margin))[0]) if sure else float("nan")
        decision = _decision(score, margin, probability, gallery.calibration, threshold, margin_threshold)
        results.append(
            QueryResult(
                path=query.path,
                places=query.places,
                predicted=label(gallery.records[matches[0].row]) if matches else "",
                score=score,
                margin=margin,
                probability=probability,
                accepted=decision.accepted,
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


def _decision(
    score: float,
    margin: float,
    probability: float,
    learned: Calibration | None,
    threshold: float | None,
    margin_threshold: float | None,
) -> Decision:
    if learned is None or threshold is not None or margin_threshold is not None:
        return decide(score, margin, threshold=threshold, margin_threshold=margin_threshold)
    return decide_by_probability(probability, threshold=learned.threshold, rate=learned.false_accept_rate)
