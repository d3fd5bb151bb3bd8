"""A graph that does not take or give what its description says: one line, the same from both runners."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.models import ModelFile, find_model
from placeprint.errors import ModelError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, numpy_helper, T = onnx.helper, onnx.numpy_helper, onnx.TensorProto
RUNNERS = ("openvino", "onnx")
PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8))
SPEC: dict[str, Any] = {"name": "m", "dim": 4, "input_size": 32, "resize": "squash", "std": [9.0] * 3}


def graph(
    path: Path,
    *,
    shape: Sequence[Any] | None = ("n", 3, "h", "w"),
    kind: int = T.FLOAT,
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
    given: int = T.FLOAT,
    gives: Sequence[Any] | None = None,
    more: Sequence[str] = (),
) -> Path:
    """Write a model whose embedding is four numbers of an image's mean; nodes before and after may change it."""
    first, last = "image" if not before else "x", "embedding" if not after else "y"
    channels = 1 if shape is not None and 1 in shape[1:2] else 3
    weight = np.random.default_rng(1).normal(size=(channels, 4)).astype(np.float16 if kind == T.FLOAT16 else np.float32)
    nodes = [
        *before,
        helper.make_node("GlobalAveragePool", [first], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "W"], [last]),
        *after,
    ]
    inputs = [helper.make_tensor_value_info("image", kind, shape)]
    inputs += [helper.make_tensor_value_info(name, T.FLOAT, [1]) for name in more]
    ends = [helper.make_tensor_value_info("embedding", given, gives)]
    made = helper.make_graph(nodes, "g", inputs, ends, [numpy_helper.from_array(weight, "W")])
    path.write_bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    path.with_suffix(".json").write_text(json.dumps(SPEC))
    return path


def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, [output], **attributes)


LAST = [node("Transpose", ["image"], "x", perm=[0, 3, 1, 2])]
HALVES = "takes float16, it must take 32-bit floats"
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "half input": ({"kind": T.FLOAT16, "given": T.FLOAT16}, {}, HALVES),
    "byte input": ({"kind": T.UINT8, "before": [node("Cast", ["image"], "x", to=T.FLOAT)]}, {}, "takes uint8, it must"),
    "channels last": ({"shape": ["n", 32, 32, 3], "before": LAST}, {}, "takes any × 32 × 32 × 3, .*channels come last"),
    "channels last, free": ({"shape": ["n", "h", "w", 3], "before": LAST}, {"input_size": 3}, ""),
    "grey": ({"shape": ["n", 1, 32, 32]}, {}, "takes any × 1 × 32 × 32, it must take 3 channels"),
    "another side": ({"shape": ["n", 3, 48, 48]}, {}, "takes images of 48 × 48 pixels and its description says 32"),
    "one other side": ({"shape": [1, 3, 32, 48]}, {}, "takes images of 32 × 48 pixels and its description says 32"),
    "eight at once": ({"shape": [8, 3, 32, 32]}, {}, "takes 8 images at once, it must take one"),
    "no batch": (
        {
            "shape": [3, 32, 32],
            "before": [
                node("Unsqueeze", ["image", "axis"], "x"),
            ],
        },
        {},
        "takes 3 × 32 × 32, it must take",
    ),
    "two inputs": (
        {"more": ["scale"], "after": [node("Mul", ["y", "scale"], "embedding")]},
        {},
        r"has 2 inputs \(image, scale\)",
    ),
    "no such output": ({}, {"embedding_output": "nothing"}, 'has no output called "nothing"'),
    "whole numbers": ({"after": [node("Cast", ["y"], "embedding", to=T.INT64)], "given": T.INT64}, {}, "gives int64"),
    "another length": ({"gives": ["n", 4]}, {"dim": 5}, "gives 4 numbers and says that it gives 5"),
    "another length, not said": ({}, {"dim": 5}, "gives 4 numbers and says that it gives 5"),
    "a vector as a map": ({"gives": ["n", 4]}, {"pooling": "gem", "feature_output": "embedding"}, "it must give a map"),
    "a vector as a map, not said": ({}, {"pooling": "gem", "feature_output": "embedding"}, "it must give"),
    "no batch axis": ({"after": [node("Squeeze", ["y"], "embedding")]}, {}, "it must give one image's numbers"),
    "NaN": (
        {"after": [node("Sqrt", ["y"], "s"), node("Log", ["s"], "t"), node("Sqrt", ["t"], "embedding")]},
        {},
        "NaN, infinity",
    ),
    "fails while running": (
        {
            "after": [
                node("Shape", ["image"], "s"),
                node("Slice", ["s", "two", "four"], "hw"),
                node("Reshape", ["y", "hw"], "embedding"),
            ]
        },
        {},
        "cannot run",
    ),
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("kind", [kind for kind in WRONG if WRONG[kind][2]])
def test_both_runners_say_the_same_of_a_graph_that_does_not_fit(tmp_path: Path, kind: str, runner: str) -> None:
    changes, described, words = WRONG[kind]
    path = graph(tmp_path / "m.onnx", **changes)
    _with_constants(path)
    path.with_suffix(".json").write_text(json.dumps(SPEC | described))
    with pytest.raises(ModelError, match=words) as caught:
        load_embedder(str(path), runner=runner).embed_one(PHOTO)
    assert "\n" not in str(caught.value)


