"""A base that is quick to train, and folders of drawn places; PyTorch is imported only where it is used."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.records import ModelSpec

DIM, SIDE = 24, 64


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small products on several threads wait for each other longer than they compute."""
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An ONNX file of three convolutions with random weights, GeM behind them, as the bundled model has it."""
    onnx = pytest.importorskip("onnx")
    helper, rng = onnx.helper, np.random.default_rng(0)
    nodes, weights, x, channels = [], [], "image", 3
    for number, out in enumerate((8, 16, DIM)):
        weight = rng.normal(0, (2 / (9 * channels)) ** 0.5, (out, channels, 3, 3)).astype(np.float16)
        bias = rng.normal(0, 0.1, out).astype(np.float32)
        weights += [onnx.numpy_helper.from_array(weight, f"w{number}_16")]
        weights += [onnx.numpy_helper.from_array(bias, f"b{number}")]
        nodes.append(helper.make_node("Cast", [f"w{number}_16"], [f"w{number}"], to=onnx.TensorProto.FLOAT))
        nodes.append(
            helper.make_node("Conv", [x, f"w{number}", f"b{number}"], [f"c{number}"], strides=[2, 2], pads=[0, 0, 1, 1])
        )
        x = "feature_map" if number == 2 else f"r{number}"
        nodes.append(helper.make_node("Relu", [f"c{number}"], [x]))
        channels = out
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["embedding"]))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("image", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [
            value("embedding", onnx.TensorProto.FLOAT, ["n", DIM]),
            value("feature_map", onnx.TensorProto.FLOAT, ["n", DIM, "a", "b"]),
        ],
        weights,
    )
    path = tmp_path_factory.mktemp("base") / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    spec = ModelSpec(
        name="tiny",
        dim=DIM,
        input_size=SIDE,
        resize_size=SIDE,
        mean=(127, 127, 127),
        std=(128, 128, 128),
        pooling="gem",
        gem_p=2.0,
        licence="Apache-2.0",
        source="random",
    )
    path.with_suffix(".json").write_text(json.dumps(spec.to_dict()))
    return str(path)


def draw(folder: Path, *, places: int, views: int, seed: int = 0, shuffled: bool = False) -> Path:
    """Draw places: coarse shapes of one's own, under light of any colour; shuffled, every photo is of its own."""
    rng = np.random.default_rng(seed)
    for place in range(places):
        shapes = rng.uniform(0, 1, (6, 6, 3))
        for view in range(views):
            if shuffled:
                shapes = rng.uniform(0, 1, (6, 6, 3))
            lit = shapes * rng.uniform(0.35, 1.0, 3) + rng.normal(0, 0.05, shapes.shape)
            photo = Image.fromarray((255 * lit.clip(0, 1)).astype(np.uint8)).resize((80, 64), Image.Resampling.BICUBIC)
            path = folder / f"place-{place:02}" / f"{view}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            photo.save(path)
    return folder


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Path]:
    return draw


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("drawn") / "places", places=20, views=4)
