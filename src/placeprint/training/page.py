"""A training as one HTML file that opens without a network: its curves and its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from placeprint.report.curves import Curve
from placeprint.report.templates import environment
from placeprint.storage.atomic import write_atomic
from placeprint.training.result import TrainingResult


def write_training_page(result: TrainingResult, out: Path) -> None:
    """Write the page, in one step. Raises `OSError` when the folder cannot be written to."""
    losses = [line["loss"] for line in result.history]
    highest = max([loss for loss in losses if math.isfinite(loss)], default=0.0) or 1.0
    curves = (
        ("Recall@1 on the validation places", _curve([line["recall_at_1"] for line in result.history]), ""),
        ("mAP on the validation places", _curve([line["map"] for line in result.history]), ""),
        ("Loss", _curve([loss / highest for loss in losses]), f"1 stands for {highest:.3f}"),
    )
    template = environment().get_template("training.html.j2")
    page = template.render(result=result, curves=curves, version=version("placeprint"))
    write_atomic(out, page.encode("utf-8"))


def _curve(values: Sequence[float]) -> Curve:
    """Return values of 0 to 1, one an epoch, as a line in a square, with a dot for each; NaN has none."""
    last = max(len(values) - 1, 1)
    dots = tuple((1000 * n / last, 1000 * (1 - value), 1) for n, value in enumerate(values) if math.isfinite(value))
    return Curve(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots), values[-1])
