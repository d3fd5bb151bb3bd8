"""XFeat: what is kept of an image, the same from both runners, whatever its size."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from placeprint.embedding.runners.bundled_graph import BundledGraph, bundled_graph
from placeprint.embedding.xfeat import ROW_BYTES, extract, unpack
from placeprint.errors import VectorError


def facade(width: int = 500, height: int = 400, seed: int = 0) -> Image.Image:
    """Return an image of rectangles in many colours."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), (90, 120, 150))
    draw = ImageDraw.Draw(image)
    for x, y, w, h in zip(
        *(rng.integers(0, side, 90) for side in (width, height, width // 4, height // 4)), strict=True
    ):
        draw.rectangle((x, y, x + w, y + h), fill=tuple(rng.integers(0, 255, 3).tolist()))
    return image


@pytest.fixture(scope="module")
def graph() -> BundledGraph:
    """The graph in 32 bit."""
    return bundled_graph("xfeat", precision="f32")


def test_features_are_points_inside_the_image_strongest_first_and_apart(graph: BundledGraph) -> None:
    packed = extract(facade(), graph, most=300)
    points, descriptors = unpack(packed)
    assert packed.dtype == np.uint8
    assert packed.shape[1] == ROW_BYTES
    assert 150 < len(packed) <= 300
    assert np.abs(points[:, 0]).max() <= 1
    assert np.abs(points[:, 1]).max() <= 0.82  # 400 by 500
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-5)
    apart = np.abs(points[:, None] - points[None]).max(axis=2) * 250
    assert apart[~np.eye(len(points), dtype=bool)].min() > 2
    np.testing.assert_array_equal(extract(facade(), graph, most=100), packed[:100])


def test_packing_loses_little(graph: BundledGraph) -> None:
    """Against the graph's own numbers: 8 bits a component, a fiftieth of a pixel."""
    grey = np.asarray(facade(512, 416).convert("L"), np.float32)[None, None]
    grey = (grey - grey.mean()) / grey.std()
    points, scores, exact = graph.run(grey)
    best = int(scores.argmax())
    image = facade(512, 416)
    found, descriptors = unpack(extract(image, graph, most=512))
    near = np.abs(found * 256 + np.array([256, 208]) - points[best]).max(axis=1)
    row = int(near.argmin())
    assert near[row] < 0.1
    assert descriptors[row] @ exact[best] > 0.95  # grey is the mean of the colours there, weighted here


def test_both_runners_find_the_same(graph: BundledGraph) -> None:
    one = extract(facade(), graph, most=512)
    other = extract(facade(), bundled_graph("xfeat", runner="onnx"), most=512)
    (here, ours), (there, theirs) = unpack(one), unpack(other)
    nearest = np.abs(here[:, None] - there[None]).max(axis=2)
    same = nearest.min(axis=1) < 1e-3
    assert same.mean() > 0.98
    assert (ours[same] * theirs[nearest.argmin(axis=1)[same]]).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (2000, 30), (97, 64)])
def test_any_size_has_features_or_none(graph: BundledGraph, size: tuple[int, int]) -> None:
    points, descriptors = unpack(extract(facade(*size) if min(size) > 8 else Image.new("RGB", size), graph, most=64))
    assert len(points) == len(descriptors) <= 64
    assert np.isfinite(points).all()
    assert np.isfinite(descriptors).all()


def test_a_blank_image_has_no_features(graph: BundledGraph) -> None:
    noise = np.random.default_rng(0).integers(100, 104, (300, 400, 3), np.uint8)
    for image in (Image.new("RGB", (400, 300), (7, 7, 7)), Image.fromarray(noise)):
        assert extract(image, graph, most=512).shape == (0, ROW_BYTES)


def test_arrays_that_are_none_are_refused() -> None:
    with pytest.raises(VectorError, match=r"uint8 of shape \(n, 68\)"):
        unpack(np.zeros((4, 60), np.uint8))
