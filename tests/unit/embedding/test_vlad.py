"""VLAD by value: the formula, the sample's bound, and a codebook that comes back as it went."""

import io
from collections.abc import Iterator

import numpy as np
import pytest

from placeprint.embedding import vlad
from placeprint.embedding.vlad import Codebook, aggregate, learn_codebook
from placeprint.errors import VectorError

EMPTY = np.zeros((0, 136), np.uint8)


def packed(seed: int, n: int = 200, clusters: int = 200) -> np.ndarray:
    """Return rows whose descriptors lie around some of the `clusters` that all seeds share."""
    centres = np.random.default_rng(99).integers(0, 150, (clusters, 128))
    noise = np.random.default_rng(seed)
    chosen = noise.choice(clusters, 30)
    descriptors = centres[noise.choice(chosen, n)] + noise.integers(-15, 16, (n, 128))
    return np.hstack([descriptors.clip(0, 255), noise.integers(0, 255, (n, 8))]).astype(np.uint8)


def tiny_codebook() -> Codebook:
    centres = np.zeros((2, 32), np.float32)
    centres[0, 0], centres[1, 0] = 1.0, -1.0
    return Codebook(np.zeros(128, np.float32), np.eye(128, 32, dtype=np.float32), centres)


def test_the_vector_is_the_formula() -> None:
    rows = np.zeros((3, 136), np.uint8)
    rows[0, 1] = rows[1, 1] = 200  # the second component is 1: as near to either centre, so the first takes it
    rows[2, 0], rows[2, 2] = 120, 160  # 0.6 and 0.8: the first centre's
    found = aggregate(rows, tiny_codebook())
    residuals = np.zeros((3, 32))
    residuals[:2, 0], residuals[:2, 1] = -1, 1
    residuals[2, 0], residuals[2, 2] = -0.4, 0.8
    total = (residuals / np.linalg.norm(residuals, axis=1, keepdims=True)).sum(axis=0)
    expected = np.sign(total) * np.sqrt(np.abs(total))
    np.testing.assert_allclose(found[:32], expected / np.linalg.norm(expected), atol=1e-6)
    assert not found[32:].any()


def test_vectors_have_unit_norm_and_do_not_depend_on_the_order_of_keypoints() -> None:
    codebook = learn_codebook(packed(seed) for seed in range(8))
    rows = packed(3)
    vector = aggregate(rows, codebook)
    assert vector.shape == (codebook.dim,) == (64 * 32 + 1,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(aggregate(rows[::-1], codebook), vector, atol=1e-5)


def test_photos_of_the_same_things_are_nearer() -> None:
    codebook = learn_codebook(packed(seed) for seed in range(8))
    one, same, other = (aggregate(rows, codebook) for rows in (packed(1)[:100], packed(1)[100:], packed(2)))
    assert one @ same > one @ other + 0.2


def test_a_photo_without_keypoints_is_like_none() -> None:
    codebook = learn_codebook(packed(seed) for seed in range(4))
    blank = aggregate(EMPTY, codebook)
    assert np.linalg.norm(blank) == 1
    for seed in range(4):
        assert blank @ aggregate(packed(seed), codebook) == 0


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 9])
def test_a_gallery_with_hardly_a_keypoint(rows: int) -> None:
    codebook = learn_codebook([EMPTY, packed(0)[:rows]])
    assert codebook.centres.shape == (1, 32)
    for image in (EMPTY, packed(0)[:rows], packed(1)):
        assert np.linalg.norm(aggregate(image, codebook)) == pytest.approx(1, abs=1e-6)


def test_the_sample_is_bounded_and_fair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vlad, "SAMPLE", 500)

    def images() -> Iterator[np.ndarray]:
        for number in range(50):
            rows = np.zeros((70, 136), np.uint8)
            rows[:, 0] = number
            yield rows

    sample = vlad._sample(images())
    assert sample.shape == (500, 136)
    halves = (sample[:, 0] < 25).sum() / 500
    assert 0.4 < halves < 0.6
    assert len(np.unique(sample[:, 0])) > 40


def test_the_sample_of_few_is_all_of_them() -> None:
    images = [packed(0), EMPTY, packed(1)]
    np.testing.assert_array_equal(vlad._sample(iter(images)), np.concatenate(images))


def test_a_codebook_comes_back_as_it_went() -> None:
    codebook = learn_codebook(packed(seed) for seed in range(4))
    file = io.BytesIO()
    np.savez(file, **codebook.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = Codebook.from_arrays(arrays)
    assert again.sha256 == codebook.sha256
    np.testing.assert_array_equal(aggregate(packed(9), again), aggregate(packed(9), codebook))


def test_the_fingerprint_is_that_of_the_gallery() -> None:
    images = [packed(seed) for seed in range(4)]
    first = learn_codebook(images)
    assert first.sha256 == learn_codebook(iter(images)).sha256
    assert first.sha256 != learn_codebook(images[:3]).sha256


def test_what_is_no_codebook_is_refused() -> None:
    good = tiny_codebook().to_arrays()
    with pytest.raises(VectorError, match="basis missing"):
        Codebook.from_arrays({"mean": good["mean"], "centres": good["centres"]})
    for name, bad in (
        ("mean", good["mean"][:5]),
        ("centres", good["centres"][:0]),
        ("basis", good["basis"] * np.nan),
        ("centres", good["centres"].astype(np.float64)),
    ):
        with pytest.raises(VectorError, match="no codebook"):
            Codebook.from_arrays({**good, name: bad})
