"""One run to one frozen EvaluationResult."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.extract import Embedded
from placeprint.embedding.imported import imported_spec, read_embeddings
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.failures import confusions, misses, per_place
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.open_set_metrics import OpenSetResult, open_set_result
from placeprint.evaluation.ranking import Ranking, rank_queries
from placeprint.evaluation.result import EvaluationResult, QueryResult, Seconds
from placeprint.evaluation.retrieval_metrics import (
    average_precision,
    average_precision_found,
    mean_of,
    recall_at,
    recall_at_over_all,
    reciprocal_rank,
)
from placeprint.gallery.gallery import Gallery
from placeprint.progress import Progress
from placeprint.recognition.decision import decide
from placeprint.recognition.indexing import embed_split, embedder_for, opened_cache
from placeprint.recognition.voting import label, matches_of
from placeprint.records import FailedImage, ImageRecord

DEFAULT_KS = (1, 5, 10, 20)
_FOUND_AT = 20


@dataclass(frozen=True, slots=True)
class _Side:
    """The queries of a run: records, vectors, and the gallery row that each of them is itself."""

    done: Embedded
    own_rows: tuple[int, ...] | None = None


def evaluate(
    dataset: Path | str | Manifest | None = None,
    *,
    gallery: Gallery | Path | str | None = None,
    embeddings: Path | str | None = None,
    records: Path | str | None = None,
    model: str | None = None,
    index: str = "auto",
    runner: str = "openvino",
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
    ks : sequence of int
        The K of Recall@K.
    threshold, margin_threshold : float, optional
        Below which the answer is UNKNOWN.
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
    opened = Gallery.open(gallery) if isinstance(gallery, Path | str) else gallery
    with opened_cache(cache) as store:
        began = time.perf_counter()
        if embeddings is not None or records is not None:
            searched, queries = _imported(opened, embeddings, records)
        elif dataset is None:
            searched, queries = _left_out(opened)
        else:
            manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
            embedder = _embedder(opened, model, runner)
            options = {"embedder": embedder, "cache": store, "progress": progress}
            searched = opened or _gallery_of(manifest, embed_split(manifest, manifest.gallery(), **options), embedder, index)  # type: ignore[arg-type]
            queries = _queries_of(manifest, searched, opened, options)
        embed_seconds = time.perf_counter() - began
    name = _name(dataset, records, searched)
    truth = choose_truth(searched.records, queries.done.records, radius=radius)
    ranking = rank_queries(
        searched,
        queries.done.records,
        queries.done.vectors,
        truth=truth,
        k=max(*ks, _FOUND_AT),
        own_rows=queries.own_rows,
        progress=progress,
    )
    results = _query_results(searched, queries.done.records, ranking, threshold, margin_threshold)
    count = len(results)
    return EvaluationResult(
        dataset=name,
        model=searched.spec.name,
        fingerprint=searched.spec.fingerprint(),
        index=ranking.index,
        truth=truth.rule,
        protocol="queries against gallery" if queries.own_rows is None else "leave one image out",
        n_gallery=len(searched),
        n_queries=count,
        n_answerable=int(ranking.positives.answerable.sum()),
        n_unknown=int((~ranking.positives.answerable).sum()),
        recall={k: recall_at(ranking.positives, k) for k in ks},
        recall_over_all={k: recall_at_over_all(ranking.positives, k) for k in ks},
        map=mean_of(average_precision(ranking.positives)),
        map_found_at_20=mean_of(average_precision_found(ranking.positives, _FOUND_AT)),
        mrr=mean_of(reciprocal_rank(ranking.positives)),
        open_set=_open_set(results, threshold, margin_threshold),
        places=per_place(results, searched.records),
        confusions=confusions(results),
        queries=results,
        failures=misses(results),
        unusable=_unusable(dataset, searched, queries.done.failures),
        seconds=Seconds(embed_seconds, ranking.seconds, ranking.seconds / max(count, 1)),
    )


def _imported(gallery: Gallery | None, embeddings: Path | str | None, records: Path | str | None) -> tuple[Gallery, _Side]:
    if gallery is None or embeddings is None or records is None:
        raise UsageError("query embeddings need three things: --gallery, --embeddings and --records")
    done = read_embeddings(embeddings, records)
    if gallery.spec.imported:
        gallery.require(imported_spec(gallery.spec.name, done.vectors.shape[1]))
    return gallery, _Side(done)


def _left_out(gallery: Gallery | None) -> tuple[Gallery, _Side]:
    if gallery is None:
        raise UsageError("give a dataset, or a gallery with --gallery")
    done = Embedded(gallery.records, np.asarray(gallery.vectors), (), 0, len(gallery), 0.0)
    return gallery, _Side(done, tuple(range(len(gallery))))


def _embedder(gallery: Gallery | None, model: str | None, runner: str) -> Embedder:
    if gallery is not None:
        return embedder_for(gallery, model=model, runner=runner)
    return load_embedder(model or DEFAULT_MODEL, runner=runner)


def _gallery_of(manifest: Manifest, done: Embedded, embedder: Embedder, index: str) -> Gallery:
    return Gallery.in_memory(
        done.records,
        done.vectors,
        spec=embedder.spec,
        index=index,
        roots=(str(manifest.root.resolve()),),
        failures=done.failures,
    )


def _queries_of(manifest: Manifest, searched: Gallery, opened: Gallery | None, options: dict[str, Any]) -> _Side:
    """Embed the query split; without one, leave each image out of the gallery in turn."""
    if manifest.has_queries:
        return _Side(_known(embed_split(manifest, manifest.queries(), **options)))
    if opened is None:
        return _left_out(searched)[1]
    done = embed_split(manifest, manifest.records, **options)
    rows = {record.content_hash: row for row, record in enumerate(searched.records) if record.content_hash}
    return _Side(_known(done), tuple(rows.get(r.content_hash, -1) for r in done.records))


def _known(done: Embedded) -> Embedded:
    if not done.records:
        raise DatasetError("no query could be read")
    return done


def _name(dataset: Path | str | Manifest | None, records: Path | str | None, gallery: Gallery) -> str:
    if isinstance(dataset, Manifest):
        return str(dataset.root)
    return str(dataset or records or gallery.path or "gallery")


def _query_results(
    gallery: Gallery,
    queries: Sequence[ImageRecord],
    ranking: Ranking,
    threshold: float | None,
    margin_threshold: float | None,
) -> tuple[QueryResult, ...]:
    precision = average_precision(ranking.positives)
    first = ranking.positives.first
    results = []
    for i, query in enumerate(queries):
        matches = matches_of(ranking.top, i, gallery.records)
        score, margin = (matches[0].score if matches else float("nan")), float(ranking.margins[i])
        decision = decide(score, margin, threshold=threshold, margin_threshold=margin_threshold)
        results.append(
            QueryResult(
                path=query.path,
                places=query.places,
                predicted=label(gallery.records[matches[0].row]) if matches else "",
                score=score,
                margin=margin,
                accepted=decision.accepted,
                known=bool(ranking.positives.answerable[i]),
                right=bool(first[i] == 0),
                first_positive=int(first[i]) + 1 if first[i] >= 0 else None,
                positive_score=float(ranking.positive_scores[i]),
                average_precision=float(precision[i]),
                matches=matches,
                correct=tuple(ranking.correct[i, : len(matches)].tolist()),
            )
        )
    return tuple(results)


def _open_set(
    results: Sequence[QueryResult], threshold: float | None, margin_threshold: float | None
) -> OpenSetResult:
    def flags(name: str) -> NDArray[np.bool_]:
        return np.array([getattr(q, name) for q in results], np.bool_)

    return open_set_result(
        scores=np.array([q.score for q in results], np.float64),
        known=flags("known"),
        right=flags("right"),
        accepted=flags("accepted"),
        threshold=threshold,
        margin_threshold=margin_threshold,
    )


def _unusable(
    dataset: Path | str | Manifest | None, gallery: Gallery, failures: Sequence[FailedImage]
) -> tuple[FailedImage, ...]:
    rows = dataset.failures if isinstance(dataset, Manifest) else ()
    return tuple(dict.fromkeys((*rows, *gallery.failures, *failures)))
