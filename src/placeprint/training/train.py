"""Labelled images to a model of one's own: the whole way, and the file only when it computes what was trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Unpack

import numpy as np

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.export.output_path import require_onnx_ending, require_room
from placeprint.embedding.models import DEFAULT_MODEL, ModelFile, find_model
from placeprint.embedding.pipeline import embed_records
from placeprint.errors import DatasetError, UsageError
from placeprint.presets import find_preset
from placeprint.progress import Progress
from placeprint.recognition.gallery_model import model_for
from placeprint.records import ModelSpec
from placeprint.report.html import is_page
from placeprint.storage.atomic import has_keys, require_ours
from placeprint.storage.ragged import Ragged
from placeprint.training.held_out import Found, HeldOut, judge
from placeprint.training.learners import make_learner, vectors_of
from placeprint.training.loop import Training, fingerprint
from placeprint.training.packages import require_packages
from placeprint.training.page import write_training_page
from placeprint.training.pool import Division, Pool, divide, gather_pool
from placeprint.training.result import Figures, TrainingResult, write_card
from placeprint.training.settings import TrainSettings, TrainWords
from placeprint.training.spread import constant_for
from placeprint.training.trained_file import write_trained

Datasets = Path | str | Manifest | Sequence[Path | str | Manifest]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What one training begins with; `seen` describes the base as the preset asks it to look."""

    settings: TrainSettings
    datasets: Sequence[Path | str | Manifest]
    base: ModelFile
    seen: ModelSpec
    pool: Pool
    division: Division
    out: Path
    workers: int | None
    progress: Progress | None

    @property
    def state(self) -> Path:
        """Where the state lies that an interrupted training goes on from."""
        return self.out.with_suffix(".training")


def train(
    dataset: Datasets,
    out: Path | str,
    *,
    model: str = DEFAULT_MODEL,
    name: str | None = None,
    cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
    **settings: Unpack[TrainWords],
) -> TrainingResult:
    """Fine-tune a model on labelled images, and test it against its base on places that it never saw.

    If it is interrupted, call it again: it continues after the last epoch. The state lies beside `out` with the ending
    ``.training`` until the model is written.

    Parameters
    ----------
    dataset : Path, str, Manifest, or a sequence of them
        The places of several datasets are kept apart. Images without a place, or with several, take no part.
    out : Path or str
        The ONNX file. It is kept whatever the test says; the result says which model to use.
    model : str
        The base: a name, or the path of an ONNX file with its description.
    name : str, optional
        What the model is called; by default the file's stem.
    cache, workers
        As in `placeprint.options.EmbedOptions`.
    progress : Progress, optional
    **settings
        ``full``, ``preset``, ``loss``, ``epochs``, ``patience``, ``places``, ``images``, ``hardness``,
        ``learning_rate``, ``decay``, ``validation``, ``test``, ``side``, ``accumulate``, ``augment``, ``neck``,
        ``seed``, as in `placeprint.training.settings.TrainSettings`.

    Raises
    ------
    UsageError
        For a setting that is not known or cannot be.
    DatasetError
        When there are too few places with two images.
    ModelError
        When the base cannot be trained, the state cannot be read, the loss is no number, or the file would compute
        something else than what was trained.
    MissingExtraError
        Without PyTorch, pytorch-metric-learning, ONNX or ONNX Runtime.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.train("photos", "mine.onnx").better  # doctest: +SKIP
    """
    began, asked, path = time.perf_counter(), TrainSettings.of(settings), Path(out)
    _refuse_what_is_there(path)
    require_packages()
    course = _course(_listed(dataset), model, asked, path, cache=cache, workers=workers, progress=progress)
    result = _trained(course, name or path.stem, began)
    _write_beside(result)
    course.state.unlink(missing_ok=True)
    return result


def _listed(dataset: Datasets) -> list[Path | str | Manifest]:
    datasets = [dataset] if isinstance(dataset, Path | str | Manifest) else list(dataset)
    if not datasets:
        raise UsageError("give a dataset to train on")
    return datasets


