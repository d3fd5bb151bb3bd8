"""The codes in which parts of images are kept: learned once, from rendered images, and shipped with the package.

A gallery's head names them. A name means the same centres for ever: what is learned anew gets a new name, and the old
centres stay in ``part_codes.npz`` as long as galleries may have them. See tools/learn_part_codes.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryFormatError, VectorError
from placeprint.presets import Preset
from placeprint.records import ModelSpec
from placeprint.storage.arrays import read_archive
from placeprint.storage.cell_blocks import CellBlocks
from placeprint.storage.coded_rows import PartCode
from placeprint.storage.product_code import ProductCode
from placeprint.storage.ragged import Ragged, RaggedWriter, coded_by, read_by
from placeprint.storage.thinned import Thinned

FILE = Path(__file__).with_name("part_codes.npz")
KINDS = {"cells": np.dtype(np.int8), "xfeat": np.dtype(np.uint8)}
POSITIONS = {"cells": 0, "xfeat": 2}
BYTES = {"cells": "cell_bytes", "xfeat": "point_bytes"}
MOST = {"cells": "kept_cells", "xfeat": "kept_points"}
"""The preset's settings for each kind of parts."""
_NAME = re.compile(r"((cells|xfeat)-\d+-[a-z]+)(?:-([1-9]\d{0,9}))?")
"""Of a code: of which kind, in how many bytes, which centres; and the most rows of an image, where not all are kept."""
NEWEST = {
    ("cells", 8): "cells-8-a",
    ("cells", 28): "cells-28-a",
    ("cells", 56): "cells-56-a",
    ("xfeat", 19): "xfeat-19-a",
}
"""What new galleries get, by kind and bytes of a row."""

Codes = Mapping[str, str]
"""The code of each kind of parts that is not kept as it is, by name."""


def codes_for(spec: ModelSpec, preset: Preset) -> dict[str, str]:
    """Return the codes of a new gallery: those that its preset asks for, where they fit the model's parts."""
    found = {kind: NEWEST.get((kind, getattr(preset, BYTES[kind]))) for kind in spec.parts}
    coded = {kind: name for kind, name in found.items() if name and _fits(kind, name, spec)}
    return {kind: f"{name}-{most}" if (most := getattr(preset, MOST[kind])) else name for kind, name in coded.items()}


def _fits(kind: str, name: str, spec: ModelSpec) -> bool:
    """Cells are those of one model: the codes were learned from it."""
    return kind != "cells" or _archive()[f"{name}.weights"].tobytes().decode("ascii") == spec.weights_sha256


def kinds_and_codes(said: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the kinds of parts that a head names, each by itself or by its code, and the codes.

    Raises `GalleryFormatError` for a code that this release does not know.
    """
    codes = {name.partition("-")[0]: name for name in said if "-" in name}
    for kind, name in codes.items():
        code_named(kind, name)
    return tuple(name.partition("-")[0] for name in said), codes


def code_named(kind: str, name: str) -> PartCode:
    """Return a code. Raises `GalleryFormatError` when this release does not know it."""
    found, known = _NAME.fullmatch(name), _archive()
    squares = found is not None and f"{found[1]}.side" in known
    if not found or found[2] != kind or f"{found[1]}.centres" not in known or (squares and found[3]):
        raise GalleryFormatError(
            f"its {kind} are kept in code {name!a:.40}, which this release does not know: upgrade placeprint"
        )
    return _code(kind, name, found[1], int(found[3] or 0))


def _code_of(kind: str, codes: Codes) -> PartCode | None:
    return code_named(kind, codes[kind]) if kind in codes else None


@cache
def _code(kind: str, name: str, whole: str, most: int) -> PartCode:
    archive = _archive()
    rotation, side = archive.get(f"{whole}.rotation"), archive.get(f"{whole}.side")
    if rotation is not None and side is not None:  # signed bytes, a quarter as large: axes have the length 1
        rotation = rotation.astype(np.float32) / np.linalg.norm(rotation.astype(np.float32), axis=0)
    rows = ProductCode(name, archive[f"{whole}.centres"], KINDS[kind], rotation, POSITIONS[kind])
    if side is not None:
        return CellBlocks(name, rows, int(side[0]))
    return Thinned(name, rows, most) if most else rows


@cache
def _archive() -> Mapping[str, Any]:
    return read_archive(FILE.read_bytes())


def encoded(parts: Mapping[str, Ragged], codes: Codes) -> dict[str, Ragged]:
    """Return parts as a gallery with these codes keeps them; those that are coded already stay as they are."""
    named = {kind: _code_of(kind, codes) for kind in parts}
    return {kind: _encoded(kept, code) if (code := named[kind]) else kept for kind, kept in parts.items()}


def decoded(parts: Mapping[str, Ragged], codes: Codes) -> dict[str, Ragged]:
    """Return the parts of which these are kept: what is coded is decoded when it is read.

    Raises `ValueError` when it is kept in no such code.
    """
    named = {kind: _code_of(kind, codes) for kind in parts}
    return {kind: read_by(code, kept) if (code := named[kind]) else kept for kind, kept in parts.items()}


def as_kept(part: NDArray[Any], kind: str, codes: Codes) -> NDArray[Any]:
    """Return what a gallery with these codes keeps of a part that it has, where older ones may be as they are."""
    code = _code_of(kind, codes)
    return part if code is None or part.shape[-1] != code.depth else code.encoded(part)


def as_read(part: NDArray[Any], kind: str, codes: Codes) -> NDArray[Any]:
    """Return the part of which this is kept; one that is kept as it is stays so."""
    code = _code_of(kind, codes)
    return part if code is None or part.shape[-1] != code.bytes else code.decoded(part)


def _encoded(kept: Ragged, code: PartCode) -> Ragged:
    if coded_by(code, kept):
        return kept
    if not len(kept):
        return read_by(code, Ragged((np.empty((0, code.bytes), np.uint8),), np.empty((0, 4), np.int64)))
    writer = RaggedWriter()
    for part in kept:
        if part.shape[2] != code.depth:
            raise VectorError(f"code {code.name} is of {code.depth} numbers and there are parts of {part.shape[2]}")
        writer.append(code.encoded(part))
    return read_by(code, writer.done())
