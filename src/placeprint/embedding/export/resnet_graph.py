"""Writes a ResNet as an ONNX graph, node by node, its batch norms folded into the convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from placeprint.arrays import Floats
from placeprint.embedding.export.graph import onnx_package, written
from placeprint.embedding.export.resnet import DIM, EPSILON, NORM_PARTS, State, network

OPSET, IR_VERSION = 13, 8


class GraphLayers:
    """Collects the nodes and weights of one graph; what flows is the name of a tensor."""

    def __init__(self, state: State) -> None:
        self._onnx, self._state = onnx_package(), state
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        out = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, [out], **attributes))
        return out

    def _constant(self, name: str, value: Floats) -> str:
        self.weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def conv(self, x: str, conv: str, norm: str, channels: int, *, kernel: int = 1, stride: int = 1) -> str:  # noqa: ARG002
        """Add a convolution with the batch norm folded in, computed in 64 bit."""
        gamma, beta, mean, variance = (np.asarray(self._state[f"{norm}.{part}"], np.float64) for part in NORM_PARTS)
        scale = gamma / np.sqrt(variance + EPSILON)
        weight = np.asarray(self._state[f"{conv}.weight"], np.float64) * scale[:, None, None, None]
        names = [self._constant(f"{conv}.w", weight), self._constant(f"{conv}.b", beta - mean * scale)]
        return self.node("Conv", [x, *names], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)

    def relu(self, x: str) -> str:
        """Add a cut below 0."""
        return self.node("Relu", [x])

    def add(self, x: str, y: str) -> str:
        """Add an addition."""
        return self.node("Add", [x, y])

    def max_pool(self, x: str) -> str:
        """Add a pooling."""
        return self.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)


def write_resnet(state: State, name: str) -> bytes:
    """Return the ONNX file of a ResNet.

    Input ``image`` (n, 3, h, w); outputs ``embedding``, the mean over space (n, 2048), and ``feature_map``, the last
    map (n, 2048, h/32, w/32).

    Raises `MissingExtraError` without the onnx package.
    """
    graph = GraphLayers(state)
    onnx, float32 = onnx_package(), onnx_package().TensorProto.FLOAT
    last = network(graph, "image", name)
    pooled = graph.node("GlobalAveragePool", [last])
    graph.nodes.append(onnx.helper.make_node("Identity", [last], ["feature_map"]))
    graph.nodes.append(onnx.helper.make_node("Flatten", [pooled], ["embedding"], axis=1))
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            name,
            [onnx.helper.make_tensor_value_info("image", float32, ["n", 3, "h", "w"])],
            [
                onnx.helper.make_tensor_value_info("embedding", float32, ["n", DIM]),
                onnx.helper.make_tensor_value_info("feature_map", float32, ["n", DIM, "fh", "fw"]),
            ],
            graph.weights,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="placeprint",
        ir_version=IR_VERSION,
    )
    return written(proto)
