"""The head of a gallery in Milvus: model, preset, roots, calibration, format.

A second, small collection ``NAME_head`` holds it: Milvus cannot change a collection's description, and a calibration
changes. One row is the head, replaced by one upsert; what does not fit into one string lies in rows of its own that
the head names.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError, GalleryFormatError, ModelError, in_brief
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.files import Content, failure_lines, failures_of
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.milvus.address import Address
from placeprint.gallery.milvus.archives import packed, unpacked
from placeprint.gallery.milvus.index_settings import STORE_INDEXES
from placeprint.gallery.model_hint import model_file_of
from placeprint.gallery.part_codes import Codes, kinds_and_codes
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.table import RecordTable
from placeprint.presets import FAST, Preset
from placeprint.records import FailedImage, ModelSpec
from placeprint.storage.json_records import record_from
from placeprint.storage.ragged import Ragged

FORMAT, PLAIN = 3, 2
"""The second keeps all parts of images as they are."""
KIND = "placeprint gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The facts about a gallery, but for its images."""

    spec: ModelSpec
    preset: Preset = FAST
    index_name: str = "auto"  # What was asked for, see `placeprint.gallery.milvus.index_settings.STORE_INDEXES`.
    roots: tuple[str, ...] = (".",)
    end: int = 0  # Every image's number is below it.
    # Numbers below `end` that no image has, ascending.
    holes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    writing: bool = False  # True from the beginning of a change to its end: an interrupted one leaves it.
    failures: tuple[FailedImage, ...] = ()
    calibration: Calibration | None = None
    positions: PositionEvidence | None = None
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    audit: Mapping[str, Any] | None = None
    # Where the model's file was on the machine that wrote last, when its name does not find it.
    model_file: Path | None = None
    state: str = ""  # Another one after every change of the images; empty where an older release wrote it.
    # The code of each kind of parts that is not kept as it is; see `placeprint.gallery.part_codes`.
    codes: Codes = field(default_factory=dict)

    def changed(self) -> Head:
        """Return the head of changed images."""
        return dataclasses.replace(self, state=secrets.token_hex(8))

    def learned_before(self, images: int) -> Head:
        """Return the head whose decisions were learned before so many images changed."""
        calibration, positions = self.calibration, self.positions
        return dataclasses.replace(
            self, calibration=calibration and calibration.after(images), positions=positions and positions.after(images)
        )

    def with_root(self, root: str) -> tuple[tuple[str, ...], int]:
        """Return the roots with this one among them, and its number."""
        roots = self.roots if root in self.roots else (*self.roots, root)
        return roots, roots.index(root)

    def content(self, records: RecordTable, vectors: ChunkedVectors, parts: Mapping[str, Ragged]) -> Content:
        """Return the content of a gallery here that has these of its images, and is searched exactly."""
        return Content(
            records,
            vectors,
            self.spec,
            index_name="exact",
            roots=self.roots,
            calibration=self.calibration,
            preset=self.preset,
            parts=parts,
            learned=self.learned,
            position_evidence=self.positions,
            codes=self.codes,
        )


def values_of(head: Head) -> dict[str, Any]:
    """Return the short values, ready for JSON."""
    return {
        "kind": KIND,
        "format": FORMAT if head.codes else PLAIN,
        "model": head.spec.to_dict(),
        "fingerprint": head.spec.fingerprint(),
        "preset": head.preset.to_dict(),
        "index": head.index_name,
        "end": head.end,
        "writing": head.writing,
        "calibration": head.calibration.to_dict() if head.calibration else None,
        "audit": head.audit,
        "model_file": None if head.model_file is None else str(head.model_file),
        "state": head.state,
        "parts": [head.codes.get(kind, kind) for kind in sorted(head.spec.parts)],
    }


