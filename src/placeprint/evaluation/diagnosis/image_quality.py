"""Whether a query image itself is poor: dark, flat, blurred or tiny.

Brightness, contrast and sharpness are measured at the size that a model looks at, so that a large image
that is soft only in its finest pixels is not called blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from placeprint.dataset.decoding.images import decode, size_of
from placeprint.dataset.files import locate, read_bytes
from placeprint.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

LOOKED_AT = 224
"""Shorter side, pixels, at which an image is measured; a smaller one is not enlarged."""

DARK = 0.06
FLAT = 0.02
BLURRED = 0.005
TINY = 64
"""Below these an image is poor. They were set by making 84 query images of two sets worse step by step, until
the default model's Recall@1 fell: by 3 points on the harder set at brightness 0.06 and at a shorter side of
64 pixels, by 6 at a sharpness of 0.005 (a Gaussian blur of 2 pixels in 256), by 12 at a contrast of 0.014."""

_WORKERS = 4


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """What was measured of one image."""

    brightness: float  # Mean luminance (ITU-R 601-2), 0 to 1.
    contrast: float  # Standard deviation of the luminance, 0 to 0.5.
    # Variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy") divided by
    # the variance of the luminance: a dark or hazy image is not called blurred for that. 0 where there is one tone
    # only.
    sharpness: float
    shorter_side: int  # Pixels of the file.

    @property
    def fault(self) -> str:
        """The worst that is wrong with it, in a few words; empty when nothing is."""
        if self.shorter_side < TINY:
            return f"tiny: the shorter side has {self.shorter_side} px, less than {TINY}"
        if self.brightness < DARK:
            return f"dark: brightness {self.brightness:.3f}, less than {DARK:g}"
        if self.contrast < FLAT:
            return f"almost of one tone: contrast {self.contrast:.3f}, less than {FLAT:g}"
        if self.sharpness < BLURRED:
            return f"blurred: sharpness {self.sharpness:.4f}, less than {BLURRED:g}"
        return ""


def measure_quality(root: Path, paths: Sequence[str]) -> dict[str, ImageQuality]:
    """Measure images; those that cannot be read are left out.

    `root`: The dataset's folder; nothing outside it is read.
    `paths`: Relative to `root`.
    """
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="quality") as pool:
        measured = pool.map(partial(_measure, root), paths)
        return {path: quality for path, quality in zip(paths, measured, strict=True) if quality is not None}


def image_quality(data: bytes) -> ImageQuality:
    """Decode an image and measure it. Raises `ImageError` as `placeprint.dataset.decoding.images.decode` does."""
    width, height = size_of(data)
    light = _luminance(decode(data, min_side=LOOKED_AT))
    variance = float(light.var())
    around = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:]
    edges = around - 4 * light[1:-1, 1:-1]
    sharpness = float(edges.var()) / variance if variance > 0 and edges.size else 0.0
    return ImageQuality(float(light.mean()) / 255, variance**0.5 / 255, sharpness, min(width, height))


def _luminance(image: Image) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    from PIL.Image import Resampling

    grey = image.convert("L")
    scale = LOOKED_AT / min(grey.size)
    if scale < 1:
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Resampling.BILINEAR)
    return np.asarray(grey, np.float64)  # of 0 to 255: one tone has a variance of exactly 0


def _measure(root: Path, path: str) -> ImageQuality | None:
    try:
        return image_quality(read_bytes(locate(root, path)))
    except (ImageError, MemoryError):
        return None
