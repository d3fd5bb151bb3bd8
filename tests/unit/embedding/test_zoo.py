"""What can be brought, what is said where it cannot, and which files are refused: all of it without PyTorch."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint import export
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.model_folder import exported_path, is_source, models_folder
from placeprint.embedding.models import WEIGHTS, find_model
from placeprint.embedding.onnx_file import refuse_unsafe
from placeprint.embedding.zoo import list_zoo
from placeprint.errors import ModelError, PlaceprintError, UsageError
from program import run


def test_the_zoo_names_the_models_of_the_field() -> None:
    names = " ".join(model.name for model in list_zoo())
    wanted = "NetVLAD CosPlace EigenPlaces MixVPR SALAD BoQ MegaLoc DINOv2 ResNet50 EfficientNet"
    assert [name for name in wanted.split() if name not in names] == []


def test_every_figure_has_a_benchmark_and_a_citation() -> None:
    for model in list_zoo():
        assert (model.recall_at_1 is None) == (not model.citation) == (not model.benchmark), model.name
        assert is_source(model.source) or model.source.startswith("https://")
        assert not model.here
        if "GPL" in model.licence or "none" in model.licence:
            assert not model.commercial


def test_models_shows_what_is_here_and_what_can_be_brought() -> None:
    text = run("models").stdout
    assert "efficientnet-lite0" in text
    assert "GPL-3.0" in text
    assert "Izquierdo and Civera, CVPR 2024" in text
    assert {"SALAD", "MegaLoc", "MixVPR"}.isdisjoint(run("models", "--known", "--commercial-only").stdout.split())
    rows = json.loads(run("models", "--known", "--commercial-only", "--json").stdout)
    assert rows == [row for row in json.loads(run("models", "--known", "--json").stdout) if row["commercial"]]
    assert {"name", "dim", "parameters", "licence", "source", "recall_at_1", "citation", "here"} <= set(rows[0])


def test_the_folder_of_models_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models_folder().name == "models"
    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path))
    assert exported_path("hub:a/b:c.d") == tmp_path / "exported" / "hub-a-b-c.d.onnx"
    assert is_source("timm:x")
    assert not any(map(is_source, ("C:\\m.onnx", "timm", "timm:", "efficientnet-lite0")))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["resnet50", "-o", "m.onnx"], 2, "resnet50 needs --weights"),
        (["resnet50", "--weights", "w.pth"], 2, "say where to write"),
        (["resnet50", "--weights", "w.pth", "-o", "m.pt"], 2, "must end with .onnx"),
        (["resnet9000", "-o", "m.onnx"], 2, 'source "resnet9000" is not known'),
        (["torchvision:resnet50"], 3, "resnet50-0676ba61.pth or https://download.pytorch.org/models/resnet50-11ad3fa6"),
        (["torchvision:resnet50:v9"], 2, "neither v1 nor v2"),
        (["torchvision:resnet101:v2"], 3, "bring https://download.pytorch.org/models/resnet101-cd907fc2.pth"),
        (["torchvision:resnet50", "--weights", "w.pth"], 2, "--weights goes with"),
        (["torchvision:resnet50", "--name", "x"], 2, "--name goes with --out"),
        (["hub:serizba/salad:dinov2_salad"], 2, "Licence: GPL-3.0. If you trust it, add --trust"),
        (["hub:serizba/salad"], 2, "must be hub:OWNER/REPO:ENTRY"),
        (["hf:a/b"], 3, "bring https://huggingface.co/a/b/resolve/main/onnx/model.onnx"),
        (["hf:../b"], 2, "must be hf:OWNER/REPO"),
    ],
)
def test_what_cannot_be_exported_says_what_to_do(arguments: list[str], code: int, words: str) -> None:
    from typer.testing import CliRunner

    from placeprint.cli.app import app

    error = CliRunner().invoke(app, ["export", *arguments]).exception
    assert isinstance(error, PlaceprintError)
    assert error.exit_code == code
    assert words in str(error)
    assert "\n" not in str(error)
    assert not Path("m.onnx").exists()


def test_index_says_which_file_to_bring(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    said = run("index", str(tmp_path), "-o", str(tmp_path / "g"), "-m", "torchvision:resnet50", expect=3).stderr
    assert str(models_folder()) in said
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("source", ["resnet50", "timm:vit_base_patch14_dinov2", "torchvision:efficientnet_b0"])
def test_without_pytorch_the_message_names_the_extra(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    weights = tmp_path / "w.pth" if source == "resnet50" else None
    with pytest.raises(ImportError, match=r'pip install "placeprint\[torch\]"'):
        export(source, tmp_path / "m.onnx", weights=weights)


def described(folder: Path, **changes: object) -> Path:
    row = json.loads((WEIGHTS / "efficientnet-lite0.json").read_text()) | {"weights_sha256": "", "pooling": "graph"}
    (folder / "m.json").write_text(json.dumps(row | {"dim": 4} | changes))
    return folder / "m.onnx"


def small_graph(path: Path, value: float = 1.0, *, location: str = "", where: str = "weight") -> None:
    """Write a graph whose embedding is four numbers times the mean of the image."""
    onnx = pytest.importorskip("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    weight = onnx.numpy_helper.from_array(np.full((3, 4), value, np.float32), "weight")
    if location:
        onnx.external_data_helper.set_external_data(weight, location)
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    if where == "constant":
        nodes.insert(0, helper.make_node("Constant", [], ["weight"], value=weight))
    ends = [
        [helper.make_tensor_value_info("image", float32, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("embedding", float32, ["n", 4])],
    ]
    graph = helper.make_graph(nodes, "small", *ends, [] if where == "constant" else [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("where", ["weight", "constant"])
@pytest.mark.parametrize("location", ["../../../etc/passwd", "/etc/passwd", "beside.bin"])
def test_weights_in_another_file_are_refused(tmp_path: Path, location: str, where: str) -> None:
    small_graph(described(tmp_path), location=location, where=where)
    (tmp_path / "beside.bin").write_bytes(bytes(48))
    with pytest.raises(ModelError, match="keeps weights in another file") as caught:
        find_model(str(tmp_path / "m.onnx"))
    assert f'"{location}"' in str(caught.value)


def test_files_with_all_weights_inside_are_let_through(tmp_path: Path) -> None:
    for path in WEIGHTS.glob("*.onnx"):
        refuse_unsafe(path, path.read_bytes())
    small_graph(described(tmp_path), where="constant")
    assert load_embedder(str(tmp_path / "m.onnx")).embed_one(Image.new("RGB", (9, 9), (255, 9, 9))).shape == (4,)


@pytest.mark.parametrize("kept", [0, 1, 7, 100, -1])
def test_a_damaged_graph_is_refused(tmp_path: Path, kept: int) -> None:
    small_graph(described(tmp_path))
    whole = (tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[:kept])
    with pytest.raises(ModelError, match="cannot run"):
        load_embedder(str(tmp_path / "m.onnx"))


@pytest.mark.parametrize("runner", ["openvino", "onnx"])
@pytest.mark.parametrize(
    ("value", "dim", "words"),
    [(float("nan"), 4, "NaN, infinity or only zeros"), (0.0, 4, "only zeros"), (1.0, 5, "gives 4 numbers and says")],
)
def test_outputs_that_are_no_embedding_are_refused(
    tmp_path: Path, runner: str, value: float, dim: int, words: str
) -> None:
    if runner == "onnx":
        pytest.importorskip("onnxruntime")
    small_graph(described(tmp_path, dim=dim), value)
    with pytest.raises(ModelError, match=words):
        load_embedder(str(tmp_path / "m.onnx"), runner=runner).embed_one(Image.new("RGB", (64, 64), (200, 90, 30)))


def test_unknown_sources_stay_unknown_names() -> None:
    with pytest.raises(UsageError, match="is not known"):
        find_model("ftp:something")
