"""A PyTorch checkpoint becomes an ONNX file that computes the same, or nothing is kept."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageOps

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.embedding.shelf import exported_path, find_exported, models_folder  # noqa: E402
from placeprint.errors import MissingExtraError, ModelError, UsageError  # noqa: E402
from placeprint.exporting import resnets  # noqa: E402
from placeprint.exporting.checkpoints import read_checkpoint  # noqa: E402
from placeprint.exporting.export import Exported, export, ready  # noqa: E402
from placeprint.exporting.parity import check_parity, pictures  # noqa: E402
from placeprint.exporting.resnet import BLOCKS, parameters  # noqa: E402


def random_state(architecture: str) -> dict[str, "torch.Tensor"]:
    """Return values of torchvision's names and shapes that let a signal through, and a classifier."""
    generator, state = torch.Generator().manual_seed(0), {}
    for key, shape in parameters(architecture).items():
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            state[key] = noise * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        elif key.endswith(("running_var", ".weight")):
            state[key] = 0.5 + 0.2 * noise.abs()
        else:
            state[key] = 0.1 * noise
    batches = {key.replace("running_var", "num_batches_tracked"): torch.tensor(7) for key in state if "var" in key}
    return state | batches | {"fc.weight": torch.zeros(10, 2048), "fc.bias": torch.zeros(10)}


@pytest.fixture(scope="module")
def state() -> dict[str, "torch.Tensor"]:
    return random_state("resnet50")


