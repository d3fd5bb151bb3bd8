"""Other light, season, viewpoint, crop and sharpness for images that train, as plain operations on tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from placeprint.training.packages import torch_package


def augmented(images: Any, rng: np.random.Generator) -> Any:
    """Change every image at random.

    `images`, shape (n, 3, h, w): Pixels 0 to 1.
    `rng`: All chance comes from it.
    Returns shape (n, 3, h, w): Pixels 0 to 1.
    """
    return _lit(_blurred(_moved(images, rng), rng), rng)


def _draw(images: Any, rng: np.random.Generator, low: float, high: float, *more: int) -> Any:
    """Return numbers for each image, shape (n, ..., 1, 1)."""
    torch = torch_package()
    shape = (len(images), *(more or (1,)), 1, 1)
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32)).to(images.device)


def _moved(images: Any, rng: np.random.Generator) -> Any:
    """Cut out 50 to 100 % of the area, turned by up to 8 degrees and seen from aside, by a projective map."""
    torch, count = torch_package(), len(images)
    scale = np.sqrt(rng.uniform(0.5, 1.0, count))
    stretch = np.exp(rng.uniform(-0.15, 0.15, count))
    angle = rng.uniform(-8, 8, count) * math.pi / 180
    across, down = scale * stretch, scale / stretch
    maps = np.zeros((count, 3, 3))
    maps[:, 0, 0], maps[:, 0, 1] = across * np.cos(angle), -down * np.sin(angle)
    maps[:, 1, 0], maps[:, 1, 1] = across * np.sin(angle), down * np.cos(angle)
    maps[:, :2, 2] = rng.uniform(-1, 1, (count, 2)) * (1 - scale)[:, None]
    maps[:, 2, :2], maps[:, 2, 2] = rng.uniform(-0.12, 0.12, (count, 2)), 1
    height, width = images.shape[2:]
    rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    grid = torch.stack((*torch.meshgrid(rows, columns, indexing="ij")[::-1], torch.ones(height, width)), dim=-1)
    seen = torch.einsum("nij,hwj->nhwi", torch.from_numpy(maps.astype(np.float32)), grid)
    points = (seen[..., :2] / seen[..., 2:]).to(images.device)
    return torch.nn.functional.grid_sample(images, points, padding_mode="reflection", align_corners=True)


def _blurred(images: Any, rng: np.random.Generator) -> Any:
    """Blur three in ten images by making them up to four times smaller and larger again."""
    functional, size = torch_package().nn.functional, images.shape[2:]
    times = float(rng.uniform(1.5, 4))
    small = functional.interpolate(images, scale_factor=1 / times, mode="bilinear", align_corners=False)
    soft = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)
    chosen = (_draw(images, rng, 0, 1) < 0.3).float()
    return images + chosen * (soft - images)


def _lit(images: Any, rng: np.random.Generator) -> Any:
    """Change exposure, contrast, warmth and saturation, which night, haze, autumn and winter change all at once."""
    grey = images.mean(dim=1, keepdim=True)
    coloured = grey + _draw(images, rng, 0.0, 1.6) * (images - grey)
    warmed = coloured * _draw(images, rng, -0.18, 0.18, 3).exp()
    middle = warmed.mean(dim=(1, 2, 3), keepdim=True)
    contrasted = (middle + _draw(images, rng, 0.5, 1.4) * (warmed - middle)).clamp(0, 1)
    return (contrasted + 1e-4) ** _draw(images, rng, -0.7, 0.7).exp()
