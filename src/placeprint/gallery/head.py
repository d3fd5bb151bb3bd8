"""The head of a gallery, ``gallery.json``: the one reader, which believes no name, no type and no number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.errors import GalleryFormatError, ModelError, UsageError, in_brief
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.index.choice import INDEXES
from placeprint.gallery.model_hint import model_file_of
from placeprint.gallery.part_codes import Codes, kinds_and_codes
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.segments import Segment
from placeprint.presets import Preset
from placeprint.records import ModelSpec
from placeprint.storage import published
from placeprint.storage.data_folder import DataFolder
from placeprint.storage.json_records import record_from

FORMAT, OLDEST = 5, 3
"""Galleries of format 3 have one segment, those of 4 without some of its rows: they are read as such."""
HEAD, KIND = "gallery.json", "placeprint gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What of a head JSON has words for; see `GalleryHead`."""

    roots: tuple[str, ...]
    index: str
    parts: tuple[str, ...]
    learned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Counts:
    """What a head says of a segment beside its files; see `placeprint.gallery.segments.Segment`."""

    rows: int
    places: int
    removed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryHead(_Plain):
    """What a gallery says of itself.

    `parts`: What is kept of each image besides its vector; in the file the name of its code, where it has one.
    `learned`: Names of the arrays that the model learned.
    """

    spec: ModelSpec
    preset: Preset
    codes: Codes  # The code of each kind of parts that is not kept as it is; see `placeprint.gallery.part_codes`.
    calibration: Calibration | None
    positions: PositionEvidence | None
    audit: Audit | None
    model_file: Path | None  # See `placeprint.gallery.model_hint`.
    segments: tuple[Segment, ...]  # One at least; what is kept of no image by itself lies in the first.

    @property
    def rows(self) -> int:
        """How many images are in the gallery."""
        return sum(map(len, self.segments))

    @property
    def state(self) -> str:
        """What tells one state of the images from every other."""
        first, *more = self.segments
        if not more and not first.removed:
            return first.data.name
        names = [segment.data.name + str(segment.removed or "") for segment in self.segments]
        return hashlib.sha256(" ".join(names).encode()).hexdigest()


def read_head(path: Path) -> GalleryHead:
    """Read the head of the gallery in a folder.

    Raises `GalleryNotFoundError` or `GalleryCorruptError` when it is not there, or was changed since it was written;
    `GalleryFormatError` when another release wrote it, or something else did that names what no gallery has.
    """
    head = published.read_head(path, HEAD)
    if (said := head.get("format")) not in range(OLDEST, FORMAT + 1):
        newer = isinstance(said, int) and said > FORMAT
        advice = "upgrade placeprint" if newer else "build the gallery again"
        raise GalleryFormatError(f'"{path}" has format {said!a:.40}, this release reads {FORMAT}: {advice}')
    try:
        return _head_of(path, head)
    except GalleryFormatError as error:
        raise GalleryFormatError(f'"{path / HEAD}" is not the head of a gallery: {in_brief(error)}') from error
    except (ModelError, UsageError, TypeError, ValueError) as error:
        raise GalleryFormatError(
            f'"{path / HEAD}" is not the head of a gallery that this release can read '
            f"({in_brief(error)}): build it again"
        ) from error


def listed_bytes(path: Path, head: GalleryHead) -> int:
    """Return the bytes of a gallery's head and of all files that it lists."""
    files = (size for segment in head.segments for size, _ in segment.data.files.values())
    return sum(files) + (path / HEAD).stat().st_size


def _head_of(path: Path, head: Mapping[str, Any]) -> GalleryHead:
    plain = record_from(_Plain, {name: head[name] for name in _Plain.__slots__ if name in head})
    spec, preset = ModelSpec.from_dict(_table(head, "model")), Preset.from_dict(_table(head, "preset"))
    if not plain.roots:
        raise ValueError("it has no roots")
    if plain.index not in INDEXES:
        raise ValueError(f"its index is none of {', '.join(INDEXES)}")
    kinds, codes = kinds_and_codes(plain.parts)
    if set(kinds) != spec.parts or len(set(kinds)) != len(kinds):
        raise ValueError("its parts are not those of its model")
    if head.get("fingerprint") != spec.fingerprint():
        raise ValueError("its fingerprint is not that of its model")
    return GalleryHead(
        spec=spec,
        preset=preset,
        **{name: getattr(plain, name) for name in _Plain.__slots__} | {"parts": kinds},
        codes=codes,
        calibration=Calibration.from_dict(_table(head, "calibration"), preset.evidence(spec.parts))
        if "calibration" in head
        else None,
        positions=PositionEvidence.from_dict(_table(head, "positions")) if "positions" in head else None,
        audit=Audit.from_dict(_table(head, "audit")) if head.get("audit") else None,
        model_file=model_file_of(head.get("model_file"), path),
        segments=_segments(path, head[published.SEGMENTS]),
    )


def _segments(path: Path, entries: Sequence[Mapping[str, Any]]) -> tuple[Segment, ...]:
    if not entries or len({entry["data"] for entry in entries}) < len(entries):
        raise ValueError("it has no segments, or one twice")
    found = []
    for entry in entries:
        counts = record_from(_Counts, {name: entry[name] for name in _Counts.__slots__ if name in entry})
        found.append(Segment(DataFolder.of(path, entry), counts.rows, counts.places, counts.removed))
    return tuple(found)


def _table(head: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(said := head.get(name), dict):
        raise TypeError(f"{name} is not a table")
    return said
