"""A linear change of the embeddings into the graph itself: what a whitening does behind a model, the model does."""

from __future__ import annotations

import dataclasses
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Maps, Vectors
from placeprint.embedding.export.graph import onnx_package, read_proto, refill, written
from placeprint.embedding.export.parity import Run, check_parity, run_by_onnx_runtime
from placeprint.embedding.preprocess import LEAST, pooled
from placeprint.embedding.whitening import Whitening
from placeprint.errors import ModelError
from placeprint.records import ModelSpec

OLDEST_OPSET = 11
"""Before it the borders of a Clip were no inputs."""
MAP = "embedding_map"
"""The embedding as a map of one cell: its average is itself, so that every view and preset works as before."""
TAIL = "tail"
"""How the names of added nodes begin."""


def fuse(data: bytes, spec: ModelSpec, whitening: Whitening) -> tuple[bytes, ModelSpec, float]:
    """Write a whitening behind the embedding of a graph, and compare both before it is given back.

    `data`: The ONNX file.
    `spec`: Of it. Its pooling moves into the graph.
    Returns the changed file, its spec without the hash of the weights, and the lowest similarity to pooling and
    whitening outside of the graph, in ONNX Runtime and OpenVINO.
    Raises `ModelError` when the graph lacks the output, is of an old opset, or computes something else than the two
    steps; `MissingExtraError` without onnx or ONNX Runtime.
    """
    whole, made = written_behind(data, spec, whitening)
    steps = run_as_described(data, spec)
    cosine = check_parity(
        whole,
        lambda images: whitening.apply(steps(images)),
        side=spec.input_size,
        free=spec.pooling != "graph",
        dim=whitening.dim,
        what="whitening behind the model",
        output=spec.embedding_output,
    )
    return whole, made, cosine


def written_behind(
    data: bytes, spec: ModelSpec, change: Whitening, *, constant: float = 0.0
) -> tuple[bytes, ModelSpec]:
    """Write a linear change behind the embedding of a graph; who calls compares what it computes.

    `data`, `spec`: The ONNX file and its description.
    `constant`: Above 0, the changed vector is brought to length 1 and this number put behind it; see
    `placeprint.training.spread`.
    Raises `ModelError` when the graph lacks the output, or is of an old opset; `MissingExtraError` without onnx.
    """
    proto = read_proto(data, oldest=OLDEST_OPSET)
    graph, source = proto.graph, _source(spec)
    if source not in [output.name for output in graph.output]:
        raise ModelError(f'model {spec}: the graph has no output called "{source}"')
    tail = _Tail(graph)
    aside = {name: tail.set_aside(name) for name in (spec.embedding_output, MAP)}
    dim = change.dim + (constant > 0)
    tail.whitened(tail.pooled(aside.get(source, source), spec), change, spec.embedding_output, constant)
    wanted = (spec.embedding_output, MAP, spec.cells_output)
    refill(graph.output, [each for each in graph.output if each.name in wanted])
    made = dataclasses.replace(spec, dim=dim, weights_sha256="")
    if spec.pooling != "graph":
        tail.as_map(spec.embedding_output, dim)
        made = dataclasses.replace(made, pooling="average", feature_output=MAP)
    return written(proto), made


def _source(spec: ModelSpec) -> str:
    """Return the output that the embedding is made of."""
    return spec.embedding_output if spec.pooling == "graph" else spec.feature_output


def run_as_described(data: bytes, spec: ModelSpec) -> Run:
    """Return what computes a model's unit embeddings in ONNX Runtime, pooled outside of the graph.

    Raises `ModelError` or `MissingExtraError`.
    """
    run = run_by_onnx_runtime(data, _source(spec))

    def embed(images: Maps) -> Vectors:
        raw = run(images)
        rows = raw.reshape(len(raw), -1) if spec.pooling == "graph" else np.stack([pooled(each, spec) for each in raw])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    return embed


class _Tail:
    """Adds nodes behind a graph; their names are not taken."""

    def __init__(self, graph: Any) -> None:
        self._onnx, self._graph = onnx_package(), graph
        taken = {name for node in graph.node for name in (*node.input, *node.output)}
        self._prefix = next(p for p in (f"{TAIL}{i}." for i in count()) if not any(t.startswith(p) for t in taken))

    def _node(self, kind: str, inputs: list[str], out: str = "", **attributes: Any) -> str:
        out = out or f"{self._prefix}{kind.lower()}{len(self._graph.node)}"
        self._graph.node.append(self._onnx.helper.make_node(kind, inputs, [out], name=self._prefix + out, **attributes))
        return out

    def _constant(self, name: str, value: Any, kind: type = np.float32) -> str:
        array: NDArray[Any] = np.array(value, kind, order="C")
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(array, self._prefix + name))
        return self._prefix + name

    def set_aside(self, output: str) -> str:
        """Take the name from an output that a new one will have; return what it is called then."""
        aside = self._prefix + output
        for node in self._graph.node:
            for names in (node.input, node.output):
                names[:] = [aside if name == output else name for name in names]
        refill(self._graph.output, [each for each in self._graph.output if each.name != output])
        return aside

    def pooled(self, x: str, spec: ModelSpec) -> str:
        """Add the pooling of a ModelSpec (see `placeprint.embedding.preprocess.pooled`), and a flat unit vector."""
        if spec.pooling == "gem":
            x = self._node("Clip", [x, self._constant("least", LEAST)])
            x = self._node("Pow", [x, self._constant("p", spec.gem_p)])
        if spec.pooling != "graph":
            x = self._node("GlobalAveragePool", [x])
        x = self._node("Flatten", [x], axis=1)
        if spec.pooling == "gem":
            x = self._node("Pow", [x, self._constant("root", 1 / spec.gem_p)])
        return self._node("LpNormalization", [x], axis=-1, p=2)

    def whitened(self, x: str, whitening: Whitening, out: str, constant: float) -> None:
        """Add the change, and make it the graph's output."""
        x = self._node("Sub", [x, self._constant("mean", whitening.mean)])
        x = self._node("MatMul", [x, self._constant("matrix", whitening.matrix)], "" if constant else out)
        if constant:
            x = self._node("LpNormalization", [x], axis=-1, p=2)
            self._node(
                "Pad", [x, self._constant("behind", [0, 0, 0, 1], np.int64), self._constant("constant", constant)], out
            )
        self._give(out, ["n", whitening.dim + (constant > 0)])

    def as_map(self, x: str, dim: int) -> None:
        """Give a vector as a map of one cell too."""
        self._node("Reshape", [x, self._constant("shape", [0, -1, 1, 1], np.int64)], MAP)
        self._give(MAP, ["n", dim, 1, 1])

    def _give(self, name: str, shape: list[Any]) -> None:
        float32 = self._onnx.TensorProto.FLOAT
        self._graph.output.append(self._onnx.helper.make_tensor_value_info(name, float32, shape))
