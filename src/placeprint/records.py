"""The frozen records that every stage shares."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from placeprint.errors import ModelError, UsageError, VectorError
from placeprint.storage.json_records import record_from

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNKNOWN = "UNKNOWN"
"""What is printed when no place is accepted. In records it is ``None``."""


def is_unknown(place: str) -> bool:
    """Return whether a place's name is the word for no place, in any case: as an answer nobody could tell the two."""
    return place.strip().casefold() == UNKNOWN.casefold()


_RETIRED = ("precise_until",)
"""Fields of galleries of earlier formats."""
_ZONE = re.compile(r"([1-9]|[1-5]\d|60)[NS]?")
AT_ZERO = 1e-4
"""Degrees, some 11 metres."""
_OFTEN_UNUSED = ("views", "cells", "keypoints", "learned", "learned_sha256")
VIEWS = ("crop", "squash", "flip", "whole")
"""How an image can be looked at: the centre cut out, the whole squeezed into a square, and that mirrored; or the whole
in its own aspect, in the pass that cells are taken from."""


class Split(StrEnum):
    """Which side of the question an image is on."""

    GALLERY = "gallery"
    QUERY = "query"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """One image of a dataset or a gallery.

    Attributes
    ----------
    path : str
        Relative to the manifest's folder, with forward slashes. Bytes that are not UTF-8 are kept
        as surrogate escapes.
    places : tuple of str
        The place it shows; several when each of them is a right answer; empty when unlabelled.
    split : Split
        Gallery, query, or none.
    content_hash : str
        SHA-256 of the file's bytes, hexadecimal; empty when not read yet.
    width, height : int
        Pixels, after the EXIF turn; 0 when not read yet.
    latitude, longitude : float or None
        Degrees.
    easting, northing : float or None
        Metres, in a UTM zone or in a plane of the dataset's own.
    zone : str or None
        The UTM zone of the two and, where it is known, the hemisphere: ``31N``, ``31``. None for a plane that is not
        named.
    sequence, frame : str or None, int or None
        The traverse and the position in it.
    address, licence : str or None
        Where the image came from, and under which terms.
    extra : mapping of str to str
        Columns of the manifest that have no meaning here. They are kept.
    """

    path: str
    places: tuple[str, ...] = ()
    split: Split = Split.NONE
    content_hash: str = ""
    width: int = 0
    height: int = 0
    latitude: float | None = None
    longitude: float | None = None
    easting: float | None = None
    northing: float | None = None
    zone: str | None = None
    sequence: str | None = None
    frame: int | None = None
    address: str | None = None
    licence: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse coordinates that are not on Earth; who makes it knows the path, and says it."""
        if not self.path:
            raise UsageError("a record needs a path")
        if self.width < 0 or self.height < 0:
            raise UsageError(f"an image of {self.width} x {self.height} pixels is none")
        if (self.latitude is None) != (self.longitude is None):
            raise UsageError("latitude and longitude come together")
        if self.latitude is not None and not abs(self.latitude) <= 90:
            raise UsageError(f"latitude {self.latitude} is not in -90..90")
        if self.longitude is not None and not abs(self.longitude) <= 180:
            raise UsageError(f"longitude {self.longitude} is not in -180..180")
        if (self.easting is None) != (self.northing is None):
            raise UsageError("easting and northing come together")
        if self.zone is not None and (self.easting is None or not _ZONE.fullmatch(self.zone)):
            raise UsageError(f'the UTM zone "{self.zone}" is not 1..60 with N or S, or has no easting')

    @property
    def at_zero(self) -> bool:
        """True at latitude 0, longitude 0, which devices write when they do not know where they are; or at UTM 0, 0."""
        if self.latitude is None or self.longitude is None:
            return self._metres_at_zero
        return max(abs(self.latitude), abs(self.longitude)) < AT_ZERO

    @property
    def degrees(self) -> tuple[float, float] | None:
        """Latitude and longitude; None when they are not known."""
        if self.latitude is None or self.longitude is None or self.at_zero:
            return None
        return self.latitude, self.longitude

    @property
    def metres(self) -> tuple[float, float] | None:
        """East and north in their plane; None when they are not known, or come from latitude 0, longitude 0."""
        if self.easting is None or self.northing is None or self.at_zero or self._metres_at_zero:
            return None
        return self.easting, self.northing

    @property
    def _metres_at_zero(self) -> bool:
        """True at easting 0, northing 0 of a zone, which has no such point; a plane without a zone may begin there."""
        return self.zone is not None and self.easting == 0 and self.northing == 0

    @property
    def place(self) -> str | None:
        """The places as one label, joined by ``|``; None when unlabelled."""
        return "|".join(self.places) if self.places else None

    def to_dict(self) -> dict[str, Any]:
        """Only what is set, ready for JSON."""
        values = ((name, unset, getattr(self, name)) for name, unset in _UNSET.items())
        row = {name: value for name, unset, value in values if value != unset or name in ("path", "split")}
        if self.places:
            row["places"] = list(self.places)
        if self.extra:
            row["extra"] = dict(self.extra)
        return row

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        ValueError, TypeError
            When a field is missing, not known, or not what it must be.
        """
        known = row
        if ("easting" in known) != ("northing" in known):  # records of before did not refuse one alone
            known = {name: value for name, value in known.items() if name not in ("easting", "northing", "zone")}
        return record_from(cls, known)


