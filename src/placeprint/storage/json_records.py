"""Make frozen records of untrusted JSON: every field must be known and of the type that its class declares.

What JSON lacks is converted: a list to a tuple, a whole number to a float, a value to the member of an enumeration.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")
Reader = Callable[[Any], Any]

LARGEST = 2**63
"""Whole numbers must be smaller: NumPy takes no larger ones."""


def record_from(kind: type[R], row: object) -> R:
    """Make a record of a class from its JSON.

    `kind`: A dataclass whose fields are text, numbers, booleans, enumerations and dataclasses, or tuples, mappings from
    text and unions with None of these.
    `row`: The parsed JSON.
    Raises `ValueError` or `TypeError` when a field is missing, unknown or of another type; the message names it.
    """
    if not isinstance(row, Mapping):
        raise TypeError(f"there is {_shown(row)} where a record should be")
    fields, values = _fields(kind), {}  # type: ignore[arg-type]  # a class can be hashed, whatever its objects
    for name, value in row.items():
        field = fields.get(name)
        if field is None:
            raise TypeError(f"{_shown(name)} is not known")
        as_it_is, reader = field
        try:
            values[name] = value if type(value) in as_it_is else reader(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name}: {error}") from error
    return kind(**values)


def require_kinds(record: object) -> None:
    """Refuse a record that could not be read again: a field is of another type than its class declares.

    Raises `TypeError`; the message names the field.
    """
    for name, (as_it_is, reader) in _fields(type(record)).items():  # type: ignore[arg-type]  # as above
        value = getattr(record, name)
        if type(value) not in as_it_is:
            try:
                reader(value)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{name}: {error}") from error


def without_keypoints(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of an earlier release without its settings of RootSIFT keypoints, 0 where it keeps none.

    Raises `ValueError` when it keeps some.
    """
    gone = ("keypoints", "keypoint_weight")
    if any(row.get(name) for name in gone):
        raise ValueError("it keeps RootSIFT keypoints, which this release does not read")
    return {name: value for name, value in row.items() if name not in gone}


@lru_cache(maxsize=64)
def _fields(kind: type[Any]) -> Mapping[str, tuple[frozenset[type], Reader]]:
    """Return for each field the types whose values are all taken as they are, and what reads other values."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return {name: (_taken_as_they_are(hints[name]), _reader(hints[name])) for name in names}


def _taken_as_they_are(hint: Any) -> frozenset[type]:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return frozenset(kinds) & {str, bool, NoneType}


def _reader(hint: Any) -> Reader:
    """Return a function that reads a value of a type, and refuses any other."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _or_none(_reader(next(each for each in inner if each is not NoneType)))
    if origin is tuple:
        return _tuple([_reader(each) for each in inner if each is not Ellipsis], any_length=Ellipsis in inner)
    if origin is Mapping:
        return _mapping(_reader(inner[1]))
    if issubclass(hint, Enum):
        return lambda value: hint(_text(value))
    return lambda value: record_from(hint, value)


def _or_none(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _tuple(readers: list[Reader], *, any_length: bool) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not (any_length or len(value) == len(readers)):
            raise TypeError(f"{_shown(value)} is not a list{'' if any_length else f' of {len(readers)}'}")
        pairs = ((readers[0], each) for each in value) if any_length else zip(readers, value, strict=True)
        return tuple(reader(each) for reader, each in pairs)

    return read


def _mapping(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError(f"{_shown(value)} is not a table")
        return {_text(name): reader(each) for name, each in value.items()}

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is not a text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not -LARGEST < value < LARGEST:
        raise TypeError(f"{_shown(value)} is not a whole number")
    return value


def _number(value: Any) -> float:
    if isinstance(value, float) and math.isfinite(value):  # NumPy's 64 bits too
        return value
    if type(value) is int and -LARGEST < value < LARGEST:
        return float(value)
    raise TypeError(f"{_shown(value)} is not a number")


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{_shown(value)} is neither true nor false")
    return value


_PLAIN: dict[Any, Reader] = {str: _text, int: _whole, float: _number, bool: _truth}


def _shown(value: object) -> str:
    """Return a short form of a value for a message."""
    if isinstance(value, Mapping | list | tuple):
        return f"{'a list' if isinstance(value, list | tuple) else 'a table'} of {len(value)}"
    if isinstance(value, int) and abs(value) >= LARGEST:
        return "a very long number"
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
