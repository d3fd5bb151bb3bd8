"""RootSIFT by value: what is packed is what was seen, and nothing there is nothing, not an error."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from placeprint.embedding import rootsift
from placeprint.embedding.rootsift import extract, unpack
from placeprint.errors import MissingExtraError, VectorError

pytest.importorskip("cv2")


def texture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    noise = np.random.default_rng(seed)
    out = np.zeros((size[1], size[0]))
    for cell in (4, 8, 16, 32):
        coarse = noise.random((size[1] // cell, size[0] // cell)).astype(np.float32)
        out += np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    out = (out - out.min()) / (out.max() - out.min())
    return Image.fromarray((out * 255).astype(np.uint8)).convert("RGB")


def spots(*centres: tuple[int, int], size: tuple[int, int] = (400, 200)) -> Image.Image:
    y, x = np.mgrid[: size[1], : size[0]]
    light = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 6.0**2)) for cx, cy in centres)
    return Image.fromarray((40 + 200 * np.clip(light, 0, 1)).astype(np.uint8)).convert("RGB")


def test_rows_are_136_bytes_and_at_most_300() -> None:
    rows = extract(texture(0, (640, 480)))
    assert rows.dtype == np.uint8
    assert rows.shape == (300, 136)
    assert rows.nbytes <= 40 * 1024


def test_points_are_where_the_spots_are() -> None:
    found = unpack(extract(spots((100, 50), (300, 150))))
    assert found.frame == (400.0, 200.0)
    for x, y in ((100.5 / 400, 50.5 / 200), (300.5 / 400, 150.5 / 200)):
        assert np.abs(found.points - [x, y]).max(axis=1).min() < 0.005
    assert ((found.points >= 0) & (found.points <= 1)).all()


def test_descriptors_have_unit_norm_and_survive_packing() -> None:
    import cv2

    image = texture(1)
    found = unpack(extract(image))
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx(1, abs=1e-5)
    # The same patch described without packing, from the published formula.
    x, y = found.points[0] * np.array(found.frame) - 0.5
    grey = np.asarray(image.convert("L"))
    every = list(cv2.SIFT_create(contrastThreshold=0.01, edgeThreshold=15.0).detect(grey, None))
    near = min(every, key=lambda k: (k.pt[0] - x) ** 2 + (k.pt[1] - y) ** 2)
    near.angle = 0.0
    histogram = cv2.SIFT_create().compute(grey, [near])[1][0]
    root = np.sqrt(histogram / histogram.sum())
    assert float(root @ found.descriptors[0]) > 0.999


def test_what_lies_and_what_stands_differ() -> None:
    still = texture(6)
    turned = still.transpose(Image.Transpose.ROTATE_90)
    upright, lying = (unpack(extract(image)).descriptors for image in (still, turned))
    assert np.median((upright @ lying.T).max(axis=1)) < 0.9  # 0.99 for descriptors that turn with their patch


@pytest.mark.parametrize(
    ("size", "frame"), [((97, 65), (291, 195)), ((1600, 900), (640, 360)), ((400, 200), (400, 200))]
)
def test_sizes_that_are_looked_at(size: tuple[int, int], frame: tuple[int, int]) -> None:
    assert unpack(extract(texture(2, size))).frame == frame


@pytest.mark.parametrize("size", [(640, 480), (1, 1), (5, 4), (3000, 2), (2, 3000), (16, 16)])
def test_a_blank_or_tiny_photo_has_no_keypoint(size: tuple[int, int]) -> None:
    rows = extract(Image.new("RGB", size, (90, 90, 90)))
    assert rows.shape == (0, 136)
    nothing = unpack(rows)
    assert (len(nothing), nothing.points.shape, nothing.descriptors.shape) == (0, (0, 2), (0, 128))


def test_tiny_noise_is_no_error() -> None:
    for side in range(1, 40, 3):
        noise = np.random.default_rng(side).integers(0, 255, (side, 200, 3), dtype=np.uint8)
        for rows in (extract(Image.fromarray(noise)), extract(Image.fromarray(noise[:, :side]))):
            assert rows.shape[1] == 136
            assert side >= 6 or len(rows) == 0
    assert len(rows) > 0


def test_each_spot_counts_once() -> None:
    rows = extract(texture(3))
    numbers = np.ascontiguousarray(rows[:, 128:132]).view("<u2")
    described = {(*place.tolist(), row.tobytes()) for place, row in zip(numbers, rows, strict=True)}
    assert len(described) == len(rows)


def test_the_same_in_any_order_and_in_threads() -> None:
    images = [texture(seed) for seed in range(6)]
    one_by_one = [extract(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(extract, reversed(images)))
            for expected, got in zip(one_by_one, reversed(together), strict=True):
                np.testing.assert_array_equal(expected, got)


def test_the_image_is_not_changed() -> None:
    image = texture(4)
    before = image.tobytes()
    extract(image)
    assert image.tobytes() == before


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 135), np.uint8), np.zeros((2, 136), np.float32), np.zeros(136, np.uint8)]
)
def test_other_arrays_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(VectorError, match="136"):
        unpack(rows)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"placeprint\[sift\]"):
        rootsift.extract(texture(5))
