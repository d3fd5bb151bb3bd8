"""Checkpoints as trainings leave them: the same network under any names, and what is beside it left out by name."""

import argparse
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint import export  # noqa: E402
from placeprint.embedding.export.checkpoints import Checkpoint, read_checkpoint  # noqa: E402
from placeprint.embedding.export.parameter_names import matched  # noqa: E402
from placeprint.embedding.export.resnet_sources import IN_A_ROW  # noqa: E402
from placeprint.errors import ModelError, UsageError  # noqa: E402

State = dict[str, "torch.Tensor"]
NET = {"conv1.weight": (2, 3), "layer1.0.conv1.weight": (2, 2), "bn1.running_var": (2,)}
"""Names that end alike, as those of a ResNet do."""


def net(value: float = 1.0) -> State:
    return {name: torch.full(shape, value) for name, shape in NET.items()}


def under(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def found(path: Path, checkpoint: object, branch: str = "") -> Any:
    torch.save(checkpoint, path / "w.pth")
    return matched(read_checkpoint(path / "w.pth"), NET, what="net", branch=branch, spellings=(IN_A_ROW,))


WRAPPERS = ("module.", "model.", "backbone.", "encoder.", "_orig_mod.", "net.", "student.", "online_encoder.net.")
NESTS = ("state_dict", "model_state_dict", "model", "net", "weights", "student", "teacher", "ema", "params", "any word")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WRAPPERS), max_size=4), st.lists(st.sampled_from(NESTS), max_size=3))
def test_any_chain_of_names_is_taken_off(
    tmp_path_factory: pytest.TempPathFactory, off: list[str], nest: list[str]
) -> None:
    checkpoint: dict[str, Any] = under("".join(off), net(2))
    for name in reversed(nest):
        checkpoint = {name: checkpoint, "epoch": 3, "lr": 0.1, "history": [1, 2], "note": "n", "best": None}
    got = found(tmp_path_factory.mktemp("c"), checkpoint)
    assert {name: value.shape for name, value in got.state.items()} == NET
    assert all((value == 2).all() and value.dtype == np.float32 for value in got.state.values())
    assert got.branch == ".".join([*nest, *("".join(off)[:-1].split(".") if off else [])])


BESIDE = {
    "fc.weight": "fc (1)",
    "backbone.head.weight": "head (1)",
    "classifier.1.bias": "classifier (1)",
    "projector.layer1.0.conv1.weight": "projector (1)",
    "aggregation.1.p": "aggregation (1)",
    "backbone.netvlad.centroids": "netvlad (1)",
    "backbone.bn1.num_batches_tracked": "num_batches_tracked (1)",
    "backbone.layer1.0.bn1.num_batches_tracked": "num_batches_tracked (1)",
    "queue": "queue (1)",
}


@pytest.mark.parametrize("key", BESIDE)
def test_what_is_beside_the_network_is_left_out_by_name(tmp_path: Path, key: str) -> None:
    got = found(tmp_path, {"state_dict": under("backbone.", net()) | {key: torch.ones(5)}})
    assert sorted(got.state) == sorted(NET)
    assert got.note == f'"w.pth": "state_dict.backbone" taken off the names; left out: {BESIDE[key]}'


def test_the_words_of_the_command_line_name_them(
    random_state: Callable[[str], State], tiny: str, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from placeprint.cli.app import app

    inner = {f"module.backbone.{key}": value.half() for key, value in random_state(tiny).items()}
    inner["module.aggregation.1.p"] = torch.ones(1)
    args = argparse.Namespace(lr=0.1)
    torch.save({"state_dict": inner, "epoch": 4, "args": args, "best": np.float64(0.5)}, tmp_path / "last.ckpt")
    out = str(tmp_path / "m.onnx")
    done = CliRunner().invoke(app, ["export", tiny, "--weights", str(tmp_path / "last.ckpt"), "-o", out])
    assert done.exit_code == 0, done.output
    assert '"state_dict.module.backbone" taken off the names' in done.stderr
    assert "aggregation (1)" in done.stderr
    assert "fc (2)" in done.stderr
    source = json.loads((tmp_path / "m.json").read_text())["source"]
    assert 'last.ckpt under "state_dict.module.backbone", SHA-256 ' in source


def test_the_fields_checkpoints_that_count_their_layers(
    random_state: Callable[[str], State], tiny: str, tmp_path: Path
) -> None:
    """`nn.Sequential(*resnet.children())` names conv1 0, bn1 1 and layer1 4; another head counts on."""
    back = {own: other for other, own in IN_A_ROW.items()}
    state = {k: v for k, v in random_state(tiny).items() if not k.startswith("fc.")}
    counted = {f"backbone.{back[k.split('.')[0]]}.{k.split('.', 1)[1]}": v for k, v in state.items()}
    torch.save(counted | {"aggregation.1.p": torch.ones(1), "backbone.8.p": torch.ones(1)}, tmp_path / "counted.pth")
    torch.save(state, tmp_path / "plain.pth")
    data = []
    for name in ("counted", "plain"):
        export(tiny, tmp_path / f"{name}.onnx", weights=tmp_path / f"{name}.pth")
        data.append((tmp_path / f"{name}.onnx").read_bytes())
    assert data[0] == data[1]


TWO = {
    "student and teacher": ({"student": under("module.", net(1)), "teacher": net(2)}, "student", "teacher"),
    "momentum": (
        {"state_dict": under("module.encoder_q.", net(1)) | under("module.encoder_k.", net(2))},
        "encoder_q",
        "encoder_k",
    ),
    "averaged": ({"model": net(1), "ema": under("module.", net(2))}, "model", "ema"),
    "online": (under("online_encoder.", net(1)) | under("target_encoder.", net(2)), "online_encoder", "target_encoder"),
    "root": (net(1) | {"ema": net(2)}, ".", "ema"),
}


@pytest.mark.parametrize("kind", TWO)
def test_two_networks_are_asked_about_and_a_name_chooses(tmp_path: Path, kind: str) -> None:
    checkpoint, first, second = TWO[kind]
    with pytest.raises(UsageError, match="holds 2 networks of this kind, under ") as caught:
        found(tmp_path, checkpoint)
    assert f"--branch {second}" in str(caught.value)
    assert all(f'{name}"' in str(caught.value).replace('.module"', '"') for name in (first, second))
    for branch, value in ((first, 1), (second, 2)):
        assert (found(tmp_path, checkpoint, branch).state["conv1.weight"] == value).all()
    with pytest.raises(UsageError, match='has no whole network under "nobody": it has "'):
        found(tmp_path, checkpoint, "nobody")


def test_the_same_numbers_twice_are_one_network_and_another_depth_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, {"model": under("a.", net()) | under("b.", net())}).branch == "model.a"
    deeper = {"teacher": net(2) | {"layer1.1.conv1.weight": torch.ones(2, 2)}, "student": net(1)}
    assert found(tmp_path, deeper).branch == "student"
    with pytest.raises(ModelError, match=r'has "teacher\.layer1\.1\.conv1\.weight", which a net has not'):
        found(tmp_path, {"teacher": deeper["teacher"]})


