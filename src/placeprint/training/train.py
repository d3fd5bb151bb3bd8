"""Labelled photos to a model of one's own: the whole way, and the file only when it computes what was trained."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Maps, Vectors
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.export.conversion import keep
from placeprint.embedding.export.output_path import require_room
from placeprint.embedding.export.parity import Run, check_parity
from placeprint.embedding.models import DEFAULT_MODEL, ModelFile, find_model
from placeprint.embedding.pipeline import embed_records
from placeprint.embedding.preprocess import pooled
from placeprint.errors import DatasetError, UsageError
from placeprint.presets import Preset, find_preset
from placeprint.progress import Progress
from placeprint.recognition.gallery_model import model_for
from placeprint.records import ModelSpec
from placeprint.report.html import is_page
from placeprint.storage.atomic import has_keys, require_ours
from placeprint.storage.ragged import Ragged
from placeprint.training.fusion import fuse
from placeprint.training.graph import read_graph
from placeprint.training.held_out import Found, HeldOut, judge
from placeprint.training.learners import FullLearner, HeadLearner, Learner, vectors_of
from placeprint.training.loop import Trained, Training, fingerprint
from placeprint.training.packages import require_packages
from placeprint.training.page import write_training_page
from placeprint.training.pool import Pool, divide, gather_pool
from placeprint.training.result import Figures, TrainingResult, write_card
from placeprint.training.settings import TrainSettings
from placeprint.training.spread import constant_for, with_constant

Datasets = Path | str | Manifest | Sequence[Path | str | Manifest]


def train(
    dataset: Datasets,
    out: Path | str,
    *,
    model: str = DEFAULT_MODEL,
    name: str | None = None,
    cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> TrainingResult:
    """Fine-tune a model on labelled photos, and test it against its base on places that it never saw.

    Interrupted, it goes on from the last whole epoch when it is called again: the state lies beside `out` with the
    ending ``.training`` until the model is written.

    Parameters
    ----------
    dataset : Path, str, Manifest, or a sequence of them
        The places of several datasets are kept apart. Photos without a place, or with several, take no part.
    out : Path or str
        The ONNX file. It is kept whatever the test says; the result says which model to use.
    model : str
        The base: a name, or the path of an ONNX file with its description.
    name : str, optional
        What the model is called; by default the file's stem.
    cache : bool
        Use the embedding cache.
    workers : int, optional
        Photos in flight while embedding.
    progress : Progress, optional
    **settings
        The fields of `placeprint.training.settings.TrainSettings`: ``full=True``, ``loss="arcface"``, ``seed=1``, …

    Raises
    ------
    UsageError
        For a setting that is not known or cannot be.
    DatasetError
        When there are too few places with two photos.
    ModelError
        When the base cannot be trained, the state cannot be read, the loss is no number, or the file would compute
        something else than what was trained.
    MissingExtraError
        Without PyTorch, pytorch-metric-learning, ONNX or ONNX Runtime.
    """
    began = time.perf_counter()
    asked, out = _settings(settings), Path(out)
    if out.suffix != ".onnx":
        raise UsageError(f'the file to write must end with .onnx, not "{out}"')
    require_room(out, out.with_suffix(".md"))
    require_ours(out.with_suffix(".card.json"), lambda data: has_keys(data, "recommended", "spec", "base", "verdict"))
    require_ours(out.with_suffix(".html"), is_page)
    require_packages()
    datasets = [dataset] if isinstance(dataset, Path | str | Manifest) else list(dataset)
    if not datasets:
        raise UsageError("give a dataset to train on")
    preset = find_preset(asked.preset)
    embedder = model_for(model, preset=preset, workers=workers)
    base = find_model(model)
    pool = gather_pool(datasets, embedder, cache=cache, progress=progress)
    parts = divide(pool, validation=asked.validation, test=asked.test, seed=asked.seed)
    learner = _learner(pool, base, asked, progress)
    device = str(learner.weights["head"].device.type)
    state = out.with_suffix(".training")
    of = fingerprint(pool, asked, base.spec.fingerprint())
    unchanged = vectors_of(learner, parts.validation)
    done = Training(learner, pool, parts, asked).run(state, of, progress=progress)
    learner.weights = {key: value.to(device) for key, value in done.weights.items()}
    constant = constant_for(unchanged, vectors_of(learner, parts.validation), pool.labels[parts.validation])
    spec, cosine = _export(base, done, learner, out, name or out.stem, constant)
    test = HeldOut(pool, parts.test, among=parts.validation)
    kept = {kind: each.kept(test.rows) for kind, each in pool.parts.items()}
    before = test.measure_as(preset, embedder.spec, pool.vectors[test.rows], kept, progress=progress)
    after = _by_file(test, pool, out, preset, workers, progress)
    result = TrainingResult(
        path=out,
        spec=spec,
        base=base.spec,
        settings=asked,
        datasets=tuple(str((each.name or each.root) if isinstance(each, Manifest) else each) for each in datasets),
        images=(len(parts.training), len(parts.validation), len(parts.test)),
        places=tuple(len(np.unique(pool.labels[rows])) for rows in (parts.training, parts.validation, parts.test)),  # type: ignore[arg-type]
        epochs=len(done.history) - 1,
        best_epoch=done.best,
        history=tuple(done.history),
        test_base=_figures(before),
        test=_figures(after),
        verdict=judge(after, before, seed=asked.seed, preset=preset.name),
        cosine=cosine,
        constant=constant,
        left_out=pool.left_out,
        unusable=pool.unusable,
        seconds=time.perf_counter() - began,
        device=device,
    )
    write_card(result)
    write_training_page(result, out.with_suffix(".html"))
    state.unlink(missing_ok=True)
    return result


def _settings(given: dict[str, Any]) -> TrainSettings:
    known = {field.name for field in dataclasses.fields(TrainSettings)}
    if unknown := sorted(set(given) - known):
        raise UsageError(f'"{unknown[0]}" is no setting of a training: choose of {", ".join(sorted(known))}')
    return TrainSettings(**given)


def _learner(pool: Pool, base: ModelFile, settings: TrainSettings, progress: Progress | None) -> Learner:
    if not settings.full:
        return HeadLearner(pool)
    return FullLearner(pool, base.read(), base.spec, settings, progress)


def _export(
    base: ModelFile, done: Trained, learner: Learner, out: Path, name: str, constant: float
) -> tuple[ModelSpec, float]:
    """Write the best weights into the base's graph; keep the file only when it computes what was trained."""
    arrays = {key: value.detach().float().cpu().numpy() for key, value in done.weights.items()}
    weights = {key.removeprefix("base."): value for key, value in arrays.items() if key.startswith("base.")}
    power = float(arrays["power"]) if "power" in arrays else base.spec.gem_p
    data = base.read()
    fused, spec = fuse(data, base.spec, weights=weights, power=power, head=arrays["head"], constant=constant)
    reference = _trained_reference(learner, done) if weights else _head_reference(data, base.spec, arrays["head"])
    free = not read_graph(data).graph.input[0].type.tensor_type.shape.dim[2].HasField("dim_value")

    def wanted(images: Maps) -> Vectors:
        return with_constant(reference(images), constant)

    cosine = check_parity(fused, wanted, side=spec.input_size, free=free, dim=spec.dim)
    source = f"placeprint train, from {base.spec.name} ({base.spec.source})"
    return keep(fused, dataclasses.replace(spec, name=name, source=source), out), cosine


