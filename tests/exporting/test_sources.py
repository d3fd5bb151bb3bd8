"""Where models come from: the folder of models, other libraries, hubs."""

import dataclasses
import json
import shutil
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint import export, index  # noqa: E402
from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.embedding.export import known_model, resnet_sources  # noqa: E402
from placeprint.embedding.export.conversion import Exported  # noqa: E402
from placeprint.embedding.export.download import Download  # noqa: E402
from placeprint.embedding.model_folder import exported_path, find_exported, models_folder  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.errors import ModelError, UsageError  # noqa: E402
from placeprint.report.compare import compare  # noqa: E402
from placeprint.storage.atomic import sha256_file  # noqa: E402

State = dict[str, "torch.Tensor"]
Made = Callable[[str], State]
Photo = Callable[..., Image.Image]


def saved(path: Path, state: State) -> Path:
    torch.save(state, path)
    return path


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
    assert find_model("torchvision:resnet50").spec.name == "torchvision:resnet50:v2"
    assert find_exported("torchvision:resnet50:v1") is None


def test_index_exports_once_and_query_needs_only_the_gallery(
    random_state: Made, photo: Photo, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from placeprint.cli.app import app

    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(resnet_sources.FILES, "resnet50", ("tiny1.pth", "tiny2.pth"))
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
    assert json.loads(answer.stdout)[0]["matches"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)


def test_python_exports_once_too(
    random_state: Made, photo: Photo, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ways in, `index` and `evaluate` (by `compare`), come through one place that exports what is not here."""
    monkeypatch.setitem(resnet_sources.FILES, "resnet50", ("tiny1.pth", "tiny2.pth"))
    state = random_state(tiny)
    for number in range(4):
        path = tmp_path / "photos" / f"place-{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(number).save(path)
    name = "torchvision:resnet50"
    asks: dict[str, Callable[[], str]] = {
        "index": lambda: index(tmp_path / "photos", tmp_path / "g", model=name, preset="fast").gallery.spec.name,
        "compare": lambda: compare(tmp_path / "photos", [f"model={name},preset=fast"])[0].result.model,
    }
    for verb, ask in asks.items():
        monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path / verb))
        (tmp_path / verb).mkdir()
        saved(tmp_path / verb / "tiny1.pth", state)
        assert ask() == "torchvision:resnet50:v1", verb
        assert exported_path("torchvision:resnet50:v1").is_file()
        (tmp_path / verb / "tiny1.pth").unlink()
        assert ask() == "torchvision:resnet50:v1", verb


@pytest.mark.parametrize(
    ("spoil", "words"),
    [("nan", "NaN, infinity or only zeros"), ("shape", "one vector for an image"), ("outside", "in another file")],
)
def test_a_file_of_a_model_hub_that_is_no_embedding_is_refused(exported: Exported, spoil: str, words: str) -> None:
    import onnx

    folder = models_folder() / "someone" / spoil
    folder.mkdir(parents=True)
    proto = onnx.load_model(str(exported.path))
    weight = max(proto.graph.initializer, key=lambda w: len(w.raw_data))
    if spoil == "nan":
        weight.raw_data = b"\xff" * len(weight.raw_data)
        proto.graph.node[-1].CopyFrom(onnx.helper.make_node("Log", [proto.graph.node[-1].input[0]], ["e"]))
        proto.graph.node.append(onnx.helper.make_node("Flatten", ["e"], ["embedding"], axis=1))
    elif spoil == "shape":
        proto.graph.node[-1].CopyFrom(onnx.helper.make_node("Identity", [proto.graph.node[-1].input[0]], ["embedding"]))
        proto.graph.output[0].type.tensor_type.ClearField("shape")
    else:
        onnx.external_data_helper.set_external_data(weight, "../../../../etc/passwd")
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    config = {"size": 64, "image_mean": [0.5] * 3, "image_std": [0.2] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=words):
        export(f"hf:someone/{spoil}")
    assert not exported_path(f"hf:someone/{spoil}").parent.exists()


class _Net(torch.nn.Module):
    num_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x: "torch.Tensor") -> "torch.Tensor":
        return self.conv(x).relu().mean(dim=(2, 3))


def test_a_network_of_another_library_is_written_down(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_file_of_a_model_hub_is_taken_with_its_preprocessing(photo: Photo, exported: Exported) -> None:
    folder = models_folder() / "someone" / "net"
    (folder / "onnx").mkdir(parents=True)
    shutil.copy(exported.path, folder / "onnx" / "model.onnx")
    row = {"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": True, "resample": 3}
    config = row | {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    spec = export("hf:someone/net").spec
    assert (spec.dim, spec.input_size, spec.resize_size, spec.interpolation) == (2048, 224, 256, "bicubic")
    assert load_embedder("hf:someone/net").embed_one(photo(2)).shape == (2048,)


def test_what_is_fetched_is_exported_and_compared(
    random_state: Made, photo: Photo, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `models --get`, from a server of this machine: then the model is there by its name, without the network."""
    from typer.testing import CliRunner

    from placeprint.cli.app import app

    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path / "models"))
    (tmp_path / "site").mkdir()
    weights = tmp_path / "site" / "tiny1.pth"
    saved(weights, random_state(tiny))
    monkeypatch.setitem(resnet_sources.FILES, "resnet50", (weights.name, "tiny2.pth"))
    for number in range(4):
        path = tmp_path / "photos" / f"place-{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(number).save(path)
    handler = partial(SimpleHTTPRequestHandler, directory=str(weights.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        size, address = weights.stat().st_size, f"http://127.0.0.1:{server.server_port}/{weights.name}"
        wanted = Download(address, size, size, sha256_file(weights))
        monkeypatch.setattr(known_model, "known_downloads", lambda: {"torchvision:resnet50:v1": wanted})
        done = CliRunner().invoke(app, ["models", "--get", "ResNet50"])
        server.shutdown()
    assert done.exit_code == 0, done.output
    fetched = tmp_path / "models" / weights.name
    assert fetched.read_bytes() == weights.read_bytes()
    assert find_exported("torchvision:resnet50:v1") == exported_path("torchvision:resnet50:v1")
    fetched.unlink()  # from here on neither the network nor the checkpoint is needed
    advice = next(line for line in done.output.splitlines() if line.startswith("compare it: placeprint "))
    words = advice.removeprefix("compare it: placeprint ").replace("PHOTOS", str(tmp_path / "photos")).split()
    compared = CliRunner().invoke(app, [*words, "--json"])
    assert compared.exit_code == 0, compared.output
    models = [setting["result"]["model"] for setting in json.loads(compared.stdout)]
    assert models == ["efficientnet-lite0", "torchvision:resnet50:v1"]
