"""What a gallery in Milvus says of itself: model, preset, roots, calibration, format.

A second, small collection ``NAME_head`` holds it: Milvus cannot change a collection's description, and a calibration
changes. One row is the head, replaced by one upsert; what does not fit into one string lies in rows of its own that
the head names.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import read_archive
from placeprint.errors import GalleryCorruptError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.files import failure_lines, failures_of
from placeprint.gallery.hints import model_file_of
from placeprint.presets import FAST, Preset
from placeprint.records import FailedImage, ModelSpec

FORMAT = 2
KIND = "placeprint gallery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a gallery says of itself.

    Attributes
    ----------
    spec : ModelSpec
    preset : Preset
    index_name : str
        What was asked for, see `placeprint.gallery.milvus_indexing.STORE_INDEXES`.
    roots : tuple of str
    end : int
        Every image's number is below it.
    holes : ndarray of int64
        Numbers below `end` that no image has, ascending.
    writing : bool
        True from the beginning of a change to its end: an interrupted one leaves it.
    failures : tuple of FailedImage
    calibration : Calibration or None
    learned : mapping of str to ndarray
    audit : mapping, optional
    model_file : Path or None
        Where the model's file was on the machine that wrote last, when its name does not find it.
    state : str
        Another one after every change of the images; empty where an older release wrote it.
    """

    spec: ModelSpec
    preset: Preset = FAST
    index_name: str = "auto"
    roots: tuple[str, ...] = (".",)
    end: int = 0
    holes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    writing: bool = False
    failures: tuple[FailedImage, ...] = ()
    calibration: Calibration | None = None
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    audit: Mapping[str, Any] | None = None
    model_file: Path | None = None
    state: str = ""

    def changed(self) -> Head:
        """Return the head of changed images."""
        return dataclasses.replace(self, state=secrets.token_hex(8))

    def with_root(self, root: str) -> tuple[tuple[str, ...], int]:
        """Return the roots with this one among them, and its number."""
        roots = self.roots if root in self.roots else (*self.roots, root)
        return roots, roots.index(root)


def values_of(head: Head) -> dict[str, Any]:
    """Return what fits into one string, ready for JSON."""
    return {
        "kind": KIND,
        "format": FORMAT,
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
    }


def blobs_of(head: Head) -> dict[str, str]:
    """Return what may be long, as text by name."""
    return {
        "roots": json.dumps(head.roots),
        "failures": failure_lines(head.failures).decode(),
        "holes": _packed({"holes": head.holes}) if len(head.holes) else "",
        "learned": _packed(head.learned) if head.learned else "",
    }


def head_of(values: Mapping[str, Any], blobs: Mapping[str, str]) -> Head:
    """Return the head that `values_of` and `blobs_of` wrote."""
    learned = _unpacked(blobs.get("learned", ""))
    holes = _unpacked(blobs.get("holes", "")).get("holes", np.empty(0, np.int64))
    return Head(
        spec=ModelSpec.from_dict(values["model"]),
        preset=Preset.from_dict(values["preset"]),
        index_name=values["index"],
        roots=tuple(json.loads(blobs["roots"])),
        end=values["end"],
        holes=holes,
        writing=values["writing"],
        failures=failures_of(blobs.get("failures", "").encode()),
        calibration=Calibration.from_dict(values["calibration"]) if values["calibration"] else None,
        learned=learned,
        audit=values["audit"],
        model_file=model_file_of(values.get("model_file")),
        state=values.get("state", ""),
    )


def _packed(arrays: Mapping[str, NDArray[Any]]) -> str:
    file = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, **named)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _unpacked(text: str) -> dict[str, NDArray[Any]]:
    if not text:
        return {}
    try:
        return dict(read_archive(base64.b64decode(text)))
    except ValueError as error:
        raise GalleryCorruptError(f"what the gallery's head keeps of arrays cannot be read ({error})") from error
