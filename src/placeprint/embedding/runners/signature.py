"""What a graph must take and give, whichever runner runs it: the same words for the same fault.

The ends of a graph are compared with its ModelSpec when it is loaded, as far as the file says what they are; what comes
out is compared again when it is there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Maps
from placeprint.errors import ModelError
from placeprint.records import ModelSpec
from placeprint.terminal import counted

_FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class End:
    """An input or an output as the file declares it."""

    name: str
    kind: str  # As NumPy names it: ``float32``; empty when it is not known.
    shape: tuple[int | None, ...] | None  # None where a length, or all of them, is free.


def wanted_outputs(spec: ModelSpec) -> tuple[list[str], list[str]]:
    """Return which outputs are needed of the square input, and of the pass over the whole image."""
    output = spec.embedding_output if spec.pooling == "graph" else spec.feature_output
    square = [output] if not spec.views or set(spec.views) - {"whole"} else []
    whole = [spec.cells_output] if spec.cells else []
    return square, whole + ([spec.feature_output] if "whole" in spec.views else [])


def refuse_misfit(spec: ModelSpec, path: Path, inputs: Sequence[End], outputs: Sequence[End]) -> None:
    """Refuse a graph whose ends are not what its ModelSpec needs. Raises `ModelError`."""
    problem = _input_problem(spec, inputs) or _output_problem(spec, {each.name: each for each in outputs})
    if problem:
        raise ModelError(f'model {spec}: "{path}" {problem}')


def _input_problem(spec: ModelSpec, inputs: Sequence[End]) -> str:
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        return f"has {len(inputs)} inputs ({names}), it must have one, an image"
    kind, shape = inputs[0].kind, inputs[0].shape
    if kind != "float32":
        return f"takes {kind}, it must take 32-bit floats (float32): save it with such an input"
    if shape is None:
        return ""
    if len(shape) != 4:
        return f"takes {_shown(shape)}, it must take (image, channel, row, column)"
    count, channels, *sides = shape
    if channels not in (None, 3):
        last = ": channels come last" if sides[1] == 3 else ""
        return f"takes {_shown(shape)}, it must take 3 channels as (image, channel, row, column){last}"
    if count not in (None, 1):
        return f"takes {counted(count, 'image')} at once, it must take one"
    square, whole = wanted_outputs(spec)
    fixed = [side for side in sides if side is not None]
    if square and any(side != spec.input_size for side in fixed):
        return f"takes images of {_shown(tuple(sides))} pixels and its description says {spec.input_size}"
    if whole and fixed:
        return f"takes images of {_shown(tuple(sides))} pixels only: cells need a graph that takes any sides"
    return ""


def _output_problem(spec: ModelSpec, outputs: dict[str, End]) -> str:
    square, whole = wanted_outputs(spec)
    for name in dict.fromkeys((*square, *whole)):
        if name not in outputs:
            return f'has no output called "{name}"'
        kind, shape = outputs[name].kind, outputs[name].shape
        if kind not in (*_FLOATS, ""):
            return f'gives {kind} as "{name}", it must give floats'
        if shape is None:
            continue
        vector = _is_vector(spec, name)
        if not vector and len(shape) != 4:
            return f'gives {_shown(shape)} as "{name}", it must give a map: (image, channel, row, column)'
        lengths = shape[1:] if vector else shape[1:2]
        known = [each for each in lengths if each is not None]
        if name != spec.cells_output and len(known) == len(lengths) and math.prod(known) != spec.dim:
            return f"gives {math.prod(known)} numbers and says that it gives {spec.dim}"
    return ""


def _is_vector(spec: ModelSpec, name: str) -> bool:
    """Tell whether an output is the embedding itself, and else a map."""
    return spec.pooling == "graph" and name == spec.embedding_output


def checked(spec: ModelSpec, name: str, value: Any) -> Maps:
    """Return what a graph gave for one image, without the batch axis.

    Raises `ModelError` when it is of another rank, of several images, or not finite.
    """
    found = np.asarray(value)
    right = found.ndim >= 2 if _is_vector(spec, name) else found.ndim == 4
    if not right or len(found) != 1 or not found.size:
        raise ModelError(f'model {spec} gave {_shown(found.shape)} as "{name}", it must give one image\'s numbers')
    with np.errstate(over="ignore"):  # what 32 bits do not hold is infinity, which is refused
        one = np.array(found[0], np.float32)
    if not np.isfinite(one).all():
        raise ModelError(f'model {spec} gave NaN, infinity or only zeros as "{name}"')
    return one


def _shown(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if each is None else str(each) for each in shape) or "one number"
