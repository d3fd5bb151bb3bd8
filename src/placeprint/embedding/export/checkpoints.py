"""Checkpoints of strangers, read as arrays: nothing in them is ever run.

A ``.pth`` is a pickle, and a pickle can run any program when it is opened. It is opened only by PyTorch's reader of
tensors (``weights_only=True``), which knows no other objects. A ``.safetensors`` holds numbers and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import sys
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Arrays
from placeprint.errors import ModelError, first_line
from placeprint.extras import require
from placeprint.storage.regular_files import read_regular

LARGEST = 1 << 34

OLDEST_TORCH = (2, 6)
DEEPEST, MOST = 16, 1_000_000
"""How deep names are nested, and how many there are, in a file that is read."""
_HASHED = re.compile(r"-([0-9a-f]{8})\.\w+$")
_NUMBERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "u1"} | {
    f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)
}
_RECORDS = frozenset(
    ("argparse", "collections", "copyreg", "datetime", "decimal", "enum", "functools", "pathlib", "types", "typing")
)
"""Modules of Python's own whose objects keep settings beside tensors: a file that names any other means harm."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The numbers of one file."""

    path: Path
    arrays: Arrays  # By name; where names were nested (``state_dict`` in it ``conv1.weight``) they are joined by dots.
    sha256: str  # Of the file.
    # Names at which something lies that is neither tensor nor plain value. It was not made.
    objects: tuple[str, ...] = ()
    note: str = ""  # What a person must know of the file; empty for nothing.


class _Shell:
    """Stands for an object of a class: nothing of the class is imported, called or kept."""

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def read_checkpoint(path: Path, *, published: bool = False) -> Checkpoint:
    """Read a ``.safetensors`` or a PyTorch checkpoint, whatever its name ends with.

    `published`: True when the name is known to be one of torchvision's, whose eight digits behind the dash begin the
    SHA-256. In any other name they may be a date or the hash of something else, and are at most worth a note.
    Raises `ModelError` when the file is missing, is cut short, holds no tensors, or is not the one that its published
    name promises; `MissingExtraError` for a PyTorch checkpoint without PyTorch.
    """
    try:
        data = read_regular(path, LARGEST)
    except OSError as error:
        raise ModelError(f'the checkpoint "{path}" cannot be read: {error.strerror or error}') from error
    digest = hashlib.sha256(data).hexdigest()
    note = _broken_promise(path, digest, published=published)
    if data[8:9] == b"{" or path.suffix.lower() == ".safetensors":
        arrays, objects = _safetensors(path, data), list[str]()
    else:
        arrays, objects = _pickled(path, data)
    return Checkpoint(path, arrays, digest, tuple(objects), note)


def _broken_promise(path: Path, digest: str, *, published: bool) -> str:
    """Return what is to be said of a name that ends in another hash than the file's; empty for nothing."""
    promised = _HASHED.search(path.name)
    if promised is None or digest.startswith(promised[1]):
        return ""
    if published:
        raise ModelError(
            f'the checkpoint "{path}" has the SHA-256 {digest[:8]}… and its name promises {promised[1]}: it is damaged '
            "or is another file; download it again"
        )
    # Eight decimals are a date, as in run-20240101.pth; torchvision's own hashes all have a letter.
    return (
        "" if promised[1].isdecimal() else f'"{path.name}": its SHA-256 begins with {digest[:8]}, not as its name ends'
    )


def torch_package() -> Any:
    """Import PyTorch."""
    return require("torch", extra="torch", what="exporting a model")