def _head_reference(data: bytes, spec: ModelSpec, head: NDArray[np.float32]) -> Run:
    """Run the base as it was, pool as the ordinary pipeline does, and multiply."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    output = spec.embedding_output if spec.pooling == "graph" else spec.feature_output

    def run(images: Maps) -> Vectors:
        found = session.run([output], {session.get_inputs()[0].name: images})[0]
        rows = found if spec.pooling == "graph" else np.stack([pooled(each, spec) for each in found])
        return np.asarray(rows.reshape(len(rows), -1) @ head, np.float32)

    return run


def _trained_reference(learner: Learner, done: Trained) -> Run:
    """Run the best weights in PyTorch, in 32 bit on the CPU."""
    if not isinstance(learner, FullLearner):
        raise TypeError("only a whole network has weights of its own")
    return learner.on_cpu(done.weights)


def _by_file(
    test: HeldOut, pool: Pool, out: Path, preset: Preset, workers: int | None, progress: Progress | None
) -> Found:
    """Embed the test places with the written file, as everyone will use it."""
    embedder = load_embedder(str(out), preset=preset, threads=workers)
    owners = pool.datasets[pool.labels[test.rows]]  # ascending, as the rows of the pool are
    found = []
    for number, root in enumerate(pool.roots):
        records = [pool.records[row] for row in test.rows[owners == number]]
        found.append(embed_records(records, root, embedder=embedder, progress=progress))
        for failed in found[-1].failures:
            raise DatasetError(f'"{failed.path}" could be read before and cannot be read now: {failed.reason}')
    parts = {kind: reduce(Ragged.joined, [each.parts[kind] for each in found]) for kind in embedder.spec.parts}
    vectors = np.concatenate([each.vectors for each in found])
    return test.measure_as(preset, embedder.spec, vectors, parts, progress=progress)


def _figures(found: Found) -> Figures:
    return Figures(found.recall_at_1, found.mean_average_precision)
