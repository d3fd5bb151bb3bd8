"""What is learned from a gallery: whitening by value, and galleries that keep what their model learned."""

from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding.whitening import FEWEST, Whitening, learn_whitening
from placeprint.errors import GalleryMismatchError, VectorError
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.folder import add
from placeprint.indexing.index import index
from placeprint.recognition.recognizer import Recognizer

pytestmark = pytest.mark.usefixtures("shared_cache")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def two_places(seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Places differ in component 0; images of one place differ, much more, in component 1."""
    rng = np.random.default_rng(seed)
    signs = np.repeat([1.0, -1.0], 20)
    rows = np.column_stack([0.3 * signs, 0.9 * rng.normal(size=40), np.ones(40), 0.01 * rng.normal(size=40)])
    return unit(rows), ["a"] * 20 + ["b"] * 20


def right_first(vectors: np.ndarray, labels: list[str]) -> float:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    return float(np.mean([labels[i] == labels[j] for i, j in enumerate(scores.argmax(axis=1))]))


def mean_gap(vectors: np.ndarray, labels: list[str]) -> float:
    same = np.equal.outer(np.array(labels), np.array(labels))
    scores = vectors @ vectors.T
    return float(scores[same & ~np.eye(len(labels), dtype=bool)].mean() - scores[~same].mean())


def test_whitening_by_places_damps_what_differs_within_them() -> None:
    vectors, labels = two_places()
    learned = learn_whitening("places", vectors, labels)
    again = learned.apply(vectors)
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)
    assert mean_gap(again, labels) > 2 * mean_gap(vectors, labels)
    assert right_first(again, labels) >= right_first(vectors, labels)
    strength = np.linalg.norm(learned.matrix, axis=1)
    assert strength[1] < 0.8 * strength[3], "the direction in which a place's images differ counts less"


def test_pca_is_the_stated_power_of_the_variance() -> None:
    vectors, labels = two_places(1)
    learned = learn_whitening("pca", vectors, labels)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    turned = centred @ learned.matrix
    spread = np.linalg.svd(centred, compute_uv=False)
    expected = spread[: turned.shape[1]] * (spread[: turned.shape[1]] / spread[0]) ** -0.5
    np.testing.assert_allclose(np.linalg.norm(turned, axis=0), expected, rtol=1e-4)
    np.testing.assert_allclose(learned.mean, vectors.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", ["pca", "places"])
def test_few_images_teach_nothing(kind: str) -> None:
    vectors, labels = two_places()
    learned = learn_whitening(kind, vectors[: FEWEST - 1], labels[: FEWEST - 1])
    np.testing.assert_allclose(learned.apply(vectors), vectors, atol=1e-6)


def test_places_of_one_image_only_turn_nothing() -> None:
    vectors, _ = two_places()
    learned = learn_whitening("places", vectors, [str(i) for i in range(40)])
    np.testing.assert_allclose(learned.matrix, np.eye(4), atol=1e-6)


def test_what_was_learned_is_kept_and_told_apart() -> None:
    vectors, labels = two_places()
    one, other = (learn_whitening(kind, vectors, labels) for kind in ("pca", "places"))
    read = Whitening.from_arrays(one.to_arrays())
    assert read.sha256 == one.sha256 != other.sha256
    np.testing.assert_array_equal(read.apply(vectors), one.apply(vectors))
    with pytest.raises(VectorError, match="no whitening"):
        Whitening.from_arrays({"mean": one.mean})
    same_as_mean = one.mean[None] / np.linalg.norm(one.mean)
    assert np.isfinite(one.apply(one.mean[None])).all()
    assert np.isfinite(one.apply(same_as_mean)).all()


@pytest.mark.parametrize("preset", ["fast:whiten=pca", "balanced:whiten=places"])
def test_a_gallery_keeps_its_whitening(town: Path, tmp_path: Path, preset: str) -> None:
    made = index(town, tmp_path / "g", preset=preset).gallery
    opened = Gallery.open(tmp_path / "g")
    assert opened.spec == made.spec
    assert opened.spec.learned == "whitening"
    assert set(opened.learned) == {"mean", "matrix"}
    plain = index(town, tmp_path / "plain", preset=preset.split(":")[0]).gallery
    assert plain.spec.fingerprint() != opened.spec.fingerprint()
    np.testing.assert_allclose(
        np.asarray(opened.vectors), Whitening.from_arrays(opened.learned).apply(np.asarray(plain.vectors)), atol=1e-5
    )
    with pytest.raises(GalleryMismatchError):
        opened.require(plain.spec)
    photo = opened.image_file(0)
    answer = Recognizer(opened).recognize(photo)
    assert answer.matches[0].row == 0
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-4)
    assert add(opened, town).change.nothing


def test_best_compares_points_too(town: Path, tmp_path: Path) -> None:
    opened = index(town, tmp_path / "g", preset="best").gallery
    assert set(opened.parts) == {"cells", "xfeat"}
    recognizer = Recognizer(opened)
    seen = recognizer.describe(opened.image_file(0))
    np.testing.assert_array_equal(seen.parts["xfeat"], opened.parts["xfeat"][0])
    np.testing.assert_array_equal(seen.parts["cells"], opened.parts["cells"][0])
    both = recognizer.answer(seen.vector, parts=seen.parts)
    cells = recognizer.answer(seen.vector, parts={"cells": seen.parts["cells"]})
    assert both.matches[0].row == cells.matches[0].row == 0
    assert both.score > cells.score > cells.matches[0].similarity
