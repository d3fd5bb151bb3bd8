"""What training needs besides the ordinary installation, imported when it is needed."""

from __future__ import annotations

from typing import Any

from placeprint.extras import require

LEARNING = ("pytorch_metric_learning.losses", "pytorch_metric_learning.miners")
NEEDED = ("torch", *LEARNING, "onnx", "onnxruntime")


def torch_package() -> Any:
    """Import PyTorch."""
    return require("torch", extra="train", what="training")


def metric_learning_package() -> Any:
    """Import pytorch-metric-learning with its losses and miners."""
    require_packages(LEARNING)
    return require("pytorch_metric_learning", extra="train", what="training")


def require_packages(names: tuple[str, ...] = NEEDED) -> None:
    """Say at once what is missing, before images are embedded. Raises `MissingExtraError`."""
    for name in names:
        require(name, extra="train", what="training")
