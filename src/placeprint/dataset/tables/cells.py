"""Read the cells of a table: labels, numbers, and the words that programs write for a missing value."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)", re.ASCII)
_LONGEST = 64
"""Characters of a whole number, at most."""

MISSING = frozenset(
    [
        *("nan", "NaN", "NAN", "-nan", "-NaN", "NaT", "<NA>", "<na>", "None", "null", "NULL", "#N/A", "#n/a"),
        *("#NA", "N/A", "n/a", "#N/A N/A", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!"),
    ]
)
"""What data frames, databases and spreadsheets write for a missing value. In another spelling it is a label: Nan is a
province. (None is a town, which needs another label.)"""

_DOUBTFUL = frozenset(
    [
        *("na", "none", "null", "nil", "n.a.", "unknown", "undefined", "missing", "unlabelled", "unlabeled"),
        *("not available", "no label", "no place", "empty", "-", "--", "?", "-1", "inf", "infinity", "-inf", "nan"),
    ]
)
_NO_NUMBER = frozenset(word.casefold() for word in (*MISSING, *_DOUBTFUL)) - {"inf", "infinity", "-inf", "-1"}


def labels(cell: str) -> tuple[str, ...]:
    """Return the places in a cell, separated by ``|``; each of them is correct."""
    parts = (part.strip() for part in cell.split("|"))
    return tuple(part for part in parts if part and part not in MISSING)


def present(cell: str) -> str:
    """Return a cell without blanks around it; empty for a missing value."""
    cell = cell.strip()
    return "" if cell in MISSING else cell


def is_doubtful(label: str) -> bool:
    """Return whether a label may have been meant as a missing value."""
    return label.casefold() in _DOUBTFUL


def decimal(cell: str, name: str, *, metres: bool = False) -> float | None:
    """Read a number, also with a decimal comma; None for a missing value.

    Raises `ValueError` when it is not a number; in metres also when a comma may separate thousands.
    """
    if cell.casefold() in _NO_NUMBER or not cell:
        return None
    comma = _DECIMAL_COMMA.fullmatch(cell)
    if comma and not (metres and len(comma[2]) == 3):
        cell = f"{comma[1]}.{comma[2]}"
    if not _NUMBER.fullmatch(cell) or float(cell) in (float("inf"), float("-inf")):
        raise ValueError(f'{name} "{cell}" is not a number')
    return float(cell)


def whole(cell: str) -> int | None:
    """Read a whole number of at most 64 bits, also written as ``640.0``; None for anything else."""
    if len(cell) > _LONGEST or not _NUMBER.fullmatch(cell):
        return None
    digits, _, tail = cell.partition(".")
    if not tail.strip("0") and digits.lstrip("+-").isdecimal():
        number = int(digits)  # timestamps have more digits than a float holds
    elif float(cell).is_integer():
        number = int(float(cell))
    else:
        return None
    return number if abs(number) < 2**63 else None
