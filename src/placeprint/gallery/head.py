"""The head of a gallery, ``gallery.json``: the one reader, which believes no name, no type and no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from placeprint.errors import GalleryFormatError, ModelError, UsageError, in_brief
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.index.choice import INDEXES
from placeprint.gallery.model_hint import model_file_of
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.presets import Preset
from placeprint.records import ModelSpec
from placeprint.storage import published
from placeprint.storage.data_folder import DataFolder
from placeprint.storage.json_records import record_from

FORMAT, SHORTENED = 3, 4
"""The second is the first without some of its rows."""
HEAD, KIND = "gallery.json", "placeprint gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What of a head JSON has words for; see `GalleryHead`."""

    rows: int
    roots: tuple[str, ...]
    index: str
    places: int
    parts: tuple[str, ...]
    learned: tuple[str, ...]
    removed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryHead(_Plain):
    """What a gallery says of itself.

    Attributes
    ----------
    spec : ModelSpec
    preset : Preset
    rows, places : int
        Images in the files, and combinations of places.
    removed : tuple of int
        Rows that are in the files and not in the gallery any more, because the disk was full.
    roots : tuple of str
    index : str
    parts : tuple of str
        What is kept of each image besides its vector.
    learned : tuple of str
        Names of the arrays that the model learned.
    calibration : Calibration or None
    positions : PositionEvidence or None
    audit : Audit or None
    model_file : Path or None
        See `placeprint.gallery.model_hint`.
    data : DataFolder
    """

    spec: ModelSpec
    preset: Preset
    calibration: Calibration | None
    positions: PositionEvidence | None
    audit: Audit | None
    model_file: Path | None
    data: DataFolder

    @property
    def state(self) -> str:
        """What tells one state of the images from every other."""
        return f"{self.data.name}-{len(self.removed)}" if self.removed else self.data.name


def read_head(path: Path) -> GalleryHead:
    """Read the head of the gallery in a folder.

    Raises
    ------
    GalleryNotFoundError, GalleryCorruptError
        When it is not there, or was changed since it was written.
    GalleryFormatError
        When another release wrote it, or something else did that names what no gallery has.
    """
    head = published.read_head(path, HEAD)
    if (said := head.get("format")) not in (FORMAT, SHORTENED):
        newer = isinstance(said, int) and said > SHORTENED
        advice = "upgrade placeprint" if newer else "build the gallery again"
        raise GalleryFormatError(f'"{path}" has format {said!a:.40}, this release reads {SHORTENED}: {advice}')
    try:
        return _head_of(path, head)
    except GalleryFormatError as error:
        raise GalleryFormatError(f'"{path / HEAD}" is not the head of a gallery: {in_brief(error)}') from error
    except (ModelError, UsageError, TypeError, ValueError) as error:
        raise GalleryFormatError(
            f'"{path / HEAD}" is not the head of a gallery that this release can read '
            f"({in_brief(error)}): build it again"
        ) from error


def _head_of(path: Path, head: Mapping[str, Any]) -> GalleryHead:
    plain = record_from(_Plain, {name: head[name] for name in _Plain.__slots__ if name in head})
    spec = ModelSpec.from_dict(_table(head, "model"))
    if plain.rows < 0 or not 0 <= plain.places <= plain.rows:
        raise ValueError(f"rows are {plain.rows}, places {plain.places}")
    if not plain.roots:
        raise ValueError("it has no roots")
    if bool(plain.removed) != (head["format"] == SHORTENED):
        raise ValueError("its format is that of a gallery with rows that were removed, or it has some and is not")
    if not all(one < next_one for one, next_one in pairwise((-1, *plain.removed, plain.rows))):
        raise ValueError("rows that were removed are none of its rows, or not in order")
    if plain.index not in INDEXES:
        raise ValueError(f"its index is none of {', '.join(INDEXES)}")
    if set(plain.parts) != spec.parts or len(set(plain.parts)) != len(plain.parts):
        raise ValueError("its parts are not those of its model")
    if head.get("fingerprint") != spec.fingerprint():
        raise ValueError("its fingerprint is not that of its model")
    return GalleryHead(
        spec=spec,
        preset=Preset.from_dict(_table(head, "preset")),
        **{name: getattr(plain, name) for name in _Plain.__slots__},
        calibration=Calibration.from_dict(_table(head, "calibration")) if "calibration" in head else None,
        positions=PositionEvidence.from_dict(_table(head, "positions")) if "positions" in head else None,
        audit=Audit.from_dict(_table(head, "audit")) if head.get("audit") else None,
        model_file=model_file_of(head.get("model_file"), path),
        data=DataFolder.of(path, head),
    )


def _table(head: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(said := head.get(name), dict):
        raise TypeError(f"{name} is not a table")
    return said
