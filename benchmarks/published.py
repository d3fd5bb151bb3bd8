"""The published pipeline's shape, to measure against: what a user would run today.

Four loader threads decode fully with Pillow, resize to 256, crop 224 and normalise; a ResNet50 (torchvision's
layout, random weights: they do not change the speed) runs in PyTorch eager mode on batches of 8.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
LOADERS, BATCH = 4, 8


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, and a shortcut (He et al. 2016)."""

    def __init__(self, channels: int, width: int, stride: int, *, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        shortcut = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)
        self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * width)) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, 4 width, h/stride, w/stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn3(self.conv3(y)) + shortcut)


def resnet50() -> nn.Module:
    """Return a ResNet50 up to its average pooling."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(count):
            layers.append(Bottleneck(channels, width, stride if index == 0 else 1, project=index == 0))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def efficientnet_lite0() -> nn.Module:
    """Return EfficientNet-Lite0 as PyTorch runs it, up to its average pooling; the weights do not change the speed."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
    from efficientnet_lite import EfficientNetLite0

    return EfficientNetLite0().eval()


def load(path: Path) -> Tensor:
    """Decode fully, resize the shorter side to 256, crop 224, normalise."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.array(image.crop((left, top, left + 224, top + 224)))
    return (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 - MEAN) / STD


def embed_seconds(paths: Sequence[Path], model: nn.Module) -> float:
    """Return the wall time of embedding all images."""
    began = time.perf_counter()
    with ThreadPoolExecutor(LOADERS) as pool, torch.inference_mode():
        batch: list[Tensor] = []
        for tensor in pool.map(load, paths):
            batch.append(tensor)
            if len(batch) == BATCH:
                model(torch.stack(batch))
                batch.clear()
        if batch:
            model(torch.stack(batch))
    return time.perf_counter() - began
