"""Geometric verification by value: a moved texture is recognised, and chance gives nothing."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw

from placeprint.embedding.rootsift import extract
from placeprint.recognition.rerank.geometry import _plausible, surprise, verify

cv2 = pytest.importorskip("cv2")

SIZE = (640, 480)


def texture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed)
    out = np.zeros((SIZE[1], SIZE[0]))
    for cell in (4, 8, 16, 32):
        coarse = noise.random((SIZE[1] // cell, SIZE[0] // cell)).astype(np.float32)
        out += np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC))
    out = (out - out.min()) / (out.max() - out.min())
    return Image.fromarray((out * 255).astype(np.uint8)).convert("RGB")


@cache
def keypoints_of(seed: int) -> np.ndarray:
    rows = extract(texture(seed))
    rows.flags.writeable = False
    return rows


def facade(dx: int, dy: int, seed: int) -> Image.Image:
    """Return equal windows in rows and columns, with the grain of a camera."""
    image = Image.new("L", SIZE, 120)
    draw = ImageDraw.Draw(image)
    for x in range(dx - 40, SIZE[0], 40):
        for y in range(dy - 40, SIZE[1], 40):
            draw.rectangle((x, y, x + 20, y + 25), 220)
            draw.line((x + 4, y + 4, x + 16, y + 20), 40, 3)
    grain = np.random.default_rng(seed).normal(0, 4, (SIZE[1], SIZE[0]))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).convert("RGB")


def moved(
    image: Image.Image, degrees: float, scale: float, shift: tuple[float, float]
) -> tuple[Image.Image, np.ndarray]:
    """Return the image turned, enlarged and shifted, and the 2 x 3 matrix from old to new pixels."""
    c, s = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    forward = np.array([[c, -s, shift[0]], [s, c, shift[1]], [0, 0, 1]])
    back = np.linalg.inv(forward)[:2].ravel()
    return image.transform(SIZE, Image.Transform.AFFINE, tuple(back), Image.Resampling.BICUBIC), forward[:2]


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(0, 1, (60, -30)), (8, 1.2, (-50, 20)), (-10, 0.8, (90, 70))])
def test_a_moved_texture_is_verified_and_its_lines_are_right(
    degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    still = texture(0)
    other, matrix = moved(still, degrees, scale, shift)
    found = verify(extract(still), extract(other))
    assert found.score > 50
    assert found.lines.shape == (found.inliers, 4)
    assert found.lines.dtype == np.float32
    assert 20 < found.inliers <= found.tentative
    start, end = found.lines[:, :2] * SIZE, found.lines[:, 2:] * SIZE
    error = np.linalg.norm(start @ matrix[:, :2].T + matrix[:, 2] - end, axis=1)
    assert np.median(error) < 1
    assert error.max() < 6


def test_unlike_frames_are_no_obstacle() -> None:
    still = texture(1)
    cut = still.crop((100, 0, 400, 480))
    found = verify(extract(still), extract(cut))
    assert found.score > 30
    np.testing.assert_allclose(found.lines[:, 0] * 640 - 100, found.lines[:, 2] * 300, atol=4)
    np.testing.assert_allclose(found.lines[:, 1], found.lines[:, 3], atol=0.01)


def test_unrelated_textures_give_no_evidence() -> None:
    first = keypoints_of(2)
    assert max(verify(first, keypoints_of(seed)).score for seed in range(3, 15)) < 1


def test_a_repetitive_facade_gives_no_evidence() -> None:
    first = extract(facade(0, 0, 0))
    assert len(first) == 300
    others = [extract(facade(5 * i + 3, 3 * i + 7, i + 1)) for i in range(8)]
    assert max(verify(first, other).score for other in others) < 1


def test_a_mirrored_photo_gives_no_evidence() -> None:
    # Matches that agree with a mirror are made by turning x round, not the pixels: descriptors still fit.
    rows = keypoints_of(3)
    mirrored = rows.copy()
    numbers = np.ascontiguousarray(rows[:, 128:]).view("<u2")
    numbers[:, 0] = 65535 - numbers[:, 0]
    mirrored[:, 128:] = numbers.view(np.uint8).reshape(len(rows), 8)
    assert verify(rows, rows).score > 100
    found = verify(rows, mirrored)
    assert (found.score, found.inliers) == (0.0, 0)
    assert found.tentative > 100


@pytest.mark.parametrize(("width", "height"), [(0.1, 0.1), (1.0, 0.0)])
def test_a_collapsed_photo_gives_no_evidence(width: float, height: float) -> None:
    rows = keypoints_of(4)
    collapsed = rows.copy()
    numbers = np.ascontiguousarray(rows[:, 128:]).view("<u2")
    numbers[:, 0] = (numbers[:, 0] * width).astype(np.uint16)
    numbers[:, 1] = (numbers[:, 1] * height + 30000).clip(0, 65535).astype(np.uint16)
    collapsed[:, 128:] = numbers.view(np.uint8).reshape(len(rows), 8)
    assert verify(rows, collapsed).score == 0


@pytest.mark.parametrize("ours", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("theirs", [0, 1, 2, 3, 4, 300])
def test_few_keypoints_are_no_evidence_and_no_error(ours: int, theirs: int) -> None:
    rows = keypoints_of(5)
    for a, b in ((ours, theirs), (theirs, ours)):
        found = verify(rows[:a], rows[:b])
        assert (found.score, found.inliers, found.lines.shape) == (0.0, 0, (0, 4))
        assert found.tentative <= min(ours, theirs)


def test_equal_descriptors_make_no_match() -> None:
    rows = keypoints_of(6)
    same = rows.copy()
    same[:, :128] = rows[0, :128]
    assert verify(same, same).tentative == 0


def test_a_descriptor_that_fits_twice_makes_no_match() -> None:
    rows = keypoints_of(6)
    noise = np.random.default_rng(0)
    once, again = rows.copy(), rows.copy()
    for copy in (once, again):
        copy[:, :128] = (copy[:, :128].astype(int) + noise.integers(-8, 9, (len(rows), 128))).clip(0, 255)
    assert verify(rows, once).tentative > 0.9 * len(rows)
    assert verify(rows, np.concatenate([once, again])).tentative < 0.1 * len(rows)


@pytest.mark.parametrize(
    ("matrix", "plausible"),
    [
        (np.eye(3), True),
        (-np.eye(3), True),  # a homography is known up to a factor
        (np.diag([3.0, 3.0, 1.0]), True),
        (np.diag([-1.0, 1.0, 1.0]), False),  # mirror
        (np.diag([5.0, 5.0, 1.0]), False),  # zoom
        (np.diag([0.2, 0.2, 1.0]), False),
        (np.array([[0.5, 0, 0], [0, 0.5, 0], [-0.0018, 0, 1]]), False),  # the horizon lies among the points
    ],
)
def test_homographies_that_no_camera_makes_are_refused(matrix: np.ndarray, plausible: bool) -> None:
    start = np.random.default_rng(0).random((30, 2)) * SIZE
    assert _plausible(matrix, start, start) == plausible
    on_a_line = start[:, :1] * [1.0, 0.5]
    assert not _plausible(matrix, on_a_line, start)
    assert not _plausible(matrix, start, on_a_line)


def test_surprise_is_the_formula_of_moisan_and_stival() -> None:
    expected = -math.log10((20 - 4) * math.comb(20, 10) * math.comb(10, 4) * 1e-3**6)
    assert surprise(20, 10, 1e-3) == pytest.approx(expected)
    assert surprise(20, 4, 1e-3) == surprise(300, 6, 1e-3) == surprise(20, 10, 1.0) == 0
    assert surprise(20, 11, 1e-3) > surprise(20, 10, 1e-3) > surprise(40, 10, 1e-3)


def test_the_same_again_and_in_threads() -> None:
    still = texture(7)
    rows = extract(still)
    others = [extract(moved(still, degrees, 1.0, (10.0, 5.0))[0]) for degrees in (-6, -2, 3, 9)] + [keypoints_of(8)]
    expected = [verify(rows, other) for other in others]
    cv2.setRNGSeed(12345)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for before, now in zip(expected, pool.map(lambda other: verify(rows, other), others), strict=True):
                assert (before.score, before.tentative, before.inliers) == (now.score, now.tentative, now.inliers)
                np.testing.assert_array_equal(before.lines, now.lines)
