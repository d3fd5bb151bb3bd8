"""A model beside the one that it was made from, on someone's own images."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.export.effect import Difference, Effect
from placeprint.embedding.models import find_model
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.metrics.paired_tests import paired_difference
from placeprint.evaluation.metrics.retrieval import mean_of
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.presets import Preset, find_preset
from placeprint.progress import Progress
from placeprint.training.images import some_images
from placeprint.training.options import ChangeOptions

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGES = 24
"""On which embeddings and times are compared."""
ROUNDS = 3
"""Times that each of them is looked at, the two models in turn."""


def measured(
    models: tuple[str, str], manifest: Manifest, options: ChangeOptions, *, alike: bool, progress: Progress | None
) -> Effect:
    """Evaluate two models on one dataset, query by query, and time both.

    `models`: Before and after, see `placeprint.embedding.models.find_model`.
    `options`: Both models are asked by its preset.
    `alike`: True when both should give the same embeddings.
    Raises `DatasetError` or `ModelError`.
    """
    preset = find_preset(options.preset)
    runs = [evaluate(manifest, model=model, preset=preset, cache=options.cache, progress=progress) for model in models]
    embedders = [load_embedder(model, preset=preset, threads=1) for model in models]
    images = list(some_images(manifest, embedders[0].spec, IMAGES))
    before, after = (find_model(model).path.stat().st_size / 1e6 for model in models)
    return Effect(
        dataset=str(manifest.root),
        preset=preset.name,
        queries=runs[0].n_answerable,
        recall_at_1=_difference(*(_per_query(run, lambda q: float(q.right)) for run in runs)),
        average_precision=_difference(*(_per_query(run, lambda q: q.average_precision) for run in runs)),
        photos=len(images),
        cosine=_lowest_cosine(models, images, preset) if alike else None,
        milliseconds=_milliseconds(embedders, images),
        megabytes=(before, after),
    )


def _per_query(run: EvaluationResult, value: Callable[[EvaluatedQuery], float]) -> dict[str, float]:
    """Return a value of each query that has an answer; what a calibration makes of it does not matter."""
    return {query.path: value(query) for query in run.queries if query.known}


def _difference(before: dict[str, float], after: dict[str, float]) -> Difference:
    """Compare the queries that both could answer."""
    paths = [path for path in before if path in after]
    first, second = (np.array([values[path] for path in paths], np.float64) for values in (before, after))
    paired = paired_difference(second, first, rng=np.random.default_rng(0))
    gain = paired.interval
    return Difference(mean_of(first), mean_of(second), gain.low, gain.high, paired.p_value)


def _lowest_cosine(models: tuple[str, str], images: Sequence[Image], preset: Preset) -> float:
    """Return how far apart two models are at most, both in 32 bit so that the processor makes no difference."""
    old, new = (load_embedder(model, preset=preset, threads=1, precision="f32").embed(images) for model in models)
    return min(1.0, float((old * new).sum(axis=1).min(initial=1.0)))


def _milliseconds(embedders: Sequence[Embedder], images: Sequence[Image]) -> tuple[float, float]:
    """Return the median time that each of two takes for an image, in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for image in images:
        for _ in range(ROUNDS):
            for embedder, spent in zip(embedders, times, strict=True):
                began = time.perf_counter()
                embedder.embed_one(image)
                spent.append(1000 * (time.perf_counter() - began))
    return float(np.median(times[0])), float(np.median(times[1]))
