"""What training needs besides the ordinary installation, imported when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from placeprint.errors import MissingExtraError

LEARNING = ("pytorch_metric_learning.losses", "pytorch_metric_learning.miners")
NEEDED = ("torch", *LEARNING, "onnx", "onnxruntime")


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError("training", "train") from error


def torch_package() -> Any:
    """Import PyTorch.

    Raises
    ------
    MissingExtraError
    """
    return _imported("torch")


def metric_learning_package() -> Any:
    """Import pytorch-metric-learning, its losses and miners.

    Raises
    ------
    MissingExtraError
    """
    for name in LEARNING:
        _imported(name)
    return _imported("pytorch_metric_learning")


def require_packages() -> None:
    """Say at once what is missing, before photos are embedded.

    Raises
    ------
    MissingExtraError
    """
    for name in NEEDED:
        _imported(name)
