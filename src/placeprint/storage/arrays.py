"""Read and write ``.npy`` files; only this module maps files into memory.

NumPy's own reader evaluates the header before it looks at the file's size: a flipped bit may raise any error of
Python's parser, or reserve any amount of memory. This reader accepts only the header that `numpy.save` writes.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import in_brief

Buffer = bytes | mmap.mmap

HELD = 256 << 20
"""Without mapping, files of vectors and parts up to this many bytes are held in memory; larger ones are read as they
are needed."""
UNMAPPED = 1 << 16
"""Files of a gallery of up to so many bytes are read where others are mapped: a map keeps one of the files open that a
process may have, on some systems 256, and a gallery of 30 segments has 300."""

_MAGIC = b"\x93NUMPY\x01\x00"
_LONGEST_HEADER = 1024
_HEADER = re.compile(
    rb"\{'descr': '([<|][a-zA-Z]\d+)', 'fortran_order': (True|False), 'shape': \(((?:\d+, )*\d+|\d+,|)\), \} *\n"
)
_DESCRIPTION = re.compile(r"[<|][biuf][1248]|<U\d{1,4}")
_BROKEN = (ValueError, EOFError, OSError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""Errors of a damaged archive. Those of an encrypted one or another packing are the two before `BadZipFile`."""


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """The header of a ``.npy`` file."""

    dtype: np.dtype[Any]  # Of numbers, booleans or text; never of objects.
    shape: tuple[int, ...]
    order: str  # ``C`` or ``F``.
    first: int  # Offset of the first number.

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.first + math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes], size: int, name: str) -> ArrayHeader:
    """Read the header of a ``.npy`` file, and compare it with the file's size.

    `file`: At its beginning.
    `size`: Bytes of the file.
    `name`: For messages.
    Raises `ValueError` when it is not a header, or the file is not as long as it says.
    """
    start = file.read(len(_MAGIC) + 2)
    length = int.from_bytes(start[len(_MAGIC) :], "little")
    if not start.startswith(_MAGIC) or not 0 < length <= _LONGEST_HEADER:
        raise ValueError(f"{name} does not begin like an array")
    said = _HEADER.fullmatch(file.read(length))
    if said is None or _DESCRIPTION.fullmatch(said[1].decode("ascii")) is None:
        raise ValueError(f"{name} does not begin like an array of numbers")
    try:
        dtype = np.dtype(said[1].decode("ascii"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds numbers of an unknown kind") from error
    shape = tuple(int(each) for each in said[3].replace(b",", b" ").split())
    header = ArrayHeader(dtype, shape, "F" if said[2] == b"True" else "C", len(start) + length)
    if header.size != size or any(each >= 2**62 for each in shape):  # the second: beside a 0 any length fits
        raise ValueError(f"{name} is not as long as it says: {size} bytes instead of {header.size}")
    return header


def read_floats(file: IO[bytes]) -> NDArray[np.floating[Any]]:
    """Read rows of floats from a ``.npy`` file that any program wrote: any width, byte order and version.

    Raises `ValueError` when the file holds anything else; nothing is unpickled.
    """
    start = file.read(len(_MAGIC) - 2)
    if start != _MAGIC[:-2]:
        raise ValueError("it does not begin like an array")
    file.seek(0)
    try:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # NumPy evaluates the header, and that may end with whatever Python's parser raises
        raise ValueError(in_brief(error)) from error
    if array.ndim != 2 or array.dtype.kind != "f":
        raise ValueError("it must hold floats of shape (n, dim)")
    return array


def open_array(path: Path, *, mapped: bool = True, least: int = 0) -> NDArray[Any]:
    """Open a ``.npy`` file, read-only.

    `mapped`: Map the file, which reads nothing yet; if it is shortened meanwhile, the system ends the process.
    Otherwise the whole file is read.
    `least`: Files of up to so many bytes are read in any case; see `UNMAPPED`.
    Raises `ValueError` when it is not an array, or was shortened.
    """
    with path.open("rb") as file:
        header = read_header(file, os.fstat(file.fileno()).st_size, path.name)
        if header.size == header.first:  # no bytes cannot be mapped
            return np.empty(header.shape, header.dtype)
        order: Any = header.order
        if mapped and header.size > least:
            return np.memmap(path, header.dtype, "r", header.first, header.shape, order)
        memory = mmap.mmap(-1, header.size - header.first)  # anonymous, so that numbers are aligned
        if file.readinto(memory) != len(memory):
            raise ValueError(f"{path.name} became shorter while it was read")
    made = np.frombuffer(memory, header.dtype).reshape(header.shape, order=order)
    made.flags.writeable = False
    return made


def open_bytes(path: Path, *, mapped: bool = True) -> Buffer:
    """Map a file, read-only, or read it as a whole, as small ones are."""
    with path.open("rb") as file:
        if mapped and os.fstat(file.fileno()).st_size > UNMAPPED:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return file.read()


def write_header(file: IO[bytes], kind: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write the header of a ``.npy`` file."""
    head = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a ``.npy`` file. Unlike `numpy.save`, its error says why it failed, as on a full disk."""
    with path.open("wb") as file:
        write_header(file, array.dtype, array.shape)
        file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")


def read_archive(data: bytes, *, most: int = 1 << 30) -> Mapping[str, NDArray[Any]]:
    """Read the arrays of an archive that `numpy.savez` wrote, by name.

    `most`: Bytes that all arrays may have together, unpacked.
    Raises `ValueError` when it holds anything else, or more than `most`.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                most -= entry.file_size
                if most < 0 or not entry.filename.endswith(".npy"):
                    raise ValueError(f"{entry.filename!r} is too large, or no array")
                with archive.open(entry) as packed:
                    unpacked = packed.read(entry.file_size + 1)  # no more than it says, whatever it unpacks to
                arrays[entry.filename.removesuffix(".npy")] = _unpacked(unpacked, entry.filename)
    except _BROKEN as error:
        raise ValueError(f"its arrays cannot be unpacked ({in_brief(error)})") from error
    return arrays


def _unpacked(data: bytes, name: str) -> NDArray[Any]:
    header = read_header(io.BytesIO(data), len(data), name)
    flat = np.frombuffer(data, header.dtype, offset=header.first)
    return flat.reshape(header.shape, order="F" if header.order == "F" else "C").copy()
