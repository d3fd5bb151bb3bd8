"""Puts what was trained into the base's ONNX graph: its weights, the pooling, and a head behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.exporting.graph import onnx_package
from placeprint.records import ModelSpec
from placeprint.training.graph import read_graph

LEAST = 1e-6
"""What GeM takes values below it for, as `placeprint.embedding.preprocess.pooled` does."""
MAP = "embedding_map"
"""The embedding as a map of one cell: averaged it is itself, so that every view and preset works as with the base."""


def fuse(
    data: bytes, spec: ModelSpec, *, weights: Mapping[str, NDArray[np.float32]], power: float, head: NDArray[np.float32]
) -> tuple[bytes, ModelSpec]:
    """Return the base's graph with a linear head, and its description.

    Parameters
    ----------
    data, spec
        The base.
    weights : mapping of str to ndarray
        Trained weights by their names in the graph; what is not named stays.
    power : float
        Of GeM; 1 is the average. Of no matter where the graph pools by itself.
    head : ndarray of float32, shape (spec.dim, dim)
        The embedding is the pooled vector times it. Length does not matter: embeddings are brought to 1 later.
    """
    proto = read_graph(data)
    _replace(proto, weights)
    _rename(proto, {proto.graph.input[0].name: "image", "embedding": "base.embedding", MAP: f"base.{MAP}"})
    source = spec.embedding_output if spec.pooling == "graph" else spec.feature_output
    source = {"embedding": "base.embedding", MAP: f"base.{MAP}"}.get(source, source)
    add = _Adder(proto)
    if spec.pooling != "graph":
        source = _pooling(add, source, 1.0 if spec.pooling == "average" else power)
    flat = add("Flatten", [source], axis=1)
    add("MatMul", [flat, add.constant("head", head)], out="embedding")
    changes: dict[str, Any] = {"dim": head.shape[1], "embedding_output": "embedding"}
    outputs = [("embedding", ["n", head.shape[1]])]
    if spec.pooling != "graph":
        add("Reshape", ["embedding", add.constant("shape", np.array([0, -1, 1, 1]), np.int64)], out=MAP)
        outputs.append((MAP, ["n", head.shape[1], 1, 1]))
        changes |= {"pooling": "average", "feature_output": MAP}
    _keep_outputs(proto, outputs, spec.cells_output)
    return bytes(proto.SerializeToString(deterministic=True)), dataclasses.replace(spec, **changes)


class _Adder:
    """Adds nodes whose names no base has."""

    def __init__(self, proto: Any) -> None:
        self._graph, self._onnx = proto.graph, onnx_package()

    def __call__(self, kind: str, inputs: list[str], *, out: str = "", **attributes: Any) -> str:
        out = out or f"placeprint.{kind.lower()}{len(self._graph.node)}"
        self._graph.node.append(self._onnx.helper.make_node(kind, inputs, [out], **attributes))
        return out

    def constant(self, name: str, value: Any, kind: Any = np.float32) -> str:
        name = f"placeprint.{name}"
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name


def _pooling(add: _Adder, source: str, power: float) -> str:
    """Add GeM over space."""
    if power == 1.0:
        return add("GlobalAveragePool", [source])
    positive = add("Clip", [source, add.constant("least", LEAST)])
    powered = add("Pow", [positive, add.constant("power", power)])
    return add("Pow", [add("GlobalAveragePool", [powered]), add.constant("root", 1 / power)])


def _replace(proto: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put weights in the place of those that are there, in 32 bit."""
    graph, helper = proto.graph, onnx_package().numpy_helper
    for node in [node for node in graph.node if node.op_type in ("Cast", "Constant") and node.output[0] in weights]:
        graph.node.remove(node)
    kept = [each for each in graph.initializer if each.name not in weights]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.initializer.extend(helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in weights.items())


def _rename(proto: Any, names: Mapping[str, str]) -> None:
    """Rename tensors wherever they occur."""
    for node in proto.graph.node:
        for held in (node.input, node.output):
            held[:] = [names.get(name, name) for name in held]
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        value.name = names.get(value.name, value.name)


def _keep_outputs(proto: Any, outputs: list[tuple[str, list[Any]]], cells: str) -> None:
    """Set the graph's outputs, and drop what none of them needs."""
    graph, onnx = proto.graph, onnx_package()
    kept = [each for each in graph.output if cells and each.name == cells]
    del graph.output[:]
    graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in outputs
    )
    graph.output.extend(kept)
    wanted, nodes = {each.name for each in graph.output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    weights = [each for each in graph.initializer if each.name in wanted]
    for held, value in ((graph.node, nodes[::-1]), (graph.initializer, weights)):
        del held[:]
        held.extend(value)
    del graph.value_info[:]
    del graph.input[1:]  # old files list their weights here too
