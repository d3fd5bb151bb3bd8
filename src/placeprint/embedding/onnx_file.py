"""A look into an ONNX file without running it or any library: whether all of its weights are inside.

An ONNX file may keep weights in other files, named by paths of its choice. Then the checksum of the file says nothing
about them, and a hostile file may point to any place of the disk. Such files are refused.

The file is a protocol buffer: fields of a number, a kind and a value, where a value may be fields again. Only the
fields in which a tensor can be are followed.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from placeprint.errors import ModelError

_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
_DEEPEST = 100
_LOCATION, _EXTERNAL = 14, 1


def refuse_outside_weights(path: Path) -> None:
    """Refuse an ONNX file that keeps weights in other files.

    Raises
    ------
    ModelError
        When it does, or when it is not a protocol buffer.
    """
    if not path.stat().st_size:
        raise ModelError(f'placeprint cannot run "{path}": the file is empty')
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            named = _outside(data, 0, len(data), "model", 0)
    except (ValueError, IndexError) as error:
        raise ModelError(f'placeprint cannot run "{path}": it is no ONNX file, or a damaged one') from error
    if named is not None:
        raise ModelError(
            f'the model "{path}" keeps weights in another file ("{named}"), which no checksum covers: save it as one '
            "file, with onnx.save_model(onnx.load(path), path, save_as_external_data=False)"
        )


def _outside(data: mmap.mmap, begin: int, end: int, kind: str, depth: int) -> str | None:
    """Return the first path at which weights lie outside, or None."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    for number, value in _fields(data, begin, end):
        if kind == "tensor" and number == _LOCATION and value == _EXTERNAL:
            return "not named"
        inside = _INSIDE[kind].get(number)
        if inside is None or isinstance(value, int):
            continue
        named = _path(data, *value) if inside == "entry" else _outside(data, *value, inside, depth + 1)
        if named is not None:
            return named
    return None


def _path(data: mmap.mmap, begin: int, end: int) -> str | None:
    """Return the value of an entry (key, value) of the list of outside data."""
    found = {number: data[slice(*value)] for number, value in _fields(data, begin, end) if not isinstance(value, int)}
    return found.get(2, b"").decode("utf-8", "replace") if found.get(1) == b"location" else None


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """Yield number and value of each field: a whole number, or where bytes begin and end."""
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind not in (1, 2, 5) or not number:
            raise ValueError("no such kind of field")
        size, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
        if at + size > end:
            raise ValueError("a field is longer than what it is in")
        yield number, (at, at + size)
        at += size


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Read a whole number of up to ten bytes; return it, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number has no end")
