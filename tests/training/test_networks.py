"""The base in PyTorch is the base, the gradient in parts is the gradient, and the file computes what was trained."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("pytorch_metric_learning")

from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.embedding.export.parity import seeded_images  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.errors import ModelError  # noqa: E402
from placeprint.training.augmentation import augmented  # noqa: E402
from placeprint.training.learners import FullLearner  # noqa: E402
from placeprint.training.loop import whole_gradient  # noqa: E402
from placeprint.training.losses import make_objective  # noqa: E402
from placeprint.training.pool import gather_pool  # noqa: E402
from placeprint.training.settings import LOSSES, TrainSettings  # noqa: E402
from placeprint.training.torch_graph import TorchGraph  # noqa: E402
from placeprint.training.trained_file import with_weights  # noqa: E402


def test_the_bundled_network_is_the_same_in_pytorch() -> None:
    model = find_model("efficientnet-lite0")
    images = seeded_images(2, 64, 96, 3)
    session = onnxruntime.InferenceSession(str(model.path))
    wanted = session.run([model.spec.feature_output], {"image": images})[0]
    graph = TorchGraph(model.path.read_bytes(), model.spec.feature_output)
    assert len(graph.weights) == 98  # 49 convolutions, batch norms folded in
    np.testing.assert_allclose(graph(torch.from_numpy(images)).numpy(), wanted, atol=2e-4)


def test_an_operation_that_is_not_known_is_refused() -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Softmax", ["image"], ["out"])],
        "g",
        [value("image", 1, ["n", 3])],
        [value("out", 1, ["n", 3])],
    )
    data = onnx.helper.make_model(graph).SerializeToString()
    with pytest.raises(ModelError, match=r'operation "Softmax".*without --full'):
        TorchGraph(data, "out")
    with pytest.raises(ModelError, match='no output called "embedding"'):
        TorchGraph(data, "embedding")
    with pytest.raises(ModelError, match="not an ONNX file"):
        TorchGraph(b"\xff\xff", "out")


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_an_identity_behind_the_base_changes_nothing(preset: str, tmp_path: Path) -> None:
    from PIL import Image

    base = find_model("efficientnet-lite0")
    fused, spec = with_weights(
        base.path.read_bytes(), base.spec, weights={}, power=base.spec.gem_p, head=np.eye(1280, dtype=np.float32)
    )
    spec = dataclasses.replace(spec, weights_sha256=hashlib.sha256(fused).hexdigest())
    (tmp_path / "m.onnx").write_bytes(fused)
    (tmp_path / "m.json").write_text(json.dumps(spec.to_dict()))
    noise = np.random.default_rng(0).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC)
    for runner in ("openvino", "onnx"):
        one, two = (
            load_embedder(m, preset=preset, runner=runner, precision="f32").describe(photo)
            for m in ("efficientnet-lite0", str(tmp_path / "m.onnx"))
        )
        assert float(one.vector @ two.vector) > 0.99999
        assert all((one.parts[name] == two.parts[name]).all() for name in one.parts)


def test_trained_weights_and_power_reach_the_file(tiny_base: str) -> None:
    base = find_model(tiny_base)
    data = base.path.read_bytes()
    graph = TorchGraph(data, "feature_map")
    rng = np.random.default_rng(1)
    weights = {k: (v.numpy() + rng.normal(0, 0.1, v.shape)).astype(np.float32) for k, v in graph.weights.items()}
    head = rng.normal(size=(base.spec.dim, 7)).astype(np.float32)
    fused, spec = with_weights(data, base.spec, weights=weights, power=3.5, head=head)
    assert (spec.dim, spec.pooling, spec.gem_p) == (7, "average", 2.0)
    images = seeded_images(2, 64, 64, 0)
    graph.weights = {k: torch.from_numpy(v) for k, v in weights.items()}
    features = graph(torch.from_numpy(images)).numpy().astype(np.float64)
    means = (features.clip(1e-6) ** 3.5).mean(axis=(2, 3)) ** (1 / 3.5)
    wanted = means / np.linalg.norm(means, axis=1, keepdims=True) @ head
    session = onnxruntime.InferenceSession(fused)
    one, cell = session.run(["embedding", "embedding_map"], {"image": images})
    np.testing.assert_allclose(one, wanted, rtol=1e-4)
    assert cell.shape == (2, 7, 1, 1)
    assert (cell[:, :, 0, 0] == one).all()
    assert {each.name for each in session.get_outputs()} == {"embedding", "embedding_map"}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_in_parts_is_that_of_the_whole_batch(loss: str) -> None:
    torch.manual_seed(0)
    inputs, labels = torch.randn(12, 5), torch.arange(12) // 3
    weight = torch.randn(5, 8)
    objective = make_objective(TrainSettings(loss=loss), classes=4, dim=8)
    found = []
    for parts in (1, 4):
        held = weight.clone().requires_grad_()
        value = whole_gradient(
            lambda x, held=held: torch.nn.functional.normalize(x @ held, dim=1),
            lambda vectors: objective(vectors, labels),
            inputs,
            parts,
        )
        found.append((value, held.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert float(found[0][1].abs().max()) > 1e-4
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


def test_in_bfloat16_the_network_learns_the_same(places: Path, tiny_base: str) -> None:
    """What a GPU does, by the CPU's autocast: weights and gradients stay in 32 bit, and point the same way."""
    base, settings = find_model(tiny_base), TrainSettings(full=True)
    pool = gather_pool([places], load_embedder(tiny_base), cache=False, progress=None)
    learner = FullLearner(pool, base, settings, None)
    assert learner.narrow == torch.cuda.is_available()
    for weight in learner.weights.values():
        weight.requires_grad_()
    objective = make_objective(settings, classes=5, dim=base.spec.dim)
    rows, found = np.arange(20), []
    for learner.narrow in (False, True):
        vectors = learner.embed(learner.inputs(rows, None))
        loss = objective(vectors, torch.from_numpy(pool.labels[rows]).to(vectors.device))
        gradients = torch.autograd.grad(loss, list(learner.weights.values()))
        assert {each.dtype for each in (vectors, *gradients)} == {torch.float32}
        found.append((vectors.detach(), torch.cat([each.flatten() for each in gradients])))
    cosines = (found[0][0] * found[1][0]).sum(dim=1)
    assert float(cosines.min()) > 0.999
    assert float((found[0][0] - found[1][0]).abs().max()) > 1e-4  # it was computed in fewer bits
    assert float(torch.nn.functional.cosine_similarity(found[0][1], found[1][1], dim=0)) > 0.98


def test_photos_are_varied_each_in_its_own_way_and_stay_photos() -> None:
    images = torch.from_numpy(np.random.default_rng(0).uniform(0, 1, (6, 3, 48, 64)).astype(np.float32))
    one, two, other = (augmented(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert one.shape == images.shape
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1.001
    light = one.mean(dim=(1, 2, 3))
    assert float(light.std()) > 0.02  # not all alike
