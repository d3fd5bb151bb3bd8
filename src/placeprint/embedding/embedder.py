"""A model ready to run: image in, unit vector out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Maps, Parts, Pixels, Vectors
from placeprint.cores import available_cores
from placeprint.dataset.query_image import prepare_image
from placeprint.embedding import xfeat
from placeprint.embedding.models import DEFAULT_MODEL, ModelFile, find_model
from placeprint.embedding.preprocess import WholeMaps, cells_of, needed_side, pooled, prepare, prepare_whole
from placeprint.embedding.runners.bundled_graph import bundled_graph
from placeprint.errors import ModelError, UsageError
from placeprint.presets import FAST, Preset, find_preset
from placeprint.records import ModelSpec
from placeprint.spelling import choices

if TYPE_CHECKING:
    from PIL.Image import Image

    from placeprint.dataset.query_image import ImageInput

RUNNERS = ("openvino", "onnx")
PRECISIONS = ("auto", "int8", "f32")


class Runner(Protocol):
    """Runs the graph of one model; any number of threads may call it."""

    name: str
    precision: str

    def run(self, pixels: Pixels) -> Maps:
        """Return the one output that the ModelSpec asks for, without the batch axis."""

    def run_whole(self, pixels: Pixels) -> WholeMaps:
        """Return the maps of an image in its own aspect; only where the spec asks for cells."""


@dataclass(frozen=True, slots=True)
class Description:
    """All that is kept of one image.

    Attributes
    ----------
    vector : ndarray of float32, shape (dim,)
        The embedding, a unit vector.
    parts : mapping of str to ndarray, shape (height, width, depth)
        ``cells`` (int8, see `placeprint.embedding.preprocess.cells_of`) and ``xfeat`` (uint8, one column, see
        `placeprint.embedding.xfeat`), where the ModelSpec asks for them.

    Examples
    --------
    >>> import placeprint
    >>> described = placeprint.Recognizer("town.gallery").describe("town-hall.jpg")
    >>> described.vector.shape, dict(described.parts)
    ((1280,), {})
    """

    vector: Vectors
    parts: Parts = field(default_factory=dict)


class AnyEmbedder(Protocol):
    """What embeds images: a model as it is (`Embedder`), or one that learned from a gallery (`LearnedEmbedder`).

    Examples
    --------
    >>> import placeprint
    >>> embedder = placeprint.Recognizer("town.gallery").embedder
    >>> embedder.describe("town-hall.jpg").vector.shape
    (1280,)
    """

    spec: ModelSpec
    file: Path | None
    threads: int
    decode_side: int
    raw_dim: int

    @property
    def cache_key(self) -> str:
        """What a cached look depends on besides the image."""

    def look(self, image: Image) -> Description:
        """Return what a cache keeps: a vector of length `raw_dim`, and parts."""

    def describe(self, image: ImageInput) -> Description:
        """Return the embedding and the parts of an image, however it is given."""

    def finish(self, vectors: Vectors) -> Vectors:
        """Return the embeddings of n images for those of their looks."""

    def coarser(self, cells: int) -> AnyEmbedder:
        """Return the same model, for looks at fewer pixels that keep so many cells and nothing else."""


class Embedder:
    """Embeds images one by one: the same vector whatever the batch, the order or the thread.

    Attributes
    ----------
    spec : ModelSpec
    threads : int
        As many threads as may usefully call it at once.
    decode_side : int
        Pixels of the shorter side that a decode at reduced size must keep.
    file : Path or None
        The absolute path of a model that no name finds; None for the others.

    Examples
    --------
    >>> import placeprint
    >>> embedder = placeprint.load_embedder()
    >>> embedder.spec.name, embedder.embed_one("town-hall.jpg").shape
    ('efficientnet-lite0', (1280,))
    """

    def __init__(self, spec: ModelSpec, runner: Runner, *, threads: int, file: Path | None = None) -> None:
        self.spec, self.threads, self._runner, self.file = spec, threads, runner, file
        self.decode_side, self.raw_dim = needed_side(spec), spec.dim
        precision = "f32" if runner.precision == "f32" else "auto"
        self._xfeat = bundled_graph("xfeat", runner=runner.name, threads=threads, precision=precision)

    @property
    def cache_key(self) -> str:
        """What a cached embedding depends on besides the image."""
        return f"{self.spec.fingerprint()}-{self._runner.precision}"

    def embed_one(self, image: ImageInput) -> Vectors:
        """Return the unit vector of one image, float32 of shape (dim,).

        Parameters
        ----------
        image : path, str, bytes, binary file, PIL.Image.Image or ndarray
            See `placeprint.dataset.query_image`.

        Raises
        ------
        ImageError, UsageError
            When it is no image that can be read.
        ModelError
            When the graph's output has another length than the ModelSpec says, or is not finite.
        """
        upright = prepare_image(image, min_side=self.decode_side)
        return self._embedding(upright, self._whole(upright) if "whole" in self.spec.views else None)

    def describe(self, image: ImageInput) -> Description:
        """Return the embedding of one image, given as in `embed_one`, and the parts that the ModelSpec asks for.

        Raises
        ------
        ImageError, UsageError, ModelError
            As `embed_one`.
        """
        return self.look(prepare_image(image, min_side=self.decode_side))

    def look(self, image: Image) -> Description:
        """Return the embedding and the parts of one image as `placeprint.dataset.decoding.images.decode` returns it.

        Raises
        ------
        ModelError
            As `describe`.
        """
        parts: dict[str, NDArray[Any]] = {}
        whole = self._whole(image) if self.spec.cells else None
        if whole is not None:
            parts["cells"] = cells_of(whole.cells)
        if self.spec.xfeat:
            parts["xfeat"] = xfeat.extract(image, self._xfeat, most=self.spec.xfeat)[:, None]
        return Description(self._embedding(image, whole), parts)

    def finish(self, vectors: Vectors) -> Vectors:
        """Return the vectors as they are."""
        return vectors

    def coarser(self, cells: int) -> Embedder:
        """Return the same model, for looks at fewer pixels that keep so many cells and nothing else."""
        spec = dataclasses.replace(self.spec, cells=cells, xfeat=0)
        return Embedder(spec, self._runner, threads=self.threads, file=self.file)

    def _whole(self, image: Image) -> WholeMaps:
        return self._runner.run_whole(prepare_whole(image, self.spec))

    def _embedding(self, image: Image, whole: WholeMaps | None) -> Vectors:
        """Return the mean of the views, as a unit vector."""
        views = [self._view(image, view, whole) for view in self.spec.views or ("",)]
        return views[0] if len(views) == 1 else _unit(np.stack(views).mean(axis=0), self.spec)

    def _view(self, image: Image, view: str, whole: WholeMaps | None) -> Vectors:
        if view == "whole" and whole is not None and whole.features is not None:
            raw = whole.features
        else:
            raw = self._runner.run(prepare(image, self.spec, view))
        vector = raw.reshape(-1) if self.spec.pooling == "graph" else pooled(raw, self.spec)
        if vector.shape != (self.spec.dim,):
            raise ModelError(
                f"model {self.spec} gives {vector.shape[0]} numbers and says that it gives {self.spec.dim}"
            )
        return _unit(vector, self.spec)

    def embed(self, images: Sequence[ImageInput]) -> Vectors:
        """Return the unit vectors of images, given as in `embed_one`: float32 of shape (n, dim), in their order."""
        vectors = [self.embed_one(image) for image in images]
        return np.stack(vectors) if vectors else np.empty((0, self.spec.dim), np.float32)


def _unit(vector: NDArray[Any], spec: ModelSpec) -> Vectors:
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(norm) or norm == 0:
        raise ModelError(f"model {spec} gave NaN, infinity or only zeros")
    return (vector / norm).astype(np.float32)


def load_embedder(
    model: str | ModelFile = DEFAULT_MODEL,
    *,
    preset: str | Preset | ModelSpec = FAST,
    runner: str = "openvino",
    precision: str | None = None,
    threads: int | None = None,
) -> Embedder:
    """Load a model by name or path.

    Parameters
    ----------
    model : str or ModelFile
        What `placeprint.embedding.models.find_model` takes, or what it returned.
    preset : str, Preset or ModelSpec
        What is kept of an image: as a preset says, or as another ModelSpec does (that of a gallery). By default nothing
        but the embedding of one view.
    runner : str
        ``openvino`` or ``onnx``.
    precision : str, optional
        ``auto``, ``int8`` or ``f32``, see `placeprint.embedding.runners.openvino_runner`; without it what
        PLACEPRINT_PRECISION of the environment says, else ``auto``.
    threads : int, optional
        By default what PLACEPRINT_WORKERS of the environment says, else as many as the cores that the process may use.

    Raises
    ------
    UsageError, ModelError, MissingExtraError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.load_embedder("efficientnet-lite0").embed_one("town-hall.jpg").shape
    (1280,)
    """
    if threads is not None and threads < 1:
        raise UsageError(f"the number of workers must be at least 1, not {threads}")
    precision = precision or os.environ.get("PLACEPRINT_PRECISION") or "auto"
    if precision not in PRECISIONS:
        raise UsageError(f'precision "{precision}" is not known: {choices(precision, PRECISIONS)}')
    file = model if isinstance(model, ModelFile) else find_model(model)
    if file.spec.imported:
        raise ModelError(f"model {file.spec} has input_size 0: no image can be prepared for it")
    spec = _as_asked(file.spec, preset if isinstance(preset, ModelSpec) else find_preset(preset))
    count = threads or _usual_threads()
    if runner == "openvino":
        from placeprint.embedding.runners.openvino_runner import OpenVinoRunner as Chosen
    elif runner == "onnx":
        from placeprint.embedding.runners.onnx_runtime_runner import OnnxRunner as Chosen  # type: ignore[assignment]
    else:
        raise UsageError(f'runner "{runner}" is not known: {choices(runner, RUNNERS)}')
    ran = Chosen(file.path, spec, threads=count, precision=precision)
    own = file.path.parent.resolve() / file.path.name if file.own else None
    return Embedder(spec, ran, threads=count, file=own)


def _usual_threads() -> int:
    said = os.environ.get("PLACEPRINT_WORKERS") or str(available_cores())
    if not said.isdecimal() or not int(said):
        raise UsageError(f'PLACEPRINT_WORKERS is a whole number above 0, not "{said}"')
    return int(said)


def _as_asked(spec: ModelSpec, asked: Preset | ModelSpec) -> ModelSpec:
    """Return the spec with the views and parts that are asked for.

    A model without a map to match has no cells. Where there is no pass over the whole image, or the graph pools by
    itself, a cropped and a squeezed square stand for it.
    """
    cells, views = asked.cells if spec.cells_output else 0, asked.views
    if not cells or spec.pooling == "graph":
        views = tuple(square for view in views for square in (("crop", "squash") if view == "whole" else (view,)))
    return dataclasses.replace(spec, views=views, cells=cells, xfeat=asked.xfeat)