def test_what_is_missing_is_listed_under_the_prefix_that_fits_best(tmp_path: Path) -> None:
    lost = under("module.backbone.", net())
    del lost["module.backbone.bn1.running_var"]
    words = r'lacks "module.backbone.bn1.running_var" of the 3 that a net has under the prefix "module.backbone."'
    with pytest.raises(ModelError, match=words):
        found(tmp_path, lost | {"other.conv1.weight": torch.ones(2, 3)})
    many = {f"layer{n}.weight": (1,) for n in range(9)}
    torch.save({"layer8.weight": torch.ones(1)}, tmp_path / "w.pth")
    words = 'lacks "layer0.weight", "layer1.weight", "layer2.weight" and 5 parameters more of the 9 that a net has'
    with pytest.raises(ModelError, match=words):
        matched(read_checkpoint(tmp_path / "w.pth"), many, what="net")


class Config:
    """A class of one's own, saved beside the weights."""

    def __init__(self) -> None:
        self.loud = True

    def __setstate__(self, state: object) -> None:
        raise AssertionError("a checkpoint's class was made")


def test_objects_of_settings_are_read_as_nothing(tmp_path: Path) -> None:
    strange = {"args": argparse.Namespace(a=1), "best": np.float64(2), "where": Path("a"), "config": Config()}
    torch.save(
        {"model": OrderedDict(net()), **strange, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
        tmp_path / "w.pth",
    )
    read = read_checkpoint(tmp_path / "w.pth")
    assert sorted(read.arrays) == sorted([*under("model.", net()), "optimizer.state.0.step"])
    assert sorted(read.objects) == ["args", "best", "config", "where"]


def test_a_whole_model_and_a_program_are_refused_with_what_to_save(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(1, 1, 1), tmp_path / "w.pth")
    with pytest.raises(ModelError, match="it holds a whole model; save its state_dict"):
        read_checkpoint(tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r'"model" is not read\. Save the model'):
        found(tmp_path, {"model": torch.nn.Conv2d(1, 1, 1)})


@pytest.mark.parametrize("kind", ["half", "bfloat16", "double"])
def test_any_precision_is_taken(tmp_path: Path, kind: str) -> None:
    got = found(tmp_path, {name: getattr(value, kind)() for name, value in net(1.5).items()})
    assert all(value.dtype == np.float32 and (value == 1.5).all() for value in got.state.values())


@pytest.mark.filterwarnings("ignore:.*sparse.*", "ignore:.*quantiz.*")
def test_tensors_without_plain_numbers_and_bombs_are_no_tracebacks(tmp_path: Path) -> None:
    odd = {"sparse": torch.eye(3).to_sparse(), "meta": torch.ones(2, device="meta"), "complex": torch.ones(1) * 1j}
    assert found(tmp_path, {"model": net(), **odd}).branch == "model"
    with pytest.raises(ModelError, match="larger than the file"):
        found(tmp_path, {"a": torch.ones(1, dtype=torch.bfloat16).expand(1 << 40)})
    wide: dict[str, Any] = {"t": torch.ones(1)}
    for _ in range(15):
        wide = {str(number): wide for number in range(10)}  # each level shared: 10 ** 15 names in a small file
    with pytest.raises(ModelError, match="more than 1,000,000 names"):
        found(tmp_path, wide)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_checkpoint_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.safetensors"
    for raw in (data, len(data).to_bytes(8, "little") + data, (2).to_bytes(8, "little") + b"{}" + data):
        path.write_bytes(raw)
        try:
            read: Checkpoint | None = read_checkpoint(path)
        except ModelError as error:
            read = None
            said = str(error)
        assert read is not None or (said and "\n" not in said)
