"""Checkpoints of strangers to arrays: nothing in them is ever run.

A ``.pth`` is a pickle, and a pickle can run any program when it is opened. It is opened only by PyTorch's reader of
tensors (``weights_only=True``), which knows no other objects. A ``.safetensors`` holds numbers and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import MissingExtraError, ModelError

OLDEST_TORCH = (2, 6)
_HASHED = re.compile(r"-([0-9a-f]{8})\.\w+$")
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "model.", "backbone.")
_IGNORED = re.compile(r"^fc\.|\.num_batches_tracked$")
_NUMBERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "u1"}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The numbers of one file, and the file's SHA-256."""

    path: Path
    arrays: Mapping[str, NDArray[Any]]
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a ``.safetensors`` or a PyTorch checkpoint.

    Raises
    ------
    ModelError
        When the file is missing, is cut short, holds more than tensors, or is not the one that its name promises: the
        eight digits behind the dash of torchvision's file names begin the SHA-256.
    MissingExtraError
        For a PyTorch checkpoint without PyTorch.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f'the checkpoint "{path}" cannot be read: {error.strerror or error}') from error
    digest = hashlib.sha256(data).hexdigest()
    promised = _HASHED.search(path.name)
    # Eight decimals may be a date; torchvision's own names all have a letter.
    if promised and not promised[1].isdecimal() and not digest.startswith(promised[1]):
        raise ModelError(
            f'the checkpoint "{path}" has the SHA-256 {digest[:8]}… and its name promises {promised[1]}: it is damaged '
            "or is another file; download it again"
        )
    arrays = _safetensors(path, data) if path.suffix == ".safetensors" else _pickled(path, data)
    return Checkpoint(path, arrays, digest)


def torch_package() -> Any:
    """Import PyTorch.

    Raises
    ------
    MissingExtraError
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("exporting a model", "torch") from error
    return torch


def _pickled(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    """Read tensors with PyTorch's reader that knows nothing else."""
    torch = torch_package()
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < OLDEST_TORCH:
        raise ModelError(
            f'the checkpoint "{path}" was not opened: before PyTorch 2.6 a hostile file could run a program even with '
            f"weights_only=True (CVE-2025-32434), and this is {torch.__version__}; upgrade it, or bring a .safetensors"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the pickle is of a newer kind than usual
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f'the checkpoint "{path}" holds more than tensors, or is damaged. It was not opened, because a pickle can '
            "run any program; save the model's state_dict() alone, or as .safetensors"
        ) from error
    except Exception as error:  # a damaged archive raises whatever its reader meets
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise ModelError(f'the checkpoint "{path}" is cut short or is no checkpoint: {reason}') from error
    for key in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not found:
        raise ModelError(f'the checkpoint "{path}" is not a state_dict: it holds {type(found).__name__}')
    arrays = {}
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise ModelError(f'the checkpoint "{path}" is not a state_dict: "{key}" is {type(value).__name__}')
        floating = value.detach().float() if value.is_floating_point() else value.detach()
        arrays[key] = floating.numpy()
    return arrays


def _safetensors(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    """Read a safetensors file: 8 bytes of length, a JSON table, numbers."""
    try:
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or 8 + length > len(data):
            raise ValueError("its table is longer than the file")
        table = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        return {key: _tensor(body, row) for key, row in table.items() if key != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f'the checkpoint "{path}" is cut short or is no safetensors file: {error}') from error


def _tensor(body: memoryview, row: Mapping[str, Any]) -> NDArray[Any]:
    begin, end = row["data_offsets"]
    if not 0 <= begin <= end <= len(body):
        raise ValueError("a tensor lies outside of the file")
    if row["dtype"] == "BF16":  # the upper half of a 32-bit number
        upper = np.frombuffer(body[begin:end], "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(row["shape"])
    return np.frombuffer(body[begin:end], _NUMBERS[row["dtype"]]).reshape(row["shape"])


def matched(checkpoint: Checkpoint, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Return exactly the parameters that a network has, in 32 bit; a classifier ``fc`` is left out.

    Raises
    ------
    ModelError
        Naming the first parameter that is missing, not known, of another shape, or not finite.
    """
    arrays, where = _unprefixed(checkpoint.arrays, wanted), f'the checkpoint "{checkpoint.path}"'
    for key in arrays:
        if key not in wanted and not _IGNORED.search(key):
            raise ModelError(f'{where} has "{key}", which the network has not: it is of another model')
    found = {}
    for key, shape in wanted.items():
        if key not in arrays:
            raise ModelError(f'{where} lacks "{key}": it is of another model')
        if arrays[key].shape != shape:
            raise ModelError(f'{where}: "{key}" has the shape {arrays[key].shape} and must have {shape}')
        found[key] = np.asarray(arrays[key], np.float32)
        if not np.isfinite(found[key]).all():
            raise ModelError(f'{where}: "{key}" holds NaN or infinity: the training or the file is broken')
    return found


def _unprefixed(arrays: Mapping[str, NDArray[Any]], wanted: Mapping[str, Any]) -> Mapping[str, NDArray[Any]]:
    """Take off a prefix that every name has, as wrappers of models write it."""
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in arrays) and not set(arrays) & set(wanted):
            return {key.removeprefix(prefix): value for key, value in arrays.items()}
    return arrays