_UNSET = {f.name: f.default for f in dataclasses.fields(ImageRecord) if f.name != "extra"}
"""What a record holds where nothing was said: frame 0 and longitude 0.0 are something."""


@dataclass(frozen=True, slots=True)
class FailedImage:
    """An image that could not be used: a row with a reason instead of an exception.

    Attributes
    ----------
    path : str
        As in the manifest.
    kind : str
        The word of `placeprint.errors.ImageError`.
    reason : str
        One line for people.
    """

    path: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Images that take no part, and in a few words why: ``without a label``, ``of the query split``."""

    why: str
    paths: tuple[str, ...]

    @property
    def says(self) -> str:
        """How many, and why: ``3 without a label``."""
        return f"{len(self.paths)} {self.why}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"says": self.says, "why": self.why, "count": len(self.paths), "paths": list(self.paths)}


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
    keypoints : int
        The most RootSIFT keypoints that are kept of an image; 0 keeps none.
    learned : str
        What is learned from the gallery and kept in it: ``pca`` or ``places`` (see `placeprint.embedding.whitening`),
        ``vlad`` (see `placeprint.embedding.vlad`); empty for nothing.
    learned_sha256 : str
        Of what was learned.
    weights_sha256 : str
        Of the ONNX file; empty when the embeddings were imported.
    licence, source : str
        Of the weights. They do not enter the fingerprint.
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
    keypoints: int = 0
    learned: str = ""
    learned_sha256: str = ""
    weights_sha256: str = ""
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse values that no image could be prepared with."""
        if self.dim < 1:
            raise ModelError(f'model "{self.name}": dim is {self.dim}, it must be at least 1')
        if self.resize not in ("crop", "squash", "torchvision"):
            raise ModelError(f'model "{self.name}": resize "{self.resize}" is none of crop, squash, torchvision')
        if self.interpolation not in ("bilinear", "bicubic"):
            raise ModelError(f'model "{self.name}": interpolation "{self.interpolation}" is not known')
        if self.pooling not in ("graph", "average", "gem"):
            raise ModelError(f'model "{self.name}": pooling "{self.pooling}" is not known')
        if len(self.mean) != 3 or len(self.std) != 3 or not all(s > 0 for s in self.std):
            raise ModelError(f'model "{self.name}": mean and std are three numbers each, std above 0')
        if self.resize != "squash" and self.resize_size < self.input_size:
            raise ModelError(f'model "{self.name}": resize_size must be at least input_size')
        if unknown := [view for view in self.views if view not in VIEWS]:
            raise ModelError(f'model "{self.name}": view "{unknown[0]}" is none of {", ".join(VIEWS)}')
        if self.cells and not (self.cells_output and self.cells_stride > 0):
            raise ModelError(f'model "{self.name}": cells need cells_output and cells_stride')
        if "whole" in self.views and (self.pooling == "graph" or not self.cells):
            raise ModelError(f'model "{self.name}": view "whole" needs cells, and pooling average or gem')

    @property
    def imported(self) -> bool:
        """True when the embeddings came from elsewhere and photos cannot be embedded."""
        return self.input_size == 0

    @property
    def parts(self) -> frozenset[str]:
        """Which parts of an image are kept besides its embedding: ``cells``, ``keypoints``."""
        return frozenset(name for name in ("cells", "keypoints") if getattr(self, name))

    def fingerprint(self) -> str:
        """SHA-256 of all that the embedding depends on, hexadecimal."""
        row = self.to_dict() | dict.fromkeys(_RETIRED, "")  # as galleries of then say
        idle = {"licence", "source"} | {name for name in _OFTEN_UNUSED if not row[name]}
        if not self.cells:
            idle |= {"cells_output", "cells_stride"}
        for name in idle:  # what is not used does not enter: a model without parts stays what it was
            del row[name]
        return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
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
        values = {name: value for name, value in row.items() if name not in _RETIRED}
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ModelError(f"the model description has unknown fields: {', '.join(unknown)}")
        try:
            return record_from(cls, values)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the model description is incomplete: {error}") from error

    def __str__(self) -> str:
        """Name and short fingerprint, as error messages print them."""
        return f'"{self.name}" ({self.fingerprint()[:6]})'


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest gallery rows of each query, best first.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_queries, k)
        Gallery rows; -1 where there are fewer than k.
    scores : ndarray of float32, shape (n_queries, k)
        Cosine similarity; -inf where there are fewer than k.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if self.rows.ndim != 2 or self.rows.shape != self.scores.shape:
            raise VectorError(f"rows {self.rows.shape} and scores {self.scores.shape} must be one (n, k)")
        if self.rows.dtype != "int64" or self.scores.dtype != "float32":
            raise VectorError(f"rows must be int64 and scores float32, not {self.rows.dtype}, {self.scores.dtype}")

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Match:
    """One gallery image beside a query.

    Attributes
    ----------
    row : int
    path : str
    places : tuple of str
    score : float
        What it was ranked by: the cosine similarity, or what re-ranking made of it.
    similarity : float
        Cosine similarity of the two embeddings.
    """

    row: int
    path: str
    places: tuple[str, ...]
    score: float
    similarity: float = math.nan


