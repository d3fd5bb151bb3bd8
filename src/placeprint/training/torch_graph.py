"""An ONNX graph of a convolutional network, run by PyTorch so that its weights can be trained.

The weights are those of the file, batch norms already folded in: nothing else is needed to go on from the bundled model
or from an exported one, and the trained weights go back into the same graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from placeprint.embedding.export.graph import constants_of, onnx_package, read_proto
from placeprint.errors import ModelError
from placeprint.training.packages import torch_package

_TRAINED = {"Conv": (1, 2), "Gemm": (1, 2)}
"""Which inputs of a node are weights."""


class TorchGraph:
    """The network of an ONNX file in PyTorch.

    `data`: The ONNX file.
    `output`: Which output is wanted.
    `weights`: What can be trained, by the names that the graph has for it.
    Raises `ModelError` when the graph has an operation that is not known here.
    """

    def __init__(self, data: bytes, output: str) -> None:
        torch, proto = torch_package(), read_proto(data)
        constants = constants_of(proto)
        self._input, self._output = proto.graph.input[0].name, output
        self._nodes = [node for node in _needed(proto, output) if node.output[0] not in constants]
        for node in self._nodes:
            if node.op_type not in _OPERATIONS:
                raise ModelError(
                    f'the base has the operation "{node.op_type}", which cannot be trained here: only convolutional '
                    "networks can. Train a head behind it, without --full"
                )
        trained = {
            node.input[place]
            for node in self._nodes
            for place in _TRAINED.get(node.op_type, ())
            if place < len(node.input) and node.input[place] in constants
        }
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in constants.items()}
        self.weights = {name: tensors[name].float() for name in sorted(trained)}
        self._constants = {name: tensors[name] for name in tensors if name not in trained}

    def to(self, device: Any) -> None:
        """Move it to a device."""
        for held in (self.weights, self._constants):
            held.update({name: value.to(device) for name, value in held.items()})

    def __call__(self, images: Any) -> Any:
        """Return the output for images (n, 3, h, w)."""
        values = {self._input: images, **self._constants, **self.weights}
        for node in self._nodes:
            inputs = [values[name] if name else None for name in node.input]
            values[node.output[0]] = _OPERATIONS[node.op_type](inputs, _attributes(node))
        return values[self._output]


def _needed(proto: Any, output: str) -> list[Any]:
    """Return the nodes that an output depends on, in order."""
    wanted, kept = {output}, []
    for node in reversed(proto.graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    if not kept:
        raise ModelError(f'the base has no output called "{output}"')
    return kept[::-1]


def _attributes(node: Any) -> dict[str, Any]:
    helper = onnx_package().helper
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _convolve(inputs: list[Any], given: Mapping[str, Any]) -> Any:
    functional = torch_package().nn.functional
    x, weight, bias = (*inputs, None)[:3]
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    settings = {"stride": tuple(given.get("strides", (1, 1))), "dilation": tuple(given.get("dilations", (1, 1)))}
    if (top, left) == (bottom, right):
        settings["padding"] = (top, left)
    else:
        x = functional.pad(x, (left, right, top, bottom))
    return functional.conv2d(x, weight, bias, groups=given.get("group", 1), **settings)


def _clip(inputs: list[Any], given: Mapping[str, Any]) -> Any:
    low, high = (*inputs[1:], None, None)[:2]
    low, high = given.get("min") if low is None else float(low), given.get("max") if high is None else float(high)
    return inputs[0].clamp(low, high)


def _max_pool(inputs: list[Any], given: Mapping[str, Any]) -> Any:
    functional = torch_package().nn.functional
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    padded = functional.pad(inputs[0], (left, right, top, bottom), value=-float("inf"))
    return functional.max_pool2d(padded, tuple(given["kernel_shape"]), tuple(given.get("strides", (1, 1))))


def _gemm(inputs: list[Any], given: Mapping[str, Any]) -> Any:
    left, right = (each.T if given.get(key) else each for each, key in zip(inputs, ("transA", "transB"), strict=False))
    product = given.get("alpha", 1.0) * (left @ right)
    return product if len(inputs) < 3 else product + given.get("beta", 1.0) * inputs[2]


_OPERATIONS: dict[str, Callable[[list[Any], Mapping[str, Any]], Any]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Clip": _clip,
    "Conv": _convolve,
    "Flatten": lambda inputs, given: inputs[0].flatten(given.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean(dim=(2, 3), keepdim=True),
    "Identity": lambda inputs, _: inputs[0],
    "MaxPool": _max_pool,
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Relu": lambda inputs, _: inputs[0].relu(),
    "Sigmoid": lambda inputs, _: inputs[0].sigmoid(),
}