def _with_constants(path: Path) -> None:
    """Give the nodes of a case the numbers that they name."""
    model = onnx.load(str(path))
    used = {name for each in model.graph.node for name in each.input}
    for name, value in {"axis": [0], "two": [2], "four": [4]}.items():
        if name in used:
            model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    path.write_bytes(model.SerializeToString())


RIGHT: dict[str, dict[str, Any]] = {
    "free": {},
    "fixed": {"shape": [1, 3, 32, 32]},
    "another name": {"before": [node("Identity", ["image"], "x")]},
    "nothing said": {"shape": ["n", "c", "h", "w"]},
    "double": {"after": [node("Cast", ["y"], "embedding", to=T.DOUBLE)], "given": T.DOUBLE},
    "half output": {"after": [node("Cast", ["y"], "embedding", to=T.FLOAT16)], "given": T.FLOAT16},
    "a map of one": {"after": [node("Reshape", ["y", "four1"], "embedding")]},
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_fits_is_run_and_both_runners_agree(tmp_path: Path, kind: str) -> None:
    path = graph(tmp_path / "m.onnx", **RIGHT[kind])
    model = onnx.load(str(path))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 4, 1, 1]), "four1"))
    path.write_bytes(model.SerializeToString())
    one, two = (load_embedder(str(path), runner=runner, precision="f32").embed_one(PHOTO) for runner in RUNNERS)
    np.testing.assert_allclose(one, two, atol=2e-3)


def cells(path: Path, shape: Sequence[Any]) -> Path:
    """Write a model with a map, for cells and for GeM."""
    weight = np.random.default_rng(1).normal(size=(4, 3, 8, 8)).astype(np.float32)
    nodes = [node("Conv", ["image", "W"], "map", strides=[8, 8]), node("Abs", ["map"], "feature_map")]
    ends = (
        [helper.make_tensor_value_info("image", T.FLOAT, shape)],
        [helper.make_tensor_value_info("feature_map", T.FLOAT, None)],
    )
    made = helper.make_graph(nodes, "g", *ends, [numpy_helper.from_array(weight, "W")])
    path.write_bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    described = SPEC | {"pooling": "gem", "cells_output": "feature_map", "cells_stride": 8}
    path.with_suffix(".json").write_text(json.dumps(described))
    return path


@pytest.mark.parametrize("runner", RUNNERS)
def test_cells_need_a_graph_that_takes_any_sides(tmp_path: Path, runner: str) -> None:
    free = load_embedder(str(cells(tmp_path / "free.onnx", ["n", 3, "h", "w"])), runner=runner, preset="balanced")
    assert free.describe(PHOTO).parts["cells"].shape[2] == 4
    fixed = str(cells(tmp_path / "fixed.onnx", ["n", 3, 32, 32]))
    assert load_embedder(fixed, runner=runner).embed_one(PHOTO).shape == (4,)
    with pytest.raises(
        ModelError, match="takes images of 32 × 32 pixels only: cells need a graph that takes any sides"
    ):
        load_embedder(fixed, runner=runner, preset="balanced")


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("data", [b"\n<net name='x' version='11'></net>", b"\x12\x7f\x00\x00ORTM" + bytes(200)])
def test_other_formats_are_not_run(tmp_path: Path, runner: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each runtime reads formats of its own, by what the bytes look like; even past the look into them."""
    from placeprint.embedding import models

    path = graph(tmp_path / "m.onnx")
    path.write_bytes(data)
    monkeypatch.setattr(models, "refuse_unsafe", lambda *_: None)
    with pytest.raises(ModelError, match=r"cannot run ") as caught:
        load_embedder(str(path), runner=runner)
    assert "verification" not in str(caught.value)


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_file_that_is_swapped_after_the_look_is_not_run(tmp_path: Path, runner: str) -> None:
    model = find_model(str(graph(tmp_path / "m.onnx")))
    graph(tmp_path / "m.onnx", after=[node("Neg", ["y"], "embedding")])
    with pytest.raises(ModelError, match="was changed while it was being loaded"):
        load_embedder(model, runner=runner)
    assert isinstance(dataclasses.replace(model), ModelFile)
