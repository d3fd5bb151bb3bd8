"""Learn how the bundled model computes in 8 bits, from rendered images alone.

    python tools/build_int8_table.py            # writes efficientnet-lite0.int8.npz beside the ONNX file
    python tools/build_int8_table.py --check    # only says whether the table in the package is this one

Two networks walk side by side over images of the town, in 64 bit: one as the file says, one in 8 bits. What a
convolution reads is cut to the range that costs least (mean squared error); after each convolution the bias of the
second is moved so that every channel has the same mean in both (bias correction, Nagel et al. 2019, section 4.2).
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from placeprint.dataset.decoding.images import decode
from placeprint.embedding.models import find_model
from placeprint.embedding.preprocess import normalised, prepare
from placeprint.embedding.runners.int8 import STEPS, EightBits, narrowest, save_table, table_of
from town import render_town

PLACES = 12
IN_32_BIT = frozenset(
    {
        "_conv_stem",
        "_conv_stem.relu6",
        "_blocks.0._depthwise_conv",
        "_blocks.0._depthwise_conv.relu6",
        "_blocks.0._project_conv",
    }
)
"""Convolutions and tensors that stay as they are: they made most of the error, and take a fourteenth of the time."""
CUTS = (1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Shares of the range that was seen that are tried."""
TRIED = 200_000
"""Values that a range is tried on."""

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the graph."""

    kind: str
    inputs: list[str]
    output: str
    settings: dict[str, Any]


def read(path: Path) -> tuple[list[Step], dict[str, np.ndarray]]:
    """Return the nodes that compute, and the weights by the name under which they are read."""
    graph = onnx.load(str(path)).graph
    weights = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in graph.initializer}
    steps = []
    for node in graph.node:
        if node.op_type == "Cast":
            weights[node.output[0]] = weights[node.input[0]]
        elif node.op_type in ("Conv", "Clip", "Add"):
            settings = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            steps.append(Step(node.op_type, list(node.input), node.output[0], settings))
    return steps, weights


def rendered_images() -> torch.Tensor:
    """Return one rendered image of each place, as the graph takes them."""
    spec = find_model("efficientnet-lite0").spec
    with tempfile.TemporaryDirectory() as folder:
        render_town(Path(folder) / "town", places=PLACES, views=4, seed=0)
        paths = sorted((Path(folder) / "town/gallery").glob("*/01.jpg"))
        looks = [normalised(prepare(decode(path.read_bytes()), spec), spec) for path in paths]
    return torch.from_numpy(np.concatenate(looks).astype(np.float64))


def convolved(x: torch.Tensor, step: Step, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Convolve as the node says."""
    top, left, bottom, right = step.settings["pads"]
    padded = F.pad(x, (left, right, top, bottom))
    return F.conv2d(padded, weight, bias, step.settings["strides"][0], groups=step.settings.get("group", 1))


def in_8_bits(x: torch.Tensor, scale: float, zero: int) -> torch.Tensor:
    """Round to steps, and cut what lies outside."""
    return (torch.clamp(torch.round(x / scale) + zero, 0, STEPS) - zero) * scale


def best_range(x: torch.Tensor) -> tuple[float, int]:
    """Return the scale and the zero of the range with the least squared error."""
    flat = x.flatten()
    flat = flat[:: max(1, len(flat) // TRIED) | 1]
    low, high = min(float(x.min()), 0.0), float(x.max())
    tried = []
    for below in CUTS if low < 0 else CUTS[:1]:
        for above in CUTS:
            scale = (high * above - low * below) / STEPS
            zero = round(-low * below / scale)
            tried.append((float(((in_8_bits(flat, scale, zero) - flat) ** 2).mean()), scale, zero))
    _, scale, zero = min(tried)
    return float(np.float32(scale)), zero


def learn(path: Path, looks: torch.Tensor) -> tuple[dict[str, tuple[float, int]], dict[str, np.ndarray]]:
    """Return the ranges and the moves of biases."""
    steps, weights = read(path)
    last = {name: step for step in steps for name in step.inputs}
    read_by_conv = {step.inputs[0] for step in steps if step.kind == "Conv"} - {"image"} - IN_32_BIT
    values: dict[str, Pair] = {"image": (looks, looks)}
    ranges: dict[str, tuple[float, int]] = {}
    moves: dict[str, np.ndarray] = {}
    for step in steps:
        exact, small = values[step.inputs[0]]
        if step.kind == "Conv":
            weight, bias = weights[step.inputs[1]], torch.from_numpy(weights[step.inputs[2]])
            exact = convolved(exact, step, torch.from_numpy(weight), bias)
            if step.output in IN_32_BIT:
                small = convolved(small, step, torch.from_numpy(weight), bias)
            else:
                small = convolved(small, step, torch.from_numpy(narrowest(weight)), bias)
                move = (exact - small).mean(dim=(0, 2, 3))
                small, moves[step.output] = small + move[:, None, None], move.numpy().astype(np.float32)
        elif step.kind == "Clip":
            exact, small = exact.clamp(0, 6), small.clamp(0, 6)
        else:
            other = values[step.inputs[1]]
            exact, small = exact + other[0], small + other[1]
        if step.output in read_by_conv:
            ranges[step.output] = best_range(exact)
            small = in_8_bits(small, *ranges[step.output])
        values[step.output] = (exact, small)
        for name in [name for name in values if last.get(name) is step]:
            del values[name]
    return ranges, moves


def main() -> int:
    """Learn, and write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the table differs")
    options = parser.parse_args()
    file = find_model("efficientnet-lite0")
    with torch.inference_mode():
        ranges, moves = learn(file.path, rendered_images())
    if options.check:
        kept = table_of(file.path, file.spec.weights_sha256)
        same = (
            kept is not None
            and kept.ranges == ranges
            and all((kept.moves[name] == moves[name]).all() for name in moves)
        )
        print("the table in the package is this" if same else "the table in the package differs")
        return 0 if same else 1
    path = save_table(file.path, EightBits(file.spec.weights_sha256, "", ranges, moves))
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
