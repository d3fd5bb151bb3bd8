"""What every source gives: a graph, its description, and PyTorch to compare it with."""

from __future__ import annotations

from dataclasses import dataclass

from placeprint.embedding.export.parity import Run
from placeprint.records import ModelSpec

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Of pixels 0 to 255: 0.485, 0.456, 0.406 of torchvision's 0 to 1."""
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A graph that is kept when it computes what PyTorch does.

    Attributes
    ----------
    data : bytes
        The ONNX file.
    spec : ModelSpec
    reference : callable or None
        Images (n, 3, h, w) to embeddings in PyTorch; None when the source was an ONNX file.
    free : bool
        True when any height and width will do.
    note : str
        What a person must know, as that the licence is the GPL.
    """

    data: bytes
    spec: ModelSpec
    reference: Run | None
    free: bool
    note: str = ""