def _refuse_what_is_there(out: Path) -> None:
    """Refuse to write over files of somebody else, before anything is trained."""
    require_onnx_ending(out)
    require_room(out, out.with_suffix(".md"))
    require_ours(out.with_suffix(".card.json"), lambda data: has_keys(data, "recommended", "spec", "base", "verdict"))
    require_ours(out.with_suffix(".html"), is_page)


def _course(
    datasets: Sequence[Path | str | Manifest],
    model: str,
    settings: TrainSettings,
    out: Path,
    *,
    cache: bool,
    workers: int | None,
    progress: Progress | None,
) -> _Course:
    """Embed all images by the base, and hold out places."""
    embedder = model_for(model, preset=settings.preset, workers=workers)
    pool = gather_pool(datasets, embedder, cache=cache, progress=progress)
    return _Course(
        settings=settings,
        datasets=datasets,
        base=find_model(model),
        seen=embedder.spec,
        pool=pool,
        division=divide(pool, validation=settings.validation, test=settings.test, seed=settings.seed),
        out=out,
        workers=workers,
        progress=progress,
    )


def _tested(course: _Course) -> tuple[Found, Found]:
    """Return what the base and the written file find on the test places."""
    pool, preset = course.pool, find_preset(course.settings.preset)
    test = HeldOut(pool, course.division.test, among=course.division.validation)
    kept = {kind: each.kept(test.rows) for kind, each in pool.parts.items()}
    before = test.measure_as(preset, course.seen, pool.vectors[test.rows], kept, progress=course.progress)
    embedder = load_embedder(str(course.out), preset=preset, threads=course.workers)
    owners = pool.datasets[pool.labels[test.rows]]  # ascending, as the rows of the pool are
    found = []
    for number, root in enumerate(pool.roots):
        records = [pool.records[row] for row in test.rows[owners == number]]
        found.append(embed_records(records, root, embedder=embedder, progress=course.progress))
        for failed in found[-1].failures:
            raise DatasetError(f'"{failed.path}" could be read before but cannot be read now: {failed.reason}')
    parts = {kind: reduce(Ragged.joined, [each.parts[kind] for each in found]) for kind in embedder.spec.parts}
    vectors = np.concatenate([each.vectors for each in found])
    return before, test.measure_as(preset, embedder.spec, vectors, parts, progress=course.progress)


def _write_beside(result: TrainingResult) -> None:
    write_card(result)
    write_training_page(result, result.path.with_suffix(".html"))


def _trained(course: _Course, name: str, began: float) -> TrainingResult:
    """Train, keep the cosines as spread as the base's, write the file and test it."""
    pool, division, settings, base = course.pool, course.division, course.settings, course.base
    chosen = division.validation
    learner = make_learner(pool, base, settings, course.progress)
    device = str(learner.weights["head"].device.type)
    unchanged = vectors_of(learner, chosen)
    of = fingerprint(pool, settings, base.spec.fingerprint())
    done = Training(learner, pool, division, settings).run(course.state, of, progress=course.progress)
    learner.weights = {key: value.to(device) for key, value in done.weights.items()}
    constant = constant_for(unchanged, vectors_of(learner, chosen), pool.labels[chosen])
    spec, cosine = write_trained(base, learner, done.weights, course.out, name, constant)
    before, after = _tested(course)
    places = [np.unique(pool.labels[rows]) for rows in (division.training, chosen, division.test)]
    return TrainingResult(
        path=course.out,
        spec=spec,
        base=base.spec,
        settings=settings,
        datasets=tuple(str((e.name or e.root) if isinstance(e, Manifest) else e) for e in course.datasets),
        images=(len(division.training), len(chosen), len(division.test)),
        places=(len(places[0]), len(places[1]), len(places[2])),
        epochs=len(done.history) - 1,
        best_epoch=done.best,
        history=tuple(done.history),
        test_base=Figures(before.recall_at_1, before.mean_average_precision),
        test=Figures(after.recall_at_1, after.mean_average_precision),
        verdict=judge(after, before, seed=settings.seed, preset=find_preset(settings.preset).name),
        cosine=cosine,
        constant=constant,
        left_out=pool.left_out,
        unusable=pool.unusable,
        seconds=time.perf_counter() - began,
        device=device,
    )
