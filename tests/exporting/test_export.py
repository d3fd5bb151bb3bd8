"""A PyTorch checkpoint becomes an ONNX file that computes the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint import export  # noqa: E402
from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.embedding.export.checkpoints import read_checkpoint  # noqa: E402
from placeprint.embedding.export.conversion import Exported  # noqa: E402
from placeprint.embedding.export.parity import check_parity, seeded_images  # noqa: E402
from placeprint.embedding.export.resnet import BLOCKS, parameters  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.errors import MissingExtraError, ModelError  # noqa: E402

State = dict[str, "torch.Tensor"]
Photo = Callable[..., Image.Image]
SQUARE = {"side": 64, "free": False, "dim": 2048}


def plain_resnet50(state: State, x: "torch.Tensor") -> "torch.Tensor":
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


def test_a_checkpoint_becomes_a_graph_that_computes_the_same(exported: Exported, state: State) -> None:
    import onnxruntime

    assert exported.cosine is not None
    assert exported.cosine >= 0.9999
    session = onnxruntime.InferenceSession(str(exported.path))
    for height, width in ((128, 128), (64, 96)):
        images = seeded_images(2, height, width, 5)
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
def test_the_file_is_a_model_like_any_other(exported: Exported, state: State, runner: str, photo: Photo) -> None:
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


def test_a_graph_that_computes_something_else_is_refused(exported: Exported) -> None:
    data = exported.path.read_bytes()
    with pytest.raises(ModelError, match="disagree: cosine"):
        check_parity(data, lambda images: images[:, :, :32, :22].reshape(len(images), -1)[:, :2048], **SQUARE)
    with pytest.raises(ModelError, match="shape"):
        check_parity(data, lambda images: images[:, 0, 0], **SQUARE)


def test_without_pytorch_the_message_says_what_to_install(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install "placeprint\[torch\]"'):
        export(tiny, tmp_path / "m.onnx", weights=tmp_path / "w.pth")