@dataclass(frozen=True, slots=True)
class RankedPlace:
    """A candidate place: its score is that of its best image."""

    place: str
    score: float
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What placeprint says about one query photo.

    Attributes
    ----------
    place : str or None
        None is UNKNOWN.
    score : float
        Of the best match: its cosine similarity, or what re-ranking made of it (then it may be above 1); NaN when
        the gallery is empty.
    margin : float
        `score` less the score of the best *other* place; NaN when there is no other place.
    threshold, margin_threshold : float or None
        What was asked for; None when nothing was.
    probability : float or None
        That the best place is right; None without a calibration.
    probability_threshold : float or None
        Below which the calibration says UNKNOWN; None when it did not decide.
    calibrated_for : str or None
        The preset that the gallery's calibration is for, where another one asked: then it does not decide.
    places, matches
        Best first.
    why : str
        One line for people.
    """

    place: str | None
    score: float
    margin: float
    threshold: float | None = None
    margin_threshold: float | None = None
    probability: float | None = None
    probability_threshold: float | None = None
    calibrated_for: str | None = None
    places: tuple[RankedPlace, ...] = ()
    matches: tuple[Match, ...] = ()
    why: str = ""

    @property
    def unknown(self) -> bool:
        """True when no place was accepted."""
        return self.place is None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: NaN becomes null, and ``answer`` spells UNKNOWN."""
        row = dataclasses.asdict(self)
        for key in ("score", "margin"):
            row[key] = None if math.isnan(row[key]) else row[key]
        return {"answer": self.place if self.place is not None else UNKNOWN, **row}
