"""A constant behind vectors takes the spread of cosines back, and changes no order; the file computes the same."""

import dataclasses

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from placeprint.embedding.export.parity import seeded_images  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.embedding.runners.openvino_runner import openvino_package  # noqa: E402
from placeprint.training.spread import constant_for, spread, with_constant  # noqa: E402
from placeprint.training.trained_file import with_weights  # noqa: E402


def units(rng: np.random.Generator, *, shared: float) -> np.ndarray:
    vectors = rng.normal(size=(40, 6)) + shared
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_the_spread_is_that_of_cosines_to_other_places() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    # places 0, 0, 1: the cosines of photo 2 are 0.6 and 0.8, those of the others only one each
    assert spread(vectors, np.array([0, 0, 1])) == pytest.approx(0.1 / 3)


def test_a_constant_takes_the_spread_back_and_keeps_the_order() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40) // 4
    before, after = units(rng, shared=2.0), units(rng, shared=0.3)
    constant = constant_for(before, after, labels)
    assert spread(after, labels) > 2 * spread(before, labels)
    behind = with_constant(3 * after, constant)
    assert spread(behind, labels) == pytest.approx(spread(before, labels), rel=1e-5)
    np.testing.assert_allclose(np.linalg.norm(behind, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(behind @ behind.T, (after @ after.T + constant**2) / (1 + constant**2), atol=1e-6)


def test_a_spread_that_became_smaller_is_left_alone() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(40) // 4
    assert constant_for(units(rng, shared=0.3), units(rng, shared=2.0), labels) == 0
    vectors = units(rng, shared=0.3)
    assert constant_for(vectors, vectors + 1e-6 * rng.normal(size=vectors.shape).astype(np.float32), labels) == 0
    np.testing.assert_allclose(with_constant(5 * vectors, 0.0), vectors, rtol=1e-6)


@pytest.mark.parametrize("pooling", ["gem", "graph"])
def test_the_constant_is_in_the_file_for_one_photo_and_for_several(pooling: str, tiny_base: str) -> None:
    base = find_model(tiny_base)
    spec = dataclasses.replace(base.spec, pooling=pooling)
    data, head = base.path.read_bytes(), np.random.default_rng(1).normal(size=(base.spec.dim, 7)).astype(np.float32)
    plain, _ = with_weights(data, spec, weights={}, power=2.0, head=head)
    fused, made = with_weights(data, spec, weights={}, power=2.0, head=head, constant=0.75)
    assert made.dim == 8
    for count in (1, 3):
        images = seeded_images(count, 64, 96, 0)
        without = onnxruntime.InferenceSession(plain).run(["embedding"], {"image": images})[0]
        session = onnxruntime.InferenceSession(fused)
        found = session.run(["embedding"], {"image": images})[0]
        np.testing.assert_allclose(
            found / np.linalg.norm(found, axis=1, keepdims=True), with_constant(without, 0.75), atol=1e-5
        )
        core = openvino_package().Core()
        compiled = core.compile_model(core.read_model(fused), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        np.testing.assert_allclose(compiled([images])["embedding"], found, atol=1e-4)
        if pooling == "gem":
            cell = session.run(["embedding_map"], {"image": images})[0]
            assert (cell[:, :, 0, 0] == found).all()


def test_without_a_constant_nothing_is_put_behind(tiny_base: str) -> None:
    base = find_model(tiny_base)
    fused, made = with_weights(
        base.path.read_bytes(), base.spec, weights={}, power=2.0, head=np.eye(base.spec.dim, dtype=np.float32)
    )
    assert made.dim == base.spec.dim
    assert "Pad" not in [node.op_type for node in onnx.load_from_string(fused).graph.node]
