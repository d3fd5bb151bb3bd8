"""Whether an ONNX file holds all that it needs, found without running it and without any library.

An ONNX file may keep weights in other files, named by paths of its choice. Then the checksum of the file says nothing
about them, and a hostile file may point to any place of the disk. Such files are refused, and what is run are the bytes
that were looked at.

The file is a protocol buffer: fields of a number, a kind and a value, where a value may be fields again. Only the
fields in which a tensor can be are followed. Numbers are read as the runtimes read them: tags and
enumerations are cut to 32 bits. What they may read in two ways (groups, numbers that are too long) is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from placeprint.errors import ModelError
from placeprint.storage.regular_files import TooLargeError, read_regular

LARGEST = 1 << 31
"""Bytes of an ONNX file that keeps its weights inside: a protocol buffer has no more."""
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
_DEEPEST, _MOST = 100, 1_000_000
"""How deep messages lie in each other, as protocol buffers have it, and how many fields are looked at."""
_LOCATION, _EXTERNAL = 14, 1
_OPERATION, _CONTEXT = 4, b"EPContext"
"""The operation of a node, and the one of ONNX Runtime that reads a file."""
_WORD, _LONG, _SIZE = (1 << 32) - 1, (1 << 64) - 1, (1 << 31) - 1


def refuse_outside_weights(path: Path, data: bytes) -> None:
    """Refuse an ONNX file that keeps weights in other files.

    Parameters
    ----------
    path : Path
        For the message.
    data : bytes
        What was read of it.

    Raises
    ------
    ModelError
        When it does, or when it is not a protocol buffer.
    """
    if not data:
        raise ModelError(f'placeprint cannot run "{path}": the file is empty')
    try:
        named = _Look(data).outside(0, len(data), "model", 0)
    except (ValueError, IndexError) as error:
        raise ModelError(f'placeprint cannot run "{path}": it is not an ONNX file, or it is damaged') from error
    if named is not None:
        raise ModelError(
            f'the model "{path}" keeps weights in another file ("{named[:200]}"), which no checksum covers: save it as '
            "one file, with onnx.save_model(onnx.load(path), path, save_as_external_data=False)"
        )


def read_onnx(path: Path) -> bytes:
    """Return the bytes of what may be an ONNX file.

    Raises
    ------
    ModelError
        When there is no regular file, or one that is larger than an ONNX file can be.
    """
    try:
        if not path.is_file():
            raise ModelError(f'there is no model at "{path}"')
        return read_regular(path, LARGEST)
    except TooLargeError as error:
        raise ModelError(f'the model "{path}" is larger than an ONNX file can be (2 GiB)') from error
    except (OSError, ValueError) as error:
        raise ModelError(f'the model "{path}" cannot be read: {getattr(error, "strerror", None) or error}') from error


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the bytes of a model whose file was checked before: the same ones.

    Raises
    ------
    ModelError
        When the file is another one by now.
    """
    data = read_onnx(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f'the model "{path}" was changed while it was being loaded: try again')
    return data


class _Look:
    """One walk through a file, with a bound on its length."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left = data, _MOST

    def outside(self, begin: int, end: int, kind: str, depth: int) -> str | None:
        """Return the first path at which weights lie outside, or None."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        inside = _INSIDE[kind]
        for number, value in self._fields(begin, end):
            if isinstance(value, int):
                if kind == "tensor" and number == _LOCATION and value & _WORD == _EXTERNAL:
                    return "not named"
                continue
            if kind == "node" and number == _OPERATION and self._data[slice(*value)] == _CONTEXT:
                return f"of a node {_CONTEXT.decode()}"
            within = inside.get(number)
            if within is None:
                continue
            named = self._path(*value) if within == "entry" else self.outside(*value, within, depth + 1)
            if named is not None:
                return named
        return None

    def _path(self, begin: int, end: int) -> str | None:
        """Return the value of an entry (key, value) of the list of outside data."""
        found = {
            number: self._data[slice(*value)]
            for number, value in self._fields(begin, end)
            if not isinstance(value, int)
        }
        return found.get(2, b"").decode("utf-8", "replace") if found.get(1) == b"location" else None

    def _fields(self, at: int, end: int) -> Iterator[tuple[int, int | tuple[int, int]]]:
        """Yield number and value of each field: a whole number, or where bytes begin and end."""
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise ValueError("more fields than a model has")
            tag, at = self._number(at, 5)
            number, kind = (tag & _WORD) >> 3, tag & 7
            if kind not in (0, 1, 2, 5) or not number:
                raise ValueError("no such kind of field")
            if kind == 0:
                value, at = self._number(at, 10)
                if at > end:
                    raise ValueError("a number is longer than what it is in")
                yield number, value & _LONG
                continue
            size, at = self._number(at, 5) if kind == 2 else (8 if kind == 1 else 4, at)
            if size > _SIZE or at + size > end:
                raise ValueError("a field is longer than what it is in")
            yield number, (at, at + size)
            at += size

    def _number(self, at: int, most: int) -> tuple[int, int]:
        """Read a whole number of at most so many bytes; return it, and where it ends."""
        value = 0
        for shift in range(0, 7 * most, 7):
            byte = self._data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
        raise ValueError("a number has no end")
