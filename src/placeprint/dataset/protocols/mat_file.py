"""MATLAB files of versions 5 to 7.2, looked through before they are read.

SciPy makes room for as many cells as a header says and descends as deep as the file goes, until its stack is full.
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from placeprint.dataset.protocols.found import read_file
from placeprint.errors import DatasetError
from placeprint.extras import require

_MOST, _MOST_UNPACKED = 1 << 26, 1 << 28
"""Bytes of a file, and of what it unpacks to: the largest of the field has 10 MB."""
_MOST_ARRAYS, _MOST_CELLS, _MOST_PARTS = 256, 1 << 22, 1 << 23
"""Arrays that hold arrays, what these may hold together, and parts of a file: Pitts250k has 300,000 names."""
_HEADER, _TAG, _FLAGS = 128, 8, 16
_MATRIX, _COMPRESSED, _WHOLE = 14, 15, 5
_OF_ARRAYS = (1, 2, 3, 16, 17)
"""Classes of cells, structs, objects, functions and what is opaque."""


def load_mat(path: Path) -> Any:
    """Read a MATLAB file, which holds arrays and no code. Raises `DatasetError` or `MissingExtraError`."""
    data = read_file(path, _MOST)
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data[:10] == b"MATLAB 7.3":
        raise DatasetError(f'"{path}" is a MATLAB 7.3 file: save it again with -v7')
    try:
        fault = _fault(data)
    except (struct.error, zlib.error) as error:
        raise DatasetError(f'"{path}" is a damaged MATLAB file') from error
    if fault:
        raise DatasetError(f'"{path}" {fault}')
    reader = require("scipy.io", extra="mat", what=f"reading {path.name}")
    try:
        return reader.loadmat(io.BytesIO(data))
    except Exception as error:  # SciPy has no one error for a damaged file
        raise DatasetError(f'"{path}" cannot be read as a MATLAB file') from error


def _fault(data: bytes) -> str:
    """Return why a file is not read; nothing where it is."""
    if data[126:128] not in (b"IM", b"MI"):
        return "is no MATLAB file of version 5 to 7.2: save it again with -v7"
    order = "<" if data[126:128] == b"IM" else ">"
    arrays = cells = parts = left = 0
    left = _MOST_UNPACKED
    at = _HEADER
    while at + _TAG <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        packed = kind == _COMPRESSED
        body = zlib.decompressobj().decompress(data[at + _TAG : at + _TAG + size], left + 1) if packed else data[at:]
        left -= len(body) if packed else 0
        if left < 0:
            return f"unpacks to more than {_MOST_UNPACKED} bytes"
        for held in _held(body, order):
            arrays, cells, parts = arrays + (held > 0), cells + max(held, 0), parts + 1
            if arrays > _MOST_ARRAYS or cells > _MOST_CELLS or parts > _MOST_PARTS:
                return f"has more than {_MOST_ARRAYS} arrays of arrays, or more than {_MOST_CELLS} arrays in them"
        if not packed:  # the rest was looked through with it
            break
        at += _TAG + size
    return ""


def _held(data: bytes, order: str) -> Iterator[int]:
    """Yield of each part, in the order in which SciPy reads them, how many arrays it holds: -1 for none."""
    at, of_arrays = 0, False
    while at + _TAG <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind == _MATRIX:
            of_arrays = size > 0 and struct.unpack_from(f"{order}I", data, at + 2 * _TAG)[0] & 0xFF in _OF_ARRAYS
            at += _TAG + (_FLAGS if size else 0)
            yield -1
            continue
        small = kind >> 16
        kind, start, size = (kind & 0xFFFF, at + 4, min(small, 4)) if small else (kind, at + _TAG, size)
        if of_arrays and kind == _WHOLE:
            sides = struct.unpack_from(f"{order}{size // 4}I", data, start)
            yield max(math.prod(sides), 1)
        else:
            yield -1
        of_arrays = False
        at = at + _TAG if small else start + size + -size % 8
