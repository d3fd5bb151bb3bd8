"""The same numbers everywhere: a graph is compared with what it was made from before its file is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from placeprint.arrays import Floats, Maps, Vectors
from placeprint.embedding.runners.openvino_runner import openvino_package, read_graph
from placeprint.errors import ModelError
from placeprint.extras import require

LOWEST_COSINE = 0.9999
TIE = 1e-5
"""Similarities closer than this may change places."""

Run = Callable[[Maps], Vectors]


def check_parity(
    data: bytes,
    reference: Run,
    *,
    side: int,
    free: bool,
    dim: int,
    what: str = "PyTorch",
    output: str = "embedding",
) -> float:
    """Compare a graph in ONNX Runtime and in OpenVINO with a reference, in 32 bit, on seeded images.

    `data`: The ONNX file.
    `reference`: Images (n, 3, h, w) to embeddings (n, dim).
    `side`: Height and width of the input.
    `free`: True when other heights and widths must work too.
    `dim`: Length of the embedding.
    `what`: What the reference is, for people.
    `output`: Name of the graph's output.
    Returns the lowest cosine similarity.
    Raises `ModelError` when it is below 0.9999, an output is not finite or of another length, or the order of the
    images by similarity changes; `MissingExtraError` without ONNX Runtime.
    """
    lowest, runtimes = 1.0, {"ONNX Runtime": run_by_onnx_runtime(data, output), "OpenVINO": _openvino(data, output)}
    for images in _batches(side, free):
        wanted = _checked(what, reference(images), len(images), dim)
        for name, run in runtimes.items():
            found = _checked(name, run(images), len(images), dim)
            cosine = float((wanted * found).sum(axis=1).min())
            if not cosine >= LOWEST_COSINE:
                raise ModelError(
                    f"{name} and {what} disagree: cosine {cosine:.6f}, below {LOWEST_COSINE}; nothing was kept"
                )
            if not _same_order(wanted @ wanted.T, found @ found.T):
                raise ModelError(f"{name} ranks the images otherwise than {what}; nothing was kept")
            lowest = min(lowest, cosine)
    return lowest


def seeded_images(count: int, height: int, width: int, seed: int) -> Maps:
    """Return soft shapes with grain, about as varied as normalised photographs: (count, 3, height, width)."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (count, 3, -(-height // 32), -(-width // 32)))
    shapes = coarse.repeat(32, axis=2).repeat(32, axis=3)[:, :, :height, :width]
    return (shapes + rng.normal(0, 0.2, shapes.shape)).astype(np.float32)


def _batches(side: int, free: bool) -> Iterator[Maps]:
    yield seeded_images(3, side, side, 0)
    yield seeded_images(1, 160, 256, 1) if free else seeded_images(1, side, side, 1)


def _checked(name: str, vectors: Vectors, count: int, dim: int) -> Floats:
    """Return unit vectors."""
    if vectors.shape != (count, dim):
        raise ModelError(f"{name} gives an output of shape {vectors.shape}, it must be {(count, dim)}")
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise ModelError(f"the output in {name} is NaN, infinity or only zeros: the weights are broken")
    return np.asarray(vectors / norms, np.float64)


def _same_order(wanted: Floats, found: Floats) -> bool:
    """Tell whether the images keep their order by similarity, ties aside."""
    for ours, theirs in zip(wanted, found, strict=True):
        order = np.argsort(-ours, kind="stable")
        apart = -np.diff(ours[order]) > TIE
        if (np.diff(theirs[order])[apart] > TIE).any():
            return False
    return True


def run_by_onnx_runtime(data: bytes, output: str = "embedding") -> Run:
    """Return a function that computes one output of a graph, in 32 bit.

    Raises `ModelError` when ONNX Runtime cannot run the graph; `MissingExtraError`.
    """
    onnxruntime = require("onnxruntime", extra="onnx", what="comparing a model that was made")
    session = _or_refused(
        "ONNX Runtime", lambda: onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    )
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run([output], {name: images})[0])


def _openvino(data: bytes, output: str) -> Run:
    core = openvino_package().Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = _or_refused("OpenVINO", lambda: core.compile_model(read_graph(data), "CPU", settings))
    return lambda images: np.array(compiled([images])[output])


def _or_refused(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:  # the runtimes have no common base for what a graph raises
        raise ModelError(f"{name} cannot run the graph: {str(error).strip().splitlines()[-1]}") from error
