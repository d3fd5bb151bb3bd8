"""How an image becomes an embedding."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from placeprint.errors import ModelError
from placeprint.storage.json_records import record_from, without_keypoints
from placeprint.storage.part_limits import MOST_PARTS

VIEWS = ("crop", "squash", "flip", "whole")
"""Views of an image: its centre, the whole squeezed into a square, that mirrored; or the whole in its own aspect, in
the pass that cells are taken from."""
MOST_VIEWS = 8
_WORDS = {
    "resize": ("crop", "squash", "torchvision"),
    "interpolation": ("bilinear", "bicubic"),
    "pooling": ("graph", "average", "gem"),
}
_OFTEN_UNUSED = ("views", "cells", "xfeat", "learned", "learned_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """How an image becomes an embedding: everything that the numbers depend on.

    Attributes
    ----------
    name : str
        What a person calls it.
    dim : int
        Length of the embedding.
    input_size : int
        Height and width that the graph takes, pixels. 0 when the embeddings were imported.
    resize : str
        ``crop``: the shorter side becomes `resize_size`, then the centre is cut out; ``torchvision``: the same by whole
        pixels, as torchvision's Resize and CenterCrop do it, from the image decoded at full size;
        ``squash``: both sides become `input_size`, the aspect is not kept.
    resize_size : int
        Pixels of the shorter side before the crop.
    interpolation : str
        ``bilinear`` or ``bicubic``, with antialiasing.
    mean, std : tuple of 3 floats
        The input is ``(pixel - mean) / std`` with pixels 0 to 255, red, green, blue.
    pooling : str
        ``graph``: the output called `embedding` is taken; ``average`` or ``gem``: the output called
        `feature_map` is pooled.
    gem_p : float
        The exponent of ``gem`` (Radenovic et al. 2018, 3.0).
    embedding_output, feature_output : str
        Names of the graph's outputs; `feature_output` may be empty.
    views : tuple of str
        The ways of `VIEWS` in which the image is shown to the graph; the embedding is the mean of the unit vectors
        of the views. Empty: once, by `resize`.
    cells_output : str
        Name of the output whose map is taken for matching parts of images; empty when there is none.
    cells_stride : int
        Pixels of the input for each cell of that map.
    cells : int
        The most cells that are kept of an image; 0 keeps none, and then the three fields do not matter.
    xfeat : int
        The most XFeat features that are kept of an image; 0 keeps none.
    learned : str
        What is learned from the gallery and kept in it: ``whitening`` (see
        `placeprint.embedding.whitening`); empty for nothing.
    learned_sha256 : str
        Of what was learned.
    weights_sha256 : str
        Of the ONNX file; empty when the embeddings were imported.
    licence, source : str
        Of the weights. They do not enter the fingerprint.

    Examples
    --------
    >>> import placeprint
    >>> spec = placeprint.open_gallery("town.gallery").spec
    >>> spec.name, spec.dim, spec.imported
    ('efficientnet-lite0', 1280, False)
    """

    name: str
    dim: int
    input_size: int = 0
    resize: str = "crop"
    resize_size: int = 0
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pooling: str = "graph"
    gem_p: float = 3.0
    embedding_output: str = "embedding"
    feature_output: str = "feature_map"
    views: tuple[str, ...] = ()
    cells_output: str = ""
    cells_stride: int = 0
    cells: int = 0
    xfeat: int = 0
    learned: str = ""
    learned_sha256: str = ""
    weights_sha256: str = ""
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse values that no image can be prepared with."""
        if self.dim < 1:
            raise ModelError(f'model "{self.name}": dim is {self.dim}, it must be at least 1')
        for name, known in _WORDS.items():
            if (said := getattr(self, name)) not in known:
                raise ModelError(f'model "{self.name}": {name} "{said}" is not one of {", ".join(known)}')
        if len(self.mean) != 3 or len(self.std) != 3 or not all(s > 0 for s in self.std):
            raise ModelError(f'model "{self.name}": mean and std are three numbers each, std above 0')
        if self.resize != "squash" and self.resize_size < self.input_size:
            raise ModelError(f'model "{self.name}": resize_size must be at least input_size')
        if (
            len(self.views) > MOST_VIEWS
            or not 0 <= min(self.cells, self.xfeat) <= max(self.cells, self.xfeat) <= MOST_PARTS
        ):
            raise ModelError(f'model "{self.name}": at most {MOST_VIEWS} views, {MOST_PARTS} cells and as many xfeat')
        if unknown := [view for view in self.views if view not in VIEWS]:
            raise ModelError(f'model "{self.name}": view "{unknown[0]}" is not one of {", ".join(VIEWS)}')
        if self.cells and not (self.cells_output and self.cells_stride > 0):
            raise ModelError(f'model "{self.name}": cells need cells_output and cells_stride')
        if "whole" in self.views and (self.pooling == "graph" or not self.cells):
            raise ModelError(f'model "{self.name}": view "whole" needs cells, and pooling average or gem')

    @property
    def imported(self) -> bool:
        """True when the embeddings were imported: then images cannot be embedded."""
        return self.input_size == 0

    @property
    def parts(self) -> frozenset[str]:
        """The parts of an image that are kept beside its embedding: ``cells``, ``xfeat``."""
        return frozenset(name for name in ("cells", "xfeat") if getattr(self, name))

    def fingerprint(self) -> str:
        """Return the SHA-256 of everything that the embedding depends on, hexadecimal."""
        row = self.to_dict() | {"precise_until": ""}  # a field that is gone: the fingerprints stay what they were
        idle = {"licence", "source"} | {name for name in _OFTEN_UNUSED if not row[name]}
        if not self.cells:
            idle |= {"cells_output", "cells_stride"}
        for name in idle:  # unused fields do not count
            del row[name]
        return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        lists = {name: list(getattr(self, name)) for name in ("mean", "std", "views")}
        return dataclasses.asdict(self) | lists

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        ModelError
            When a field is missing, not known, or not what it must be.
        """
        try:
            row = without_keypoints(row)
        except ValueError as error:
            raise ModelError(str(error)) from error
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := sorted(set(row) - known):
            raise ModelError(f"the model description has unknown fields: {', '.join(unknown)}")
        try:
            return record_from(cls, row)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the model description is incomplete: {error}") from error

    def __str__(self) -> str:
        """Return name and short fingerprint, as error messages print them."""
        return f'"{self.name}" ({self.fingerprint()[:6]})'