@pytest.fixture(scope="module")
def checkpoint(state: dict[str, "torch.Tensor"], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export("resnet50", tmp_path_factory.mktemp("exported") / "model.onnx", weights=checkpoint)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """A network with one block a stage, so that refusals are quick to test."""
    monkeypatch.setitem(BLOCKS, "resnet50", (1, 1, 1, 1))
    return "resnet50"


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def plain_resnet50(state: dict[str, "torch.Tensor"], x: "torch.Tensor") -> "torch.Tensor":
    """ResNet50 as He et al. describe it, written once more, in one function."""
    functional = torch.nn.functional

    def step(x: "torch.Tensor", conv: str, norm: str, stride: int = 1) -> "torch.Tensor":
        weight = state[conv + ".weight"]
        x = functional.conv2d(x, weight, None, stride, weight.shape[-1] // 2)
        gamma, beta, mean, variance = (state[f"{norm}.{p}"] for p in ("weight", "bias", "running_mean", "running_var"))
        return (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt() * gamma[:, None, None] + beta[
            :, None, None
        ]

    x = functional.max_pool2d(step(x, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for layer, (count, stride) in enumerate(((3, 1), (4, 2), (6, 2), (3, 2)), 1):
        for i in range(count):
            b, s = f"layer{layer}.{i}.", stride if i == 0 else 1
            y = step(step(x, b + "conv1", b + "bn1").relu(), b + "conv2", b + "bn2", s).relu()
            y = step(y, b + "conv3", b + "bn3")
            x = (y + (step(x, b + "downsample.0", b + "downsample.1", s) if i == 0 else x)).relu()
    return x


def test_the_parameters_are_those_of_torchvision() -> None:
    counts = {name: sum(np.prod(s) for k, s in parameters(name).items() if "running" not in k) for name in BLOCKS}
    assert counts == {"resnet50": 23_508_032, "resnet101": 42_500_160, "resnet152": 58_143_808}
    names = parameters("resnet50")
    assert names["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert names["layer4.2.bn3.running_var"] == (2048,)


def test_a_checkpoint_becomes_a_graph_that_computes_the_same(
    exported: Exported, state: dict[str, "torch.Tensor"]
) -> None:
    import onnxruntime

    assert exported.cosine is not None
    assert exported.cosine >= 0.9999
    session = onnxruntime.InferenceSession(str(exported.path))
    for height, width in ((128, 128), (64, 96)):
        images = pictures(2, height, width, 5)
        embedding, features = session.run(["embedding", "feature_map"], {"image": images})
        with torch.inference_mode():
            wanted = plain_resnet50(state, torch.from_numpy(images)).numpy()
        assert embedding.shape == (2, 2048)
        assert features.shape == (2, 2048, height // 32, width // 32)
        np.testing.assert_allclose(features, wanted, atol=2e-4 * np.abs(wanted).max())
        np.testing.assert_allclose(embedding, features.mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)


def test_the_description_says_all(exported: Exported, checkpoint: Path) -> None:
    row = json.loads(exported.path.with_suffix(".json").read_text())
    assert (row["name"], row["dim"], row["input_size"], row["resize_size"]) == ("model", 2048, 224, 256)
    np.testing.assert_allclose(np.array(row["mean"]) / 255, [0.485, 0.456, 0.406])
    np.testing.assert_allclose(np.array(row["std"]) / 255, [0.229, 0.224, 0.225])
    assert read_checkpoint(checkpoint).sha256 in row["source"]
    assert find_model(str(exported.path)).spec == exported.spec


@pytest.mark.parametrize("runner", ["openvino", "onnx"])
def test_the_file_is_a_model_like_any_other(exported: Exported, state: dict[str, "torch.Tensor"], runner: str) -> None:
    image = photo(1, (300, 256))
    pixels = np.asarray(image.crop((38, 16, 262, 240)), np.float32) / 255  # 256 high: only the cut remains
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.inference_mode():
        wanted = plain_resnet50(state, torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)))
    found = load_embedder(str(exported.path), runner=runner, precision="f32", threads=1).embed_one(image)
    wanted = wanted.mean(dim=(2, 3)).numpy()[0]
    assert found @ wanted / np.linalg.norm(wanted) >= 0.9999


def test_it_runs_where_there_is_no_pytorch(exported: Exported) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from PIL import Image; from placeprint.embedding.embedder import load_embedder\n"
        f"print(load_embedder({str(exported.path)!r}).embed_one(Image.new('RGB', (300, 200), (9, 99, 200))).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "(2048,)"


def put_where_exports_lie(exported: Exported, source: str) -> None:
    path = exported_path(source)
    path.parent.mkdir(parents=True)
    shutil.copy(exported.path, path)
    spec = dataclasses.replace(exported.spec, name=source)
    path.with_suffix(".json").write_text(json.dumps(spec.to_dict()))


def test_what_was_exported_once_is_found_by_its_source(exported: Exported) -> None:
    with pytest.raises(ModelError, match="placeprint export torchvision:resnet50"):
        find_model("torchvision:resnet50")
    put_where_exports_lie(exported, "torchvision:resnet50:v2")
    assert ready("torchvision:resnet50") == "torchvision:resnet50"
    assert find_model("torchvision:resnet50").spec.name == "torchvision:resnet50:v2"
    assert find_exported("torchvision:resnet50:v1") is None
    assert ready("efficientnet-lite0") == "efficientnet-lite0"


def test_index_exports_once_and_query_needs_only_the_gallery(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from placeprint.cli.app import app

    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(resnets.FILES, "resnet50", ("tiny1.pth", "tiny2.pth"))
    (tmp_path / "models").mkdir()
    torch.save(random_state(tiny), tmp_path / "models" / "tiny2.pth")
    for number in range(4):
        path = tmp_path / "photos" / f"place-{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(number).save(path)
    gallery = str(tmp_path / "g")
    made = [
        "index",
        str(tmp_path / "photos"),
        "-o",
        gallery,
        "-m",
        "torchvision:resnet50",
        "--preset",
        "fast",
        "--json",
    ]
    for _ in range(2):
        done = CliRunner().invoke(app, made)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["model"] == "torchvision:resnet50:v2"
    assert sorted(p.suffix for p in (tmp_path / "models" / "exported").iterdir()) == [".json", ".onnx"]
    (tmp_path / "models" / "tiny2.pth").unlink()  # what was exported once needs no weights
    assert CliRunner().invoke(app, made).exit_code == 0
    answer = CliRunner().invoke(app, ["query", gallery, str(tmp_path / "photos" / "place-0" / "0.jpg"), "--json"])
    assert json.loads(answer.stdout)["matches"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)


def saved(path: Path, state: dict[str, "torch.Tensor"]) -> Path:
    torch.save(state, path)
    return path


class _Hostile:
    """Creates a file when it is unpickled the careless way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


def without(state: dict[str, "torch.Tensor"], key: str) -> dict[str, "torch.Tensor"]:
    return {k: v for k, v in state.items() if k != key}


BROKEN: dict[str, tuple[Callable[[dict[str, "torch.Tensor"]], object], str]] = {
    "missing": (lambda s: without(s, "layer3.0.bn2.weight"), 'lacks "layer3.0.bn2.weight"'),
    "unexpected": (lambda s: s | {"layer5.0.conv1.weight": torch.zeros(1)}, 'has "layer5.0.conv1.weight"'),
    "shape": (lambda s: s | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, r'"conv1.weight" has the shape \(64, 1, 7, 7'),
    "nan": (lambda s: s | {"bn1.bias": torch.full((64,), float("nan"))}, '"bn1.bias" holds NaN or infinity'),
    "negative variance": (lambda s: s | {"bn1.running_var": torch.full((64,), -1.0)}, "NaN, infinity or only zeros"),
    "all zeros": (lambda s: {k: torch.zeros_like(v) for k, v in s.items()}, "NaN, infinity or only zeros"),
    "no tensors": (lambda s: s | {"epoch": 3}, '"epoch" is int'),
    "a list": (lambda _: [torch.zeros(1)], "it holds list"),
    "empty": (lambda _: {}, "not a state_dict"),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_checkpoint_is_refused_and_nothing_is_kept(tiny: str, tmp_path: Path, kind: str) -> None:
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
    assert read_checkpoint(promised).sha256 == digest
    assert not (tmp_path / "m.onnx").exists()


def test_wrapped_and_prefixed_checkpoints_are_understood(tiny: str, tmp_path: Path) -> None:
    inner = {f"module.{key}": value.half() for key, value in random_state(tiny).items()}
    done = export(tiny, tmp_path / "m.onnx", weights=saved(tmp_path / "w.pth", {"state_dict": inner, "epoch": 4}))
    assert done.cosine is not None
    assert done.cosine >= 0.9999


def test_safetensors_hold_the_same_numbers(tiny: str, tmp_path: Path) -> None:
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


def test_a_graph_that_computes_something_else_is_refused(exported: Exported) -> None:
    data = exported.path.read_bytes()
    with pytest.raises(ModelError, match="disagree: cosine"):
        check_parity(data, lambda images: images[:, :, :32, :22].reshape(len(images), -1)[:, :2048], **SQUARE)
    with pytest.raises(ModelError, match="shape"):
        check_parity(data, lambda images: images[:, 0, 0], **SQUARE)


SQUARE = {"side": 64, "free": False, "dim": 2048}


def published(image: Image.Image, resize: int) -> np.ndarray:
    """torchvision's Resize and CenterCrop(224) of a PIL image, ToTensor, Normalize, by its documentation."""
    short, long = sorted(image.size)
    shape = (resize, int(resize * long / short))
    image = image.resize(shape if image.width <= image.height else shape[::-1], Image.Resampling.BILINEAR)
    top, left = round((image.height - 224) / 2.0), round((image.width - 224) / 2.0)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32).transpose(2, 0, 1) / 255
    mean, std = np.array([[[0.485, 0.456, 0.406]], [[0.229, 0.224, 0.225]]], np.float32).transpose(0, 2, 1)[..., None]
    return (pixels - mean) / std


def difference(data: bytes, exported: Exported, resize: int) -> float:
    """Return the largest difference of our input from the published one, in units of a pixel's 0 to 1."""
    from placeprint.dataset.images import decode
    from placeprint.embedding.preprocess import needed_side, normalised, prepare

    spec = dataclasses.replace(exported.spec, resize_size=resize)
    ours = normalised(prepare(decode(data, min_side=needed_side(spec)), spec), spec)[0]
    theirs = published(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"), resize)
    return float((np.abs(ours - theirs) * np.array([0.229, 0.224, 0.225])[:, None, None]).max())


@pytest.mark.parametrize("resize", resnets.RESIZE)
def test_photographs_are_prepared_as_published(exported: Exported, shared_data: Path, resize: int) -> None:
    files = sorted((shared_data / "landmarks").rglob("*.jpg"))[::6]
    assert len(files) > 10
    worst = max(difference(path.read_bytes(), exported, resize) for path in files)
    assert worst <= 1.001 / 255


@pytest.mark.parametrize("size", [(1, 1), (224, 224), (257, 1000), (1000, 335), (99, 77), (2, 900), (4000, 3001)])
def test_pictures_of_any_size_are_prepared_as_published(exported: Exported, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    assert max(difference(file.getvalue(), exported, resize) for resize in resnets.RESIZE) <= 1.001 / 255


class _Net(torch.nn.Module):
    num_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x: "torch.Tensor") -> "torch.Tensor":
        return self.conv(x).relu().mean(dim=(2, 3))


def test_a_network_of_another_library_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, asked = ModuleType("timm"), []

    def create_model(name: str, **options: object) -> _Net:
        asked.append((name, options))
        if options["pretrained"]:
            raise OSError("no network")
        return _Net()

    config = {"input_size": (3, 64, 64), "crop_pct": 0.5, "interpolation": "bicubic"}
    config |= {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
    library.create_model = create_model  # type: ignore[attr-defined]
    library.data = SimpleNamespace(resolve_model_data_config=lambda _: config)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", library)
    torch.manual_seed(0)
    done = export("timm:net", weights=saved(tmp_path / "w.pth", _Net().state_dict()))
    assert (done.path, done.spec.dim, done.spec.resize_size) == (exported_path("timm:net"), 8, 128)
    assert done.cosine is not None
    assert done.cosine >= 0.9999
    assert load_embedder("timm:net").embed([photo(0), photo(1)]).shape == (2, 8)
    with pytest.raises(ModelError, match=r"huggingface\.co/timm/other/resolve/main/model\.safetensors"):
        export("timm:other")
    assert asked[-1] == ("other", {"pretrained": True, "num_classes": 0})


def test_the_code_of_a_hub_is_run_only_when_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **options: object) -> _Net:
        assert options["trust_repo"] is True
        return _Net()

    monkeypatch.setattr(torch.hub, "load", load)
    with pytest.raises(UsageError, match=r"runs it on this machine.*--trust"):
        export("hub:someone/net:entry")
    torch.manual_seed(0)
    assert export("hub:someone/net:entry", trust=True).spec.dim == 8
    with pytest.raises(ModelError, match="shape"):  # not what SALAD gives
        export("hub:serizba/salad:dinov2_salad", trust=True)

    def offline(*_: object, **__: object) -> _Net:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load", offline)
    with pytest.raises(ModelError, match=r"no network.*bring the \.onnx"):
        export("hub:someone/other:entry", trust=True)


def test_a_file_of_a_model_hub_is_taken_with_its_preprocessing(exported: Exported) -> None:
    folder = models_folder() / "someone" / "net"
    (folder / "onnx").mkdir(parents=True)
    shutil.copy(exported.path, folder / "onnx" / "model.onnx")
    row = {"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": True, "resample": 3}
    config = row | {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    spec = export("hf:someone/net").spec
    assert (spec.dim, spec.input_size, spec.resize_size, spec.interpolation) == (2048, 224, 256, "bicubic")
    assert load_embedder("hf:someone/net").embed_one(photo(2)).shape == (2048,)


def test_without_pytorch_the_message_says_what_to_install(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install "placeprint\[torch\]"'):
        export(tiny, tmp_path / "m.onnx", weights=tmp_path / "w.pth")
