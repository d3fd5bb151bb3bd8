"""What is exported, and what is made of it: a graph, its description, and what to compare the graph with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.embedding.export.parity import Run
from placeprint.records import ModelSpec

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Of pixels 0 to 255: 0.485, 0.456, 0.406 of torchvision's 0 to 1."""
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A network that is exported, and where its weights are."""

    # ``resnet50`` (``101``, ``152``) with `weights`, ``torchvision:NAME``, ``timm:NAME``, ``hub:OWNER/REPO:ENTRY`` or
    # ``hf:OWNER/REPO``.
    name: str
    # A checkpoint, as ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``; heads and whatever else is beside the network
    # are left out.
    weights: Path | None = None
    branch: str = ""  # Which network of the checkpoint where it holds several, as ``teacher``.
    trust: bool = False  # Let ``hub:`` run the code of its repository.

    @property
    def scheme(self) -> str:
        """What stands before the first colon of the name."""
        return self.name.partition(":")[0]

    @property
    def rest(self) -> str:
        """What stands behind it."""
        return self.name.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A graph that is kept when it computes what PyTorch does."""

    data: bytes  # The ONNX file.
    spec: ModelSpec
    reference: Run | None  # Images (n, 3, h, w) to embeddings in PyTorch; None when the source was an ONNX file.
    free: bool  # True when any height and width will do.
    note: str = ""  # What a person must know, as that the licence is the GPL.
