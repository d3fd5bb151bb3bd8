"""A model's description beside its ONNX file. It may be a stranger's: type and range of every field are checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from placeprint.errors import ModelError, in_brief
from placeprint.records import ModelSpec
from placeprint.storage.part_limits import MOST_PARTS
from placeprint.storage.regular_files import TooLargeError, read_regular

LARGEST = 1 << 20
"""Bytes of a description."""
LARGEST_SIDE, LARGEST_DIM = 4096, 1_000_000
_LONGEST = 10_000
"""Characters of a text."""

Check = tuple[Callable[[Any], bool], str]


def _whole(least: int, most: int) -> Check:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return fits, f"must be a whole number, {least} to {most}"


def _number(value: Any, least: float, most: float) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and bool(least <= value <= most)  # neither NaN nor infinity is


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _three(least: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) == 3 and all(_number(v, least, 1e6) for v in value)


def _hash(value: Any) -> bool:
    return isinstance(value, str) and (not value or (len(value) == 64 and not set(value) - set("0123456789abcdef")))


_TEXT: Check = (_text, "must be a text on one line")
_CHECKS: dict[str, Check] = {
    "name": (lambda value: _text(value) and bool(value.strip()), "must be a text on one line, not empty"),
    "dim": _whole(1, LARGEST_DIM),
    "input_size": _whole(0, LARGEST_SIDE),
    "resize_size": _whole(0, 2 * LARGEST_SIDE),
    "mean": (_three(-1e6), "must be three numbers, for pixels 0 to 255"),
    "std": (_three(1e-6), "must be three numbers, std above 0, for pixels 0 to 255"),
    "gem_p": (lambda value: _number(value, 1e-3, 1e3), "must be a number, 0.001 to 1000"),
    "views": (lambda value: isinstance(value, list) and len(value) <= 8 and all(map(_text, value)), "must be a list"),
    "cells_stride": _whole(0, LARGEST_SIDE),
    "cells": _whole(0, MOST_PARTS),
    "xfeat": _whole(0, MOST_PARTS),
    "weights_sha256": (_hash, "must be the 64 hexadecimal digits of the ONNX file's SHA-256, or empty"),
} | dict.fromkeys(
    (
        *("resize", "interpolation", "pooling", "embedding_output", "feature_output", "cells_output"),
        *("learned", "learned_sha256", "licence", "source"),
    ),
    _TEXT,
)


def read_sidecar(path: Path) -> ModelSpec:
    """Read the description of a model.

    Raises `ModelError` when it is missing, is no JSON object, or a field is not what it must be; the message names file
    and field.
    """
    where = f'the model description "{path}"'
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{where} is no file")
        row = json.loads(read_regular(path, LARGEST).decode("utf-8-sig"))
    except TooLargeError as error:
        raise ModelError(f"{where} has more than {LARGEST} bytes") from error
    except FileNotFoundError as error:
        raise ModelError(f"{where} is missing: write the fields of placeprint.ModelSpec into it as JSON") from error
    except RecursionError as error:
        raise ModelError(f"{where} cannot be read: it is nested too deeply") from error
    except (ValueError, OSError) as error:
        raise ModelError(f"{where} cannot be read: {in_brief(error)}") from error
    if not isinstance(row, dict):
        raise ModelError(f"{where} is not a JSON object")
    for name, (fits, words) in _CHECKS.items():
        if name in row and not fits(row[name]):
            raise ModelError(f"{where}: {name} {words}, not {_shown(row[name])}")
    try:
        return ModelSpec.from_dict(row)
    except ModelError as error:
        raise ModelError(f"{where}: {in_brief(error)}") from error


def _shown(value: Any) -> str:
    """Return a value for one line."""
    if isinstance(value, int) and abs(value) > 10**20:
        return "a number that large"
    if isinstance(value, dict | list) and any(isinstance(each, dict | list) for each in value):
        return "a nested one"
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
