"""Whether an ONNX file holds all that it needs and comes to an end, found without running it and without any library.

An ONNX file may keep weights in other files, named by paths of its choice. Then the checksum of the file says nothing
about them, and a hostile file may point to any place of the disk. Such files are refused, and what is run are the bytes
that were looked at.

Nothing stops a graph that runs: a loop of 2^62 steps would never end. What repeats a part of a graph (Loop, Scan,
SequenceMap, the searches of ONNX Runtime) is a node that holds a graph, and of those only If, which chooses between
two, is let through. Functions of the model's own are copied wherever they are called: some that call each other twice
become any number of nodes. OpenVINO does not know them, and they are refused, too.

The file is a protocol buffer: fields of a number, a kind and a value, where a value may be fields again. Only the
fields in which a tensor can be are followed. Numbers are read as the runtimes read them: tags and
enumerations are cut to 32 bits. What they may read in two ways (groups, numbers that are too long) is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from placeprint.errors import ModelError
from placeprint.spelling import meant_path
from placeprint.storage.regular_files import TooLargeError, read_regular

LARGEST = 1 << 31
"""Bytes of an ONNX file that keeps its weights inside: a protocol buffer has no more."""
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "body": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "body", 10: "tensor", 11: "body", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""What is in a message, by the numbers of its fields. A body is a graph that a node holds."""
_DEEPEST, _MOST = 100, 1_000_000
"""How deep messages lie in each other, as protocol buffers have it, and how many fields are looked at."""
_LOCATION, _EXTERNAL = 14, 1
_OPERATION, _CONTEXT, _CHOICE = 4, b"EPContext", b"If"
"""The operation of a node, the one of ONNX Runtime that reads a file, and the one that may hold graphs."""
_WORD, _LONG, _SIZE = (1 << 32) - 1, (1 << 64) - 1, (1 << 31) - 1


def refuse_unsafe(path: Path, data: bytes) -> None:
    """Refuse an ONNX file that keeps weights in other files, or that may run for ever.

    `path`: For the message.
    `data`: What was read of it.
    Raises `ModelError` when it does, or when it is not a protocol buffer.
    """
    if not data:
        raise ModelError(f'placeprint cannot run "{path}": the file is empty')
    try:
        fault = _Look(data).fault(0, len(data), "model", 0)
    except (ValueError, IndexError) as error:
        raise ModelError(f'placeprint cannot run "{path}": it is not an ONNX file, or it is damaged') from error
    if fault is not None:
        raise ModelError(f'the model "{path}" {fault}')


def _outside(named: str) -> str:
    return (
        f'keeps weights in another file ("{named[:200]}"), which no checksum covers: save it as one file, '
        "with onnx.save_model(onnx.load(path), path, save_as_external_data=False)"
    )


_ENDLESS = (
    "has a loop (a node that holds a graph and is no If), and nothing bounds how long it runs: export it without, as "
    "tracing does"
)
_FUNCTIONS = (
    "has functions of its own, which may become any number of nodes: save it without, with "
    "onnx.save_model(onnx.inliner.inline_local_functions(onnx.load(path)), path)"
)


def read_onnx(path: Path) -> bytes:
    """Return the bytes of what may be an ONNX file.

    Raises `ModelError` when there is no regular file, or one that is larger than an ONNX file can be.
    """
    try:
        if not path.is_file():
            raise ModelError(f'there is no model at "{path}"{meant_path(Path(path))}')
        return read_regular(path, LARGEST)
    except TooLargeError as error:
        raise ModelError(f'the model "{path}" is larger than an ONNX file can be (2 GiB)') from error
    except (OSError, ValueError) as error:
        raise ModelError(f'the model "{path}" cannot be read: {getattr(error, "strerror", None) or error}') from error


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the bytes of a model whose file was checked before: the same ones.

    Raises `ModelError` when the file is another one by now.
    """
    data = read_onnx(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f'the model "{path}" was changed while it was being loaded: try again')
    return data


class _Look:
    """One walk through a file, with a bound on its length."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left, self._bodies = data, _MOST, 0

    def fault(self, begin: int, end: int, kind: str, depth: int) -> str | None:
        """Return what is wrong with a message, and what can be done; None where nothing is."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if kind == "function":
            return _FUNCTIONS
        bodies, only_choice = self._bodies, True
        for number, value in self._fields(begin, end):
            if kind == "node" and number == _OPERATION and not isinstance(value, int):
                only_choice &= self._data[slice(*value)] == _CHOICE  # the runtimes take the last: each must be one
            found = self._fault_of(kind, number, value, depth)
            if found is not None:
                return found
        self._bodies += kind == "body"
        return _ENDLESS if kind == "node" and self._bodies > bodies and not only_choice else None

    def _fault_of(self, kind: str, number: int, value: int | tuple[int, int], depth: int) -> str | None:
        if isinstance(value, int):
            outside = kind == "tensor" and number == _LOCATION and value & _WORD == _EXTERNAL
            return _outside("not named") if outside else None
        if kind == "node" and number == _OPERATION and self._data[slice(*value)] == _CONTEXT:
            return _outside(f"of a node {_CONTEXT.decode()}")
        within = _INSIDE[kind].get(number)
        if within == "entry":
            named = self._path(*value)
            return None if named is None else _outside(named)
        return self.fault(*value, within, depth + 1) if within else None

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
