"""ResNets with bottlenecks (He et al. 2016), with torchvision's names, as steps that something does.

One walk through the network, and three things to do with it: list the parameters that a checkpoint must have
(`parameters`), run it in PyTorch as torchvision does (`TorchLayers`), and write it as a graph
(`placeprint.embedding.export.resnet_graph.GraphLayers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Maps, Vectors
from placeprint.embedding.export.parity import Run

BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}
DIM = 2048
EPSILON = 1e-5
"""Of every batch norm."""
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")

State = Mapping[str, NDArray[np.float32]]


class Layers(Protocol):
    """What is done at each step; `x` is whatever flows through the network."""

    def conv(self, x: Any, conv: str, norm: str, channels: int, *, kernel: int = 1, stride: int = 1) -> Any:
        """Convolve to so many channels with padding ``kernel // 2`` and no bias, then the batch norm."""

    def relu(self, x: Any) -> Any:
        """Cut off below 0."""

    def add(self, x: Any, y: Any) -> Any:
        """Add a shortcut."""

    def max_pool(self, x: Any) -> Any:
        """Take the largest of 3 x 3, every second one, with padding 1."""


def network(layers: Layers, x: Any, name: str) -> Any:
    """Do all of it, up to the last map: (n, 3, h, w) to (n, 2048, h/32, w/32)."""
    x = layers.max_pool(layers.relu(layers.conv(x, "conv1", "bn1", 64, kernel=7, stride=2)))
    for stage, count in enumerate(BLOCKS[name]):
        width = 64 << stage
        for index in range(count):
            block = f"layer{stage + 1}.{index}"
            stride = 2 if stage and not index else 1
            y = layers.relu(layers.conv(x, f"{block}.conv1", f"{block}.bn1", width))
            y = layers.relu(layers.conv(y, f"{block}.conv2", f"{block}.bn2", width, kernel=3, stride=stride))
            y = layers.conv(y, f"{block}.conv3", f"{block}.bn3", 4 * width)
            if not index:
                x = layers.conv(x, f"{block}.downsample.0", f"{block}.downsample.1", 4 * width, stride=stride)
            x = layers.relu(layers.add(y, x))
    return x


class _Shapes:
    """Notes the parameters; what flows is the number of channels."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, ...]] = {}

    def conv(self, x: int, conv: str, norm: str, channels: int, *, kernel: int = 1, stride: int = 1) -> int:  # noqa: ARG002
        self.found[f"{conv}.weight"] = (channels, x, kernel, kernel)
        self.found |= {f"{norm}.{part}": (channels,) for part in NORM_PARTS}
        return channels

    def relu(self, x: int) -> int:
        return x

    def add(self, x: int, y: int) -> int:  # noqa: ARG002
        return x

    def max_pool(self, x: int) -> int:
        return x


def parameters(name: str) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every parameter that a checkpoint must have; the classifier is not among them."""
    shapes = _Shapes()
    network(shapes, 3, name)
    return shapes.found


class TorchLayers:
    """Runs the network in PyTorch, batch norms apart from the convolutions, as torchvision does.

    `state`: All of `parameters`.
    """

    def __init__(self, state: State) -> None:
        import torch

        self._functional = torch.nn.functional
        self._state = {key: torch.from_numpy(np.array(value, np.float32)) for key, value in state.items()}

    def conv(self, x: Any, conv: str, norm: str, channels: int, *, kernel: int = 1, stride: int = 1) -> Any:  # noqa: ARG002
        """Convolve, then normalise by the running mean and variance."""
        y = self._functional.conv2d(x, self._state[f"{conv}.weight"], stride=stride, padding=kernel // 2)
        weight, bias, mean, variance = (self._state[f"{norm}.{part}"] for part in NORM_PARTS)
        return self._functional.batch_norm(y, mean, variance, weight, bias, eps=EPSILON)

    def relu(self, x: Any) -> Any:
        """Cut off below 0."""
        return self._functional.relu(x)

    def add(self, x: Any, y: Any) -> Any:
        """Add."""
        return x + y

    def max_pool(self, x: Any) -> Any:
        """Take the largest of each 3 x 3."""
        return self._functional.max_pool2d(x, 3, 2, 1)


def run_by_torch(state: State, name: str) -> Run:
    """Return what computes the average of the last map over space, (n, 2048), in PyTorch."""
    import torch

    layers = TorchLayers(state)

    def run(images: Maps) -> Vectors:
        with torch.inference_mode():
            features = network(layers, torch.from_numpy(images), name)
            return np.asarray(features.mean(dim=(2, 3)).numpy(), np.float32)

    return run
