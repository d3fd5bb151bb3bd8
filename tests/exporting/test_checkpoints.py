"""Checkpoints of strangers: read without running anything, or refused with nothing kept."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint import export  # noqa: E402
from placeprint.embedding.export.checkpoints import read_checkpoint  # noqa: E402
from placeprint.errors import ModelError  # noqa: E402

State = dict[str, "torch.Tensor"]
Made = Callable[[str], State]


def saved(path: Path, state: State) -> Path:
    torch.save(state, path)
    return path


class _Hostile:
    """Creates a file when it is unpickled the careless way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


def without(state: State, key: str) -> State:
    return {k: v for k, v in state.items() if k != key}


BROKEN: dict[str, tuple[Callable[[State], object], str]] = {
    "missing": (lambda s: without(s, "layer3.0.bn2.weight"), 'lacks "layer3.0.bn2.weight"'),
    "unexpected": (lambda s: s | {"layer5.0.conv1.weight": torch.zeros(1)}, 'has "layer5.0.conv1.weight"'),
    "shape": (lambda s: s | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, r'"conv1.weight" has the shape \(64, 1, 7, 7'),
    "nan": (lambda s: s | {"bn1.bias": torch.full((64,), float("nan"))}, '"bn1.bias" holds NaN or infinity'),
    "negative variance": (lambda s: s | {"bn1.running_var": torch.full((64,), -1.0)}, "NaN, infinity or only zeros"),
    "all zeros": (lambda s: {k: torch.zeros_like(v) for k, v in s.items()}, "NaN, infinity or only zeros"),
    "no tensors": (lambda _: {"epoch": 3}, "it has no tensors"),
    "another network": (lambda _: {"blocks.0.attn.qkv.weight": torch.zeros(1)}, 'it has "blocks.0.attn.qkv.weight"'),
    "a deeper one": (lambda s: s | {"layer3.6.conv1.weight": torch.zeros(1)}, 'has "layer3.6.conv1.weight", which a'),
    "squeezed": (lambda s: s | {"layer1.0.se.fc1.weight": torch.zeros(1)}, 'has "layer1.0.se.fc1.weight", which a'),
    "prefixed shape": (
        lambda s: {f"net.{k}": v for k, v in (s | {"bn1.bias": torch.zeros(3)}).items()},
        r'"net.bn1.bias" has the shape \(3,\) and must have \(64,\)',
    ),
    "a list": (lambda _: [torch.zeros(1)], "it holds list"),
    "empty": (lambda _: {}, "not a state_dict"),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_checkpoint_is_refused_and_nothing_is_kept(
    random_state: Made, tiny: str, tmp_path: Path, kind: str
) -> None:
    change, words = BROKEN[kind]
    torch.save(change(random_state(tiny)), tmp_path / "w.pth")
    with pytest.raises(ModelError, match=words) as caught:
        export(tiny, tmp_path / "out" / "m.onnx", weights=tmp_path / "w.pth")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_hostile_pickle_is_not_run(tmp_path: Path) -> None:
    import pickle

    proof = tmp_path / "proof"
    for name, write in (("zip.pth", torch.save), ("bare.pth", lambda obj, path: path.write_bytes(pickle.dumps(obj)))):
        write({"conv1.weight": _Hostile(proof)}, tmp_path / name)
        with pytest.raises(ModelError, match="was not opened, because a pickle can run any program"):
            export("resnet50", tmp_path / "m.onnx", weights=tmp_path / name)
    assert not proof.exists()
    assert not (tmp_path / "m.onnx").exists()


def test_an_old_pytorch_opens_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "w.pth", {"conv1.weight": torch.zeros(1)})
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(ModelError, match="CVE-2025-32434"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 10, 5000, -100])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    file = io.BytesIO()
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, file)
    (tmp_path / "w.pth").write_bytes(file.getvalue()[:kept])
    with pytest.raises(ModelError, match=r"cut short|damaged"):
        export("resnet50", tmp_path / "m.onnx", weights=tmp_path / "w.pth")
    assert [p.name for p in tmp_path.iterdir()] == ["w.pth"]


def test_the_name_promises_the_hash(tmp_path: Path) -> None:
    path = saved(tmp_path / "resnet50-0676ba61.pth", {"conv1.weight": torch.zeros(1)})
    with pytest.raises(ModelError, match="its name promises 0676ba61"):
        export("resnet50", tmp_path / "m.onnx", weights=path)
    digest = read_checkpoint(path.rename(tmp_path / "plain.pth")).sha256
    promised = (tmp_path / "plain.pth").rename(tmp_path / f"net-{digest[:8]}.pth")
    assert (read_checkpoint(promised).sha256, read_checkpoint(promised).note) == (digest, "")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet50-deadbeef.pth", "its SHA-256 begins with"),
        ("model-1a2b3c4d.pth", "its SHA-256 begins with"),
        ("run-20240101.pth", ""),
        ("run-cafe.pth", ""),
        ("deadbeef.pth", ""),
        ("epoch-3-deadbeef.ckpt", "its SHA-256 begins with"),
    ],
)
def test_hexadecimal_in_a_name_of_ones_own_is_at_most_a_note(tmp_path: Path, name: str, words: str) -> None:
    read = read_checkpoint(saved(tmp_path / name, {"conv1.weight": torch.ones(2)}))
    assert read.arrays["conv1.weight"].tolist() == [1, 1]
    assert words in read.note
    assert bool(read.note) == bool(words)


def test_safetensors_hold_the_same_numbers(random_state: Made, tiny: str, tmp_path: Path) -> None:
    state = {key: value.float().numpy() for key, value in list(random_state(tiny).items())[:20]}
    table, body = {}, b""
    for key, value in state.items():
        table[key] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(body), len(body) + value.nbytes]}
        body += value.tobytes()
    head = json.dumps(table | {"__metadata__": {"format": "pt"}}).encode()
    whole = len(head).to_bytes(8, "little") + head + body
    (tmp_path / "w.safetensors").write_bytes(whole)
    found = read_checkpoint(tmp_path / "w.safetensors").arrays
    assert list(found) == list(state)
    assert all(np.array_equal(found[key], state[key]) for key in state)
    for kept in (3, 100, -7):
        (tmp_path / "cut.safetensors").write_bytes(whole[:kept])
        with pytest.raises(ModelError, match="cut short or is no safetensors"):
            export(tiny, tmp_path / "cut.onnx", weights=tmp_path / "cut.safetensors")
