"""What training needs besides the ordinary installation, imported when it is needed."""

from __future__ import annotations

from typing import Any

from placeprint.errors import MissingExtraError

EXTRA = "train"


def torch_package() -> Any:
    """Import PyTorch.

    Raises
    ------
    MissingExtraError
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("training", EXTRA) from error
    return torch


def metric_learning_package() -> Any:
    """Import pytorch-metric-learning, its losses and miners.

    Raises
    ------
    MissingExtraError
    """
    try:
        import pytorch_metric_learning.losses
        import pytorch_metric_learning.miners
    except ImportError as error:
        raise MissingExtraError("training", EXTRA) from error
    return pytorch_metric_learning


def require_packages() -> None:
    """Say at once what is missing, before photos are embedded.

    Raises
    ------
    MissingExtraError
    """
    torch_package()
    metric_learning_package()
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("training", EXTRA) from error