def blobs_of(head: Head) -> dict[str, str]:
    """Return the values that may be long, as text by name."""
    return {
        "roots": json.dumps(head.roots),
        "failures": failure_lines(head.failures).decode(),
        "holes": packed({"holes": head.holes}) if len(head.holes) else "",
        "learned": packed(head.learned) if head.learned else "",
        "positions": json.dumps(head.positions.to_dict()) if head.positions else "",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """The values that JSON has types for."""

    index: str
    end: int
    writing: bool
    state: str = ""
    parts: tuple[str, ...] = ()
    blobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """The row of a head, with only its outermost values checked."""

    values: Mapping[str, Any]
    blobs: Mapping[str, tuple[str, ...]]  # Names of the rows that hold what is long, by what it is.

    @property
    def rows(self) -> list[str]:
        """Names of all rows it refers to."""
        return [row for rows in self.blobs.values() for row in rows]

    def head(self, texts: Mapping[str, str], address: Address) -> Head:
        """Return the head, given the texts of those rows; raises as `head_of`."""
        blobs = {name: "".join(texts[row] for row in rows) for name, rows in self.blobs.items()}
        return head_of(self.values, blobs, address)


def said_in(text: str, address: Address) -> Said:
    """Parse the row of a head.

    Raises `GalleryCorruptError` or `GalleryFormatError` when it cannot be read; when something else wrote it, or
    another release.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GalleryCorruptError(
            f"the head of {address} cannot be read ({in_brief(error)}): index it again"
        ) from error
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise GalleryFormatError(f"{address} is a collection that placeprint did not make")
    if values.get("format") not in (FORMAT, PLAIN):
        raise GalleryFormatError(
            f"{address} has format {values.get('format')!a:.40}, this release reads {FORMAT}: upgrade placeprint, or "
            "index it again"
        )
    with _refusals_told(address):
        return Said(values, _plain(values).blobs)


def head_of(values: Mapping[str, Any], blobs: Mapping[str, str], address: object = "the gallery") -> Head:
    """Return the head that `values_of` and `blobs_of` wrote.

    Raises `GalleryCorruptError` or `GalleryFormatError` when something else wrote them: no name, no type and no number
    is believed.
    """
    with _refusals_told(address):
        return _head_of(values, blobs)


def _head_of(values: Mapping[str, Any], blobs: Mapping[str, str]) -> Head:
    plain = _plain(values)
    holes = unpacked(blobs.get("holes", "")).get("holes", np.empty(0, np.int64))
    if holes.dtype != np.int64 or holes.ndim != 1 or np.any((holes < 0) | (holes >= plain.end)):
        raise ValueError("its holes are no numbers of images")
    if np.any(np.diff(holes) <= 0):
        raise ValueError("its holes are in no order")
    audit = values.get("audit")
    if audit is not None:
        Audit.from_dict(_table(values, "audit"))
    spec, preset = ModelSpec.from_dict(_table(values, "model")), Preset.from_dict(_table(values, "preset"))
    kinds, codes = kinds_and_codes(plain.parts or sorted(spec.parts))  # an older release did not say them
    if set(kinds) != spec.parts:
        raise ValueError("its parts are not those of its model")
    return Head(
        spec=spec,
        preset=preset,
        index_name=plain.index,
        roots=_roots(blobs.get("roots", "")),
        end=plain.end,
        holes=holes,
        writing=plain.writing,
        failures=failures_of(blobs.get("failures", "").encode("utf-8", "replace")),
        calibration=Calibration.from_dict(_table(values, "calibration"), preset.evidence(spec.parts))
        if values.get("calibration")
        else None,
        positions=_positions(blobs.get("positions", "")),
        learned=unpacked(blobs.get("learned", "")),
        audit=audit,
        model_file=model_file_of(values.get("model_file")),
        state=plain.state,
        codes=codes,
    )


def _plain(values: Mapping[str, Any]) -> _Plain:
    plain = record_from(_Plain, {name: values[name] for name in _Plain.__slots__ if name in values})
    if plain.end < 0:
        raise ValueError(f"end is {plain.end}")
    if plain.index not in STORE_INDEXES:
        raise ValueError(f"its index is none of {', '.join(STORE_INDEXES)}")
    return plain


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(said := values.get(name), Mapping):
        raise TypeError(f"{name} is not a table")
    return said


def _roots(text: str) -> tuple[str, ...]:
    roots = json.loads(text)
    if not isinstance(roots, list) or not roots or not all(isinstance(root, str) for root in roots):
        raise ValueError("its roots are no list of folders")
    return tuple(roots)


def _positions(text: str) -> PositionEvidence | None:
    return PositionEvidence.from_dict(_table({"positions": json.loads(text)}, "positions")) if text else None


@contextmanager
def _refusals_told(address: object) -> Iterator[None]:
    """Turn every error that a foreign head may cause into a `GalleryFormatError`."""
    try:
        yield
    except (ModelError, TypeError, ValueError, RecursionError) as error:
        raise GalleryFormatError(
            f"{address} has a head that this release cannot read ({in_brief(error)}): index it again"
        ) from error
