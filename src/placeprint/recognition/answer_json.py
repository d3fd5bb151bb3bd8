"""Reads an answer back from JSON that an untrusted server may have written."""

from __future__ import annotations

import dataclasses
from types import NoneType
from typing import Any, TypeVar

from placeprint.errors import ServerError
from placeprint.recognition.decision.rules import LIKELY
from placeprint.records import Answer, AnswerPosition, Grade, Match, RankedPlace

_Record = TypeVar("_Record", Answer, Match, AnswerPosition, RankedPlace)

_TYPES: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, NoneType),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, NoneType),
    "Grade": (Grade,),
}
"""What JSON may hold where a record says so."""
_LARGEST = 1 << 63
_LONGEST = 200
"""Characters of what is wrong."""


def answer_of(row: dict[str, Any]) -> Answer:
    """Read what `Answer.to_dict` wrote; fields that a server adds are ignored. Raises `ServerError` when it is none."""
    try:
        row = _of_an_earlier_server(row) | row
        known = _fields(Answer, row, missing=("score", "margin"))
        known["places"] = tuple(_checked(RankedPlace(**place)) for place in row["places"])
        known["grade"] = Grade(row["grade"])
        known["position"] = None if row["position"] is None else _position(row["position"])
        known["matches"] = tuple(_match(match) for match in row["matches"])
        return _checked(Answer(**known))
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"the server's answer cannot be read: {repr(error)[:_LONGEST]}") from error


def _of_an_earlier_server(row: dict[str, Any]) -> dict[str, Any]:
    """Return what earlier servers do not tell: they accepted a place, by whatever decided, or none."""
    if row["place"] is None:
        grade = Grade.LIKELY if (row["probability"] or 0) >= LIKELY else Grade.UNKNOWN
    else:
        decided = any(row[name] is not None for name in ("threshold", "margin_threshold", "probability_threshold"))
        improbable = row["probability"] is not None and row["probability"] < LIKELY
        grade = Grade.SURE if decided and not improbable else Grade.LIKELY
    best = row["places"][0]["place"] if row["places"] else None
    unsaid = {"calibrated_for": None, "false_accept_rate": None, "title": None, "position": None}
    return unsaid | {"grade": grade, "best_guess": best}


def _position(row: dict[str, Any]) -> AnswerPosition:
    images = row["images"]
    if not isinstance(images, list) or not all(isinstance(path, str) for path in images):
        raise TypeError("images are a list of paths")
    read = _checked(AnswerPosition(**_fields(AnswerPosition, row, missing=()) | {"images": tuple(images)}))
    if read.located and (read.longitude is None or read.radius is None):
        raise TypeError("a position is not whole")
    return read


def _match(row: dict[str, Any]) -> Match:
    row = {"titles": [], **row}
    for names in (row["places"], row["titles"]):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError("places and titles are lists of names")
    names = {"places": tuple(row["places"]), "titles": tuple(row["titles"])}
    return _checked(Match(**_fields(Match, row, missing=("similarity",)) | names))


def _fields(
    kind: type[Answer | Match | AnswerPosition], row: dict[str, Any], missing: tuple[str, ...]
) -> dict[str, Any]:
    """Return the values of a record; where a number may be missing, null is read as NaN."""
    known = {field.name: row[field.name] for field in dataclasses.fields(kind)}
    return known | {name: float("nan") for name in missing if known[name] is None}


def _checked(record: _Record) -> _Record:
    for field in dataclasses.fields(record):
        value, types = getattr(record, field.name), _TYPES.get(field.type)
        if types and (not isinstance(value, types) or isinstance(value, bool)):
            raise TypeError(f"{field.name} is {type(value).__name__}")
        if types and isinstance(value, int) and abs(value) >= _LARGEST:
            raise TypeError(f"{field.name} is too large")
    return record
