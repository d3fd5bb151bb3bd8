"""MATLAB files: NetVLAD's ``dbStruct``, and what any reader needs of the format."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from placeprint.dataset.protocols.found import Found, below, read_file
from placeprint.dataset.protocols.protocol import Form, Protocol
from placeprint.errors import DatasetError
from placeprint.extras import require
from placeprint.records import ImageRecord, Split

_MOST, _MOST_INFLATED = 1 << 26, 1 << 30
"""Bytes of a file, and of what it unpacks to: the largest of the field has 10 MB."""
_HEADER, _TAG, _COMPRESSED = 128, 8, 15
_SUFFIXES = (".jpg", ".png")


def read_struct(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:  # noqa: ARG001 - as all readers
    """Read names and UTM positions of gallery and queries from ``dbStruct``.

    Its fields by their order, as every reader takes them: which set, gallery names, gallery positions, query names,
    query positions. The zone is not named; all of one set are in one.
    """
    path = root / inside / form.table
    try:
        fields = load_mat(path)["dbStruct"].item()
        sides = ((fields[1], fields[2], form.gallery, Split.GALLERY), (fields[3], fields[4], form.queries, Split.QUERY))
        records = []
        for names, positions, folder, split in sides:
            ending = _ending(root / inside / folder, str(names[0][0].item()))
            for name, (east, north) in zip(names, positions.T.tolist(), strict=True):
                there = below(inside, folder, _renamed(str(name[0].item()), ending))
                records.append(ImageRecord(path=there, split=split, easting=float(east), northing=float(north)))
    except DatasetError:
        raise
    except Exception as error:  # whatever a strange structure makes of being asked
        raise DatasetError(f'"{path}" has no dbStruct of names and positions as NetVLAD publishes it') from error
    return Found.of(records)


def load_mat(path: Path) -> Any:
    """Read a MATLAB file of version 5 to 7.2, which holds arrays and no code.

    Raises
    ------
    DatasetError, MissingExtraError
    """
    data = read_file(path, _MOST)
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data[:10] == b"MATLAB 7.3":
        raise DatasetError(f'"{path}" is a MATLAB 7.3 file: save it again with -v7')
    _refuse_bomb(path, data)
    reader = require("scipy.io", extra="mat", what=f"reading {path.name}")
    try:
        return reader.loadmat(io.BytesIO(data))
    except Exception as error:  # SciPy has no one error for a damaged file
        raise DatasetError(f'"{path}" is no MATLAB file that can be read') from error


def _refuse_bomb(path: Path, data: bytes) -> None:
    """Refuse a file whose packed parts unpack to more than `_MOST_INFLATED` bytes."""
    at, left = _HEADER, _MOST_INFLATED
    while at + _TAG <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == _COMPRESSED:
            packed, unpack = data[at + _TAG : at + _TAG + size], zlib.decompressobj()
            try:
                while packed and left > 0:
                    left -= len(unpack.decompress(packed, min(left, 1 << 22)))
                    packed = unpack.unconsumed_tail
            except zlib.error as error:
                raise DatasetError(f'"{path}" is a damaged MATLAB file') from error
            if left <= 0:
                raise DatasetError(f'"{path}" unpacks to more than {_MOST_INFLATED} bytes')
        at += _TAG + size


def _ending(folder: Path, first: str) -> str:
    """Return the suffix of the first image as it is on disk; archives were packed anew as PNG."""
    stem = first.rpartition(".")[0]
    return next((s for s in _SUFFIXES if (folder / f"{stem}{s}").is_file()), Path(first).suffix)


def _renamed(name: str, ending: str) -> str:
    return name.rpartition(".")[0] + ending
