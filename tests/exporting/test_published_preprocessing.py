"""Photographs reach a ResNet as its weights were published: to within a pixel's step."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint.embedding.export import resnet_sources  # noqa: E402
from placeprint.embedding.export.conversion import Exported  # noqa: E402


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
    from placeprint.dataset.decoding.images import decode
    from placeprint.embedding.preprocess import needed_side, normalised, prepare

    spec = dataclasses.replace(exported.spec, resize_size=resize)
    ours = normalised(prepare(decode(data, min_side=needed_side(spec)), spec), spec)[0]
    theirs = published(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"), resize)
    return float((np.abs(ours - theirs) * np.array([0.229, 0.224, 0.225])[:, None, None]).max())


@pytest.mark.parametrize("resize", resnet_sources.RESIZE)
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
    assert max(difference(file.getvalue(), exported, resize) for resize in resnet_sources.RESIZE) <= 1.001 / 255
