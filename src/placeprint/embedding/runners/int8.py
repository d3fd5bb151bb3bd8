"""The bundled model in 8 bits, for processors that multiply bytes faster and do not compute in bfloat16.

Beside an ONNX file may lie a table (``NAME.int8.npz``, made by ``tools/build_int8_table.py``): the scale and the zero
of what each convolution reads, and how far its bias moves (bias correction, Nagel et al. 2019). Weights get one scale a
channel (Jacob et al. 2018). What the table leaves out stays in 32 bit: the first layers, where most of the error arose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import ModelError
from placeprint.storage.arrays import read_archive
from placeprint.storage.regular_files import read_regular

LARGEST = 1 << 28
FLAGS = {"avx512_vnni", "avx_vnni"}
"""What Linux calls the instructions that add four products of bytes at once without running over."""

STEPS = 255
"""Steps between the least and the greatest activation."""

DEAD = 1e-5
"""A channel whose weights are smaller than this share of the greatest one is as good as empty."""


@dataclass(frozen=True, slots=True)
class EightBits:
    """What it takes to compute an ONNX file in 8 bits."""

    # weights_sha256, sha256: Of the ONNX file, and of the table's own.
    weights_sha256: str
    sha256: str
    ranges: Mapping[str, tuple[float, int]]  # Scale and zero of a tensor that convolutions read.
    # Each (channels,): What is added to the bias of a convolution that computes in 8 bits, by the name of its output.
    moves: Mapping[str, NDArray[np.float32]]


def table_of(path: Path, weights_sha256: str) -> EightBits | None:
    """Return the table beside an ONNX file; None where there is none, or it is that of another file.

    Raises `ModelError` when it is there and cannot be read.
    """
    beside = path.with_suffix(".int8.npz")
    if not beside.is_file():
        return None
    try:
        data = read_regular(beside, LARGEST)
        table = read_archive(data)
        ranges = zip(table["scales"].tolist(), table["zeros"].tolist(), strict=True)
        moves = np.split(table["moves"], table["ends"][:-1])
        made = EightBits(
            str(table["sha256"]),
            hashlib.sha256(data).hexdigest(),
            dict(zip(table["tensors"].tolist(), ranges, strict=True)),
            dict(zip(table["outputs"].tolist(), moves, strict=True)),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(f'"{beside}" is damaged: install placeprint again') from error
    return made if made.weights_sha256 == weights_sha256 else None


def save_table(path: Path, table: EightBits) -> Path:
    """Write a table beside its ONNX file, and return where; see `table_of`."""
    beside = path.with_suffix(".int8.npz")
    np.savez_compressed(
        beside,
        sha256=np.array(table.weights_sha256),
        tensors=np.array(list(table.ranges)),
        scales=np.array([scale for scale, _ in table.ranges.values()]),
        zeros=np.array([zero for _, zero in table.ranges.values()]),
        outputs=np.array(list(table.moves)),
        ends=np.cumsum([len(move) for move in table.moves.values()]),
        moves=np.concatenate(list(table.moves.values())).astype(np.float32),
    )
    return beside


@lru_cache(maxsize=1)
def multiplies_bytes() -> bool:
    """Return whether this processor has the instructions, as Linux tells; False on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not FLAGS.isdisjoint(flags.split())


def lower(model: Any, table: EightBits) -> None:
    """Change an OpenVINO graph so that it computes in 8 bits what the table names.

    `model`: As it was read from the ONNX file.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("Convolution", "GroupConvolution"):
            _narrow(node, table)
        for output in node.outputs():
            for name in output.get_names() & table.ranges.keys():
                _cut(output, *table.ranges[name])


def _narrow(convolution: Any, table: EightBits) -> None:
    """Store the weights in 8 bits, and move the bias."""
    from openvino import opset13 as ops

    readers = (reader.get_node() for reader in convolution.output(0).get_target_inputs())
    add = next(node for node in readers if node.get_type_name() == "Add")
    name = next(iter(add.output(0).get_names() & table.moves.keys()), None)
    if name is None:
        return
    weights = _constant(convolution.input_value(1))
    greatest = _greatest(weights)
    ends = [ops.constant(end) for end in (-greatest, greatest)]
    small = ops.fake_quantize(ops.constant(weights), *ends, *ends, STEPS)  # kept as bytes they are mistaken: see docs
    convolution.input(1).replace_source_output(small.output(0))
    bias = _constant(add.input_value(1))
    moved = ops.constant(bias + table.moves[name].reshape(bias.shape))
    add.input(1).replace_source_output(moved.output(0))


def narrowest(weights: NDArray[Any]) -> NDArray[Any]:
    """Return the weights, shape (channels, ...), as they are after they were rounded to 8 bits."""
    scales = _greatest(weights) / (STEPS // 2)
    return np.asarray(np.rint(weights / scales) * scales)


def _greatest(weights: NDArray[Any]) -> NDArray[Any]:
    """Return the greatest weight of each channel."""
    greatest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    return np.asarray(np.where(greatest < DEAD * greatest.max(), greatest.max(), greatest))


def _cut(output: Any, scale: float, zero: int) -> None:
    """Let convolutions and additions read a tensor in 8 bits; outputs of the graph still get it in full."""
    from openvino import opset13 as ops

    readers = [reader for reader in output.get_target_inputs() if reader.get_node().get_type_name() != "Result"]
    ends = [ops.constant(np.float32(scale * each)) for each in (-zero, STEPS - zero)]
    small = ops.fake_quantize(output, *ends, *ends, STEPS + 1)
    for reader in readers:
        reader.replace_source_output(small.output(0))


def _constant(output: Any) -> NDArray[np.float32]:
    """Return the value of weights, which are cast and brought into shape after they are read."""
    node = output.get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return np.asarray(node.data, dtype=np.float32).reshape(list(output.get_shape()))