def _pickled(path: Path, data: bytes) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Read tensors with PyTorch's reader that knows nothing else."""
    torch = torch_package()
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < OLDEST_TORCH:
        raise ModelError(
            f'the checkpoint "{path}" was not opened: before PyTorch 2.6 a hostile file could run a program even with '
            f"weights_only=True (CVE-2025-32434), and this is {torch.__version__}; upgrade it, or bring a .safetensors"
        )
    try:
        with warnings.catch_warnings(), _shells(torch, data):
            warnings.simplefilter("ignore")  # that the pickle is of a newer kind than usual
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f'the checkpoint "{path}" holds more than tensors, or is damaged. It was not opened, because a pickle can '
            "run any program; save the model's state_dict() alone, or as .safetensors"
        ) from error
    except Exception as error:  # a damaged archive raises whatever its reader meets
        reason = first_line(error)
        if "TorchScript" in reason:
            reason = "it is a TorchScript program, which is not run; save the model's state_dict()"
        raise ModelError(f'the checkpoint "{path}" is cut short or is no checkpoint: {reason}') from error
    if not isinstance(found, dict) or not found:
        what = "a whole model; save its state_dict()" if isinstance(found, _Shell) else type(found).__name__
        raise ModelError(f'the checkpoint "{path}" is not a state_dict: it holds {what}')
    try:
        return _joined(found, torch, largest=len(data))
    except ValueError as error:
        raise ModelError(f'the checkpoint "{path}" is not read: {error}') from error


def _shells(torch: Any, data: bytes) -> Any:
    """Return a context in which objects that keep settings are read as empty shells.

    Trainings put an argparse.Namespace, a NumPy scalar or a class of their own beside the tensors, and the reader would
    refuse the whole file. A file that names more of Python itself than records is refused as before.
    """
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    except Exception:  # of an older format, or damaged: the reader says so
        return nullcontext()
    if any(name.split(".")[0] in sys.stdlib_module_names - _RECORDS for name in names):
        return nullcontext()
    return torch.serialization.safe_globals([(_Shell, name) for name in names])


def _joined(found: Mapping[Any, Any], torch: Any, *, largest: int) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return every tensor of nested mappings by its names joined by dots, and where objects are."""
    arrays, objects, widened, seen = dict[str, NDArray[Any]](), list[str](), 0, 0
    waiting: list[tuple[str, Any, int]] = [("", found, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, dict) and depth <= DEEPEST:
            seen += len(value)
            if seen > MOST:
                raise ValueError(f"it has more than {MOST:,} names")
            dot = f"{name}." if depth else ""
            waiting += [(f"{dot}{key}", each, depth + 1) for key, each in reversed(value.items())]
        elif isinstance(value, torch.Tensor):
            widened += value.numel() if value.dtype not in (torch.float32, torch.float16) else 0
            if widened > largest:  # views of one number may claim any size
                raise ValueError("its tensors are larger than the file")
            if name in arrays:
                raise ValueError(f'it has "{name}" twice')
            if (numbers := _numbers(value)) is not None:
                arrays[name] = numbers
        elif isinstance(value, _Shell):
            objects.append(name)
    return arrays, objects


def _numbers(tensor: Any) -> NDArray[Any] | None:
    """Return a tensor's numbers, in 32 bit where NumPy does not know its kind; None where it has none of its own."""
    plain = tensor.detach()
    try:
        return np.asarray(plain.numpy())
    except TypeError:  # bfloat16 and smaller; a sparse or quantised tensor cannot be widened either
        pass
    except RuntimeError:
        return None
    try:
        return np.asarray(plain.float().numpy())
    except (TypeError, RuntimeError):
        return None


def _safetensors(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    """Read a safetensors file: 8 bytes of length, a JSON table, numbers."""
    try:
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or 8 + length > len(data):
            raise ValueError("its table is longer than the file")
        table = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        return {key: _tensor(body, row) for key, row in table.items() if key != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f'the checkpoint "{path}" is cut short or is no safetensors file: {error}') from error


def _tensor(body: memoryview, row: Mapping[str, Any]) -> NDArray[Any]:
    begin, end = row["data_offsets"]
    if not 0 <= begin <= end <= len(body):
        raise ValueError("a tensor lies outside of the file")
    if row["dtype"] == "BF16":  # the upper half of a 32-bit number
        upper = np.frombuffer(body[begin:end], "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(row["shape"])
    return np.frombuffer(body[begin:end], _NUMBERS[row["dtype"]]).reshape(row["shape"])
