"""Image to model input, driven only by the ModelSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placeprint.records import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]


def needed_side(spec: ModelSpec) -> int:
    """Return the shorter side, in pixels, below which a reduced decode would lose detail."""
    return spec.resize_size if spec.resize == "crop" else spec.input_size


def prepare(image: Image, spec: ModelSpec) -> Pixels:
    """Resize and crop an upright RGB image.

    Returns
    -------
    ndarray of uint8, shape (input_size, input_size, 3)
        Mean and std are applied later, in the runner.
    """
    from PIL.Image import Resampling

    filters = {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.BICUBIC}
    resample = filters[spec.interpolation]
    side = spec.input_size
    if spec.resize == "squash":
        return np.asarray(image.resize((side, side), resample))
    # Only the part that the crop keeps is resampled: the same pixels, less work on panoramas.
    cut = min(image.size) * side / spec.resize_size
    left, top = max(0.0, (image.width - cut) / 2), max(0.0, (image.height - cut) / 2)
    box = (left, top, min(left + cut, image.width), min(top + cut, image.height))
    return np.asarray(image.resize((side, side), resample, box=box))


def normalised(pixels: Pixels, spec: ModelSpec) -> NDArray[np.float32]:
    """Return the graph's input for runners that do not normalise by themselves.

    Returns
    -------
    ndarray of float32, shape (1, 3, input_size, input_size)
    """
    scaled = (pixels.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def pooled(features: NDArray[np.float32], spec: ModelSpec) -> NDArray[np.float32]:
    """Pool a feature map over space.

    Parameters
    ----------
    features : ndarray of float32, shape (channels, height, width)

    Returns
    -------
    ndarray of float32, shape (channels,)
        The mean, or the generalised mean of Radenovic et al. 2018 (GeM), which takes values above 0.
    """
    flat = features.reshape(len(features), -1)
    if spec.pooling == "average":
        return np.asarray(flat.mean(axis=1), dtype=np.float32)
    return np.asarray(np.power(np.power(flat.clip(1e-6), spec.gem_p).mean(axis=1), 1 / spec.gem_p), dtype=np.float32)
