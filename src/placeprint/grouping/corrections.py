"""What a person corrected, as a small file: which photos are of one place and which are not, names, and no place."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from placeprint.dataset.tables.cells import MISSING
from placeprint.errors import DatasetError, UsageError, in_brief
from placeprint.grouping.result import Constraint, Link
from placeprint.records import UNKNOWN, is_unknown
from placeprint.storage.atomic import has_keys, json_text, require_ours, write_atomic
from placeprint.storage.regular_files import read_regular
from placeprint.terminal import sized

FORMAT = 1
MOST_BYTES = 8 << 20
"""Of a file: 20,000 photos with long paths have less. Python's objects of it may take thirty times that."""
NO_NAMES = (UNKNOWN, *sorted(MISSING))
"""What no place is called: a table would hold no place then. The first is none in any case of letters."""
_LONGEST = 200
"""Letters of a name."""
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that no name has. Joiners are letters' own in Persian and Hindi, and make emoji."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Answers of a person, one for each two photos; of what was said before and later the later holds.

    Attributes
    ----------
    constraints : tuple of Constraint
    names : mapping of str to str
        What the place of each photo is called; empty for one that shows no place.

    Raises
    ------
    UsageError
        When two photos must and cannot be of one place, or an answer is about one photo alone.

    Examples
    --------
    >>> import placeprint
    >>> said = placeprint.Corrections((), {"1.jpg": "Old Mill", "lunch.jpg": ""})
    >>> said.then(placeprint.Corrections((), {"1.jpg": "New Mill"})).given_names
    {'1.jpg': 'New Mill'}
    """

    constraints: tuple[Constraint, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse answers of which neither is the later one."""
        links: dict[frozenset[str], Link] = {}
        for one in self.constraints:
            if one.a == one.b:
                raise UsageError(f'an answer is about two photos, and both are "{one.a}"')
            if links.setdefault(frozenset((one.a, one.b)), one.link) is not one.link:
                raise UsageError(f'"{one.a}" and "{one.b}" must and cannot be of one place')

    def then(self, later: Corrections) -> Corrections:
        """Return these, and what was said later."""
        pairs = {frozenset((one.a, one.b)): one for one in (*self.constraints, *later.constraints)}
        return Corrections(tuple(pairs.values()), {**self.names, **later.names})

    @property
    def placeless(self) -> frozenset[str]:
        """The photos that show no place."""
        return frozenset(path for path, name in self.names.items() if not name)

    @property
    def given_names(self) -> dict[str, str]:
        """The names that were given."""
        return {path: name for path, name in self.names.items() if name}

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, as `read_corrections` takes it."""
        links: list[dict[str, Any]] = [{"link": one.link.value, "a": one.a, "b": one.b} for one in self.constraints]
        by_name: dict[str, list[str]] = {}
        for path, name in self.names.items():
            by_name.setdefault(name, []).append(path)
        named = [{"place": name or None, "photos": paths} for name, paths in by_name.items()]
        return {"format": FORMAT, "answers": [*links, *named]}


def corrections_of(row: object) -> Corrections:
    """Read corrections from their JSON. Raises `ValueError`: one line that says which answer cannot be understood."""
    if not isinstance(row, Mapping) or row.get("format") != FORMAT or not isinstance(row.get("answers"), list):
        raise ValueError(f"these are no corrections of format {FORMAT}")
    constraints: list[Constraint] = []
    names: dict[str, str] = {}
    for number, answer in enumerate(row["answers"], 1):
        try:
            if not isinstance(answer, Mapping):
                raise TypeError("it is no object")
            if "link" in answer and not answer.keys().isdisjoint(("place", "photos")):
                raise ValueError("it says a link and a place: make two answers of it")
            if "link" in answer:
                constraints.append(_link(answer))
            else:
                said = _names(answer)
                if twice := [path for path in said if names.get(path, said[path]) != said[path]]:
                    raise ValueError(f'"{twice[0]}" has another place in an answer before')
                names |= said
        except KeyError as error:
            raise ValueError(f"answer {number} cannot be understood: it has no {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"answer {number} cannot be understood: {in_brief(error)}") from error
    return Corrections().then(Corrections(tuple(constraints), names))


def _link(row: Mapping[str, Any]) -> Constraint:
    a, b = _texts([row["a"], row["b"]])
    if a == b:
        raise ValueError("both photos are the same")
    return Constraint(Link(row["link"]), a, b)


def _names(row: Mapping[str, Any]) -> dict[str, str]:
    photos, place = _texts(row["photos"]), row["place"]
    return dict.fromkeys(photos, "" if place is None else checked_name(*_texts([place])))


def checked_name(name: str) -> str:
    """Return the name of a place with plain spaces, and none around it.

    Raises `ValueError` when it is none that a manifest can hold.
    """
    kinds = [unicodedata.category(letter) for letter in name[: 2 * _LONGEST]]
    plain = "".join(" " if kind == "Zs" else letter for letter, kind in zip(name, kinds, strict=False)).strip(" ")
    long = len(name) > len(kinds) or len(plain) > _LONGEST
    if not plain or long or "|" in plain or not _CONTROLS.isdisjoint(kinds) or is_unknown(plain) or plain in NO_NAMES:
        raise ValueError(
            f"a place's name has 1 to {_LONGEST} letters, no bar or control character, and is not {UNKNOWN} or another "
            f'word for no place, as "{NO_NAMES[-1]}"'
        )
    return plain


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("photos are a list of paths, and a place is a text")
    return values


def read_corrections(path: Path) -> Corrections:
    """Read a file of corrections. Raises `DatasetError` when it cannot be read, or is something else."""
    try:
        return corrections_of(json.loads(read_regular(path, MOST_BYTES)))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or in_brief(error)
        raise DatasetError(f'corrections "{path}" cannot be read: {why}: save them anew from the page') from error


def write_corrections(made: Corrections, path: Path) -> None:
    """Write a file of corrections, in one step.

    Raises `UsageError` when somebody else's file is there, and for more than could be read again; `OSError`.
    """
    require_ours(path, lambda data: has_keys(data, "format", "answers"))
    text = json_text(made.to_dict())
    if len(text) > MOST_BYTES:
        raise UsageError(
            f'the corrections would have {sized(len(text))}, more than the {sized(MOST_BYTES)} that are read: "{path}" '
            "stays as it was"
        )
    write_atomic(path, text)
