"""Smaller graphs: weights of 16 bits, or convolutions computed in 8."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Maps
from placeprint.embedding.export.fusion import TAIL
from placeprint.embedding.export.graph import onnx_package, read_proto, refill, written
from placeprint.errors import ModelError, first_line
from placeprint.extras import require

SMALLEST = 1024
"""Numbers that a weight has at least to be stored in 16 bits; biases and smaller ones stay as they are."""
_QUANTISED = ("Conv", "Clip", "Relu", "Add", "MatMul", "Gemm")
"""Operations in 8 bits, among them those that cut a convolution's output: before the cut a range is many times as wide,
which cost 0.2 of cosine."""
_OLDEST_OPSET = 13
"""The first opset that casts bfloat16 and has a scale for every channel."""


def narrowed(data: bytes, precision: str) -> bytes:
    """Store weights in 16 bits and cast them when they are loaded: the arithmetic stays in 32 bit.

    `data`: An ONNX file.
    `precision`: ``float16`` (11 significant bits, up to 65504; a weight with a greater value stays as it is) or
    ``bfloat16`` (8 significant bits).
    Raises `ModelError` when the file is of an opset before 13; `MissingExtraError` without onnx.
    """
    onnx, proto = onnx_package(), read_proto(data, oldest=_OLDEST_OPSET)
    kind = {"float16": onnx.TensorProto.FLOAT16, "bfloat16": onnx.TensorProto.BFLOAT16}[precision]
    kept, casts = [], []
    for weight in proto.graph.initializer:
        small = _in_16_bits(weight, kind)
        if small is None:
            kept.append(weight)
            continue
        casts.append(onnx.helper.make_node("Cast", [small.name], [weight.name], to=onnx.TensorProto.FLOAT))
        kept.append(small)
    refill(proto.graph.initializer, kept)
    refill(proto.graph.node, [*casts, *proto.graph.node])
    return written(proto)


def _in_16_bits(weight: Any, kind: int) -> Any | None:
    """Return a weight in 16 bits under another name; None when it is small, not of 32 bits, or too great."""
    onnx = onnx_package()
    if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < SMALLEST:
        return None
    value = onnx.numpy_helper.to_array(weight)
    name = weight.name + ".16"
    if kind == onnx.TensorProto.FLOAT16:
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        return onnx.numpy_helper.from_array(half, name) if np.isfinite(half).all() else None
    bits = np.ascontiguousarray(value).view(np.uint32)
    upper = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")  # to the nearest, and of two the even one
    return onnx.helper.make_tensor(name, kind, list(weight.dims), upper.tobytes(), raw=True)


def quantised(data: bytes, looks: Iterable[Maps]) -> bytes:
    """Compute convolutions and matrix products in 8 bits: static quantisation by ONNX Runtime.

    Weights have a scale a channel; activations have one range each, the least and greatest value that was seen.

    `data`: An ONNX file.
    `looks`, each shape (1, 3, height, width): Images as the graph takes them, of images like those that it will see.
    Raises `ModelError` when the file is of an opset before 13, or ONNX Runtime refuses it; `MissingExtraError` without
    onnx or ONNX Runtime.
    """
    proto = _widened(read_proto(data, oldest=_OLDEST_OPSET))
    require("onnxruntime", extra="onnx", what="8 bits")
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)  # it recommends a step that renames what the ModelSpec names
        try:
            quantization.quantize_static(
                proto,
                str(Path(folder) / "small.onnx"),
                _Reader(proto.graph.input[0].name, looks),
                op_types_to_quantize=list(_QUANTISED),
                nodes_to_exclude=[node.name for node in proto.graph.node if node.name.startswith(TAIL)],
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            return (Path(folder) / "small.onnx").read_bytes()
        except Exception as error:  # it has no common base for what a graph raises
            raise ModelError(f"ONNX Runtime cannot compute this model in 8 bits: {first_line(error)}") from error
        finally:
            logging.disable(logging.NOTSET)


class _Reader:
    """Gives images one by one, as ONNX Runtime asks for them."""

    def __init__(self, name: str, looks: Iterable[Maps]) -> None:
        self._name, self._looks = name, iter(looks)

    def get_next(self) -> dict[str, Maps] | None:
        """Return the next image, or None."""
        look = next(self._looks, None)
        return None if look is None else {self._name: look}


def _widened(proto: Any) -> Any:
    """Store every weight that is cast to 32 bits when loaded in 32 bits: only such weights are quantised."""
    onnx = onnx_package()
    weights = {weight.name: weight for weight in proto.graph.initializer}
    casts = {
        node.output[0]: weights[node.input[0]]
        for node in proto.graph.node
        if node.op_type == "Cast" and node.input[0] in weights and _is_to_32_bits(node)
    }
    for name, weight in casts.items():
        value = onnx.numpy_helper.to_array(weight).astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
        proto.graph.initializer.remove(weight)
    refill(proto.graph.node, [node for node in proto.graph.node if node.output[0] not in casts])
    return proto


def _is_to_32_bits(cast: Any) -> bool:
    return any(each.name == "to" and each.i == onnx_package().TensorProto.FLOAT for each in cast.attribute)
