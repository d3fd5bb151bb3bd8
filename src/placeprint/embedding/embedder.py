"""A model ready to run: image in, unit vector out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.models import DEFAULT_MODEL, find_model
from placeprint.embedding.preprocess import Pixels, needed_side, pooled, prepare
from placeprint.errors import ModelError, UsageError
from placeprint.records import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

RUNNERS = ("openvino", "onnx")
PRECISIONS = ("auto", "f32")


class Runner(Protocol):
    """Runs the graph of one model; safe under threads."""

    name: str
    precision: str

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the one output that the ModelSpec asks for, without the batch axis."""


class Embedder:
    """Embeds images one by one: the same vector whatever the batch, the order or the thread.

    Attributes
    ----------
    spec : ModelSpec
    threads : int
        How many threads may call it to good effect.
    decode_side : int
        Shorter side in pixels that a reduced-size decode must keep.
    """

    def __init__(self, spec: ModelSpec, runner: Runner, *, threads: int) -> None:
        self.spec, self.threads, self._runner = spec, threads, runner
        self.decode_side = needed_side(spec)

    @property
    def cache_key(self) -> str:
        """What a cached embedding depends on besides the image."""
        return f"{self.spec.fingerprint()}-{self._runner.precision}"

    def embed_one(self, image: Image) -> NDArray[np.float32]:
        """Return the unit vector of one upright RGB image, float32 of shape (dim,).

        Raises
        ------
        ModelError
            When the graph's output has another length than the ModelSpec says, or is not finite.
        """
        raw = self._runner.run(prepare(image, self.spec))
        vector = raw.reshape(-1) if self.spec.pooling == "graph" else pooled(raw, self.spec)
        if vector.shape != (self.spec.dim,):
            raise ModelError(
                f"model {self.spec} gives {vector.shape[0]} numbers and says that it gives {self.spec.dim}"
            )
        norm = float(np.linalg.norm(vector.astype(np.float64)))
        if not np.isfinite(norm) or norm == 0:
            raise ModelError(f"model {self.spec} gave NaN, infinity or only zeros")
        return (vector / norm).astype(np.float32)

    def embed(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return unit vectors, float32 of shape (n, dim)."""
        vectors = [self.embed_one(image) for image in images]
        return np.stack(vectors) if vectors else np.empty((0, self.spec.dim), np.float32)


def load_embedder(
    model: str = DEFAULT_MODEL, *, runner: str = "openvino", precision: str = "auto", threads: int | None = None
) -> Embedder:
    """Load a model by name or path.

    Parameters
    ----------
    model : str
        See `placeprint.embedding.models.find_model`.
    runner : str
        ``openvino`` or ``onnx``.
    precision : str
        ``auto`` or ``f32``.
    threads : int, optional
        As many as the process may use of the machine's cores by default.

    Raises
    ------
    UsageError, ModelError, MissingExtraError
    """
    if precision not in PRECISIONS:
        raise UsageError(f'precision "{precision}" is not known: choose one of {", ".join(PRECISIONS)}')
    file = find_model(model)
    if file.spec.imported:
        raise ModelError(f"model {file.spec} has input_size 0: no image can be prepared for it")
    count = threads or available_cores()
    if runner == "openvino":
        from placeprint.embedding.openvino_runner import OpenVinoRunner as Chosen
    elif runner == "onnx":
        from placeprint.embedding.onnx_runner import OnnxRunner as Chosen  # type: ignore[assignment]
    else:
        raise UsageError(f'runner "{runner}" is not known: choose one of {", ".join(RUNNERS)}')
    return Embedder(file.spec, Chosen(file.path, file.spec, threads=count, precision=precision), threads=count)


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
