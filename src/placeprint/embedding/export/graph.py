"""ONNX graphs opened, looked into and changed, with the onnx package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import ModelError, in_brief
from placeprint.extras import require


def onnx_package() -> Any:
    """Import the onnx package."""
    return require("onnx", extra="onnx", what="writing ONNX files")


def read_proto(data: bytes, *, oldest: int = 0) -> Any:
    """Parse an ONNX file.

    `oldest`: The first opset that has what will be written into the graph.
    Raises `ModelError` when it is no ONNX file, or is of an older opset; `MissingExtraError`.
    """
    onnx = onnx_package()
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf has its own tree of errors
        raise ModelError(f"the model is not an ONNX file: {in_brief(error)}") from error
    opset = next((each.version for each in proto.opset_import if each.domain in ("", "ai.onnx")), 0)
    if opset < oldest:
        raise ModelError(f"the ONNX file is of opset {opset}; {oldest} is the oldest that can be changed like this")
    return proto


def constants_of(proto: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays that a graph holds, also those that are stored in 16 bit and cast."""
    to_array = onnx_package().numpy_helper.to_array
    found = {each.name: to_array(each) for each in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant":
            found[node.output[0]] = to_array(node.attribute[0].t)
        elif node.op_type == "Cast" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]].astype(np.float32)
    return found


def refill(field: Any, values: Iterable[Any]) -> None:
    """Put values in the place of all that a repeated field of a graph holds."""
    kept = list(values)
    del field[:]
    field.extend(kept)


def written(proto: Any) -> bytes:
    """Return the ONNX file of a graph: the same bytes for the same graph."""
    return bytes(proto.SerializeToString(deterministic=True))
