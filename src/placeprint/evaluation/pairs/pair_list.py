"""Lists of image pairs in the forms that reconstruction programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from placeprint.errors import DatasetError, UsageError
from placeprint.storage.atomic import require_way, write_atomic
from placeprint.storage.regular_files import read_regular

FORMS = ("hloc", "colmap", "openmvg")
"""hloc and COLMAP read two names a line, OpenMVG two numbers of views."""

_LARGEST = 1 << 29
_SPACE = re.compile(r"\s")


def find_form(name: str) -> str:
    """Return the name of a form. Raises `UsageError` when there is none of that name."""
    if name.lower() not in FORMS:
        raise UsageError(f'there is no form "{name}" of a list of pairs: give {", ".join(FORMS)}')
    return name.lower()


def cannot_be_listed(name: str, form: str) -> str:
    """Return why an image cannot stand in a list; empty when it can."""
    if form != "openmvg" and (_SPACE.search(name) or name.startswith("#")):
        return "its name holds a space, or begins with #, and a list of pairs is read word by word: rename the file"
    return ""


def views_of(path: Path) -> dict[str, int]:
    """Read the numbers of views from OpenMVG's ``sfm_data.json``, by file name.

    Raises `DatasetError` when it cannot be read, is none, or names a file twice.
    """
    try:
        data = json.loads(read_regular(path, _LARGEST))
        found = [_view(one["value"]["ptr_wrapper"]["data"]) for one in data["views"]]
    except OSError as error:
        raise DatasetError(f'"{path}" cannot be read: {error.strerror}') from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DatasetError(f'"{path}" is not an sfm_data.json of OpenMVG with its views') from error
    views = dict(found)
    if len(views) < len(found):
        raise DatasetError(f'"{path}" names a file twice: its views cannot be told apart')
    return views


def _view(data: Mapping[str, Any]) -> tuple[str, int]:
    folder, name, number = data.get("local_path", ""), data["filename"], data["id_view"]
    if not isinstance(folder, str) or not isinstance(name, str) or not isinstance(number, int):
        raise TypeError(name)
    return "/".join(part for part in (*re.split(r"[/\\]", folder), name) if part), number


def numbered(names: Sequence[str], views: Mapping[str, int] | None) -> dict[str, int]:
    """Return OpenMVG's number of each image: of `views`, else the place of its name in alphabetical order.

    Raises `DatasetError` when an image is not among the views.
    """
    if views is None:
        return {name: number for number, name in enumerate(sorted(names))}
    missing = next((name for name in names if name not in views), None)
    if missing is not None:
        raise DatasetError(f'"{missing}" is not among the views of OpenMVG: make sfm_data.json of the same folder')
    return {name: views[name] for name in names}


def text_of(pairs: Iterable[tuple[str, str]], form: str, numbers: Mapping[str, int]) -> str:
    """Return a list as text, one pair a line; `numbers` is used for OpenMVG alone."""
    if form != "openmvg":
        return "".join(f"{first} {second}\n" for first, second in pairs)
    both = {(min(a, b), max(a, b)) for a, b in ((numbers[first], numbers[second]) for first, second in pairs)}
    return "".join(f"{first} {second}\n" for first, second in sorted(both))


def refuse_to_overwrite(path: Path, *, replace: bool) -> None:
    """Refuse a path that cannot be written, or where a file would be lost: a list does not tell who wrote it.

    Raises `UsageError` or `PermissionError`.
    """
    require_way(path)
    if path.exists() and not (replace and path.is_file()) and (path.is_dir() or path.stat().st_size):
        raise UsageError(f'"{path}" already exists: choose another path, or give --replace')


def write_list(path: Path, text: str) -> None:
    """Write a list, atomically."""
    write_atomic(path, text.encode("utf-8", "surrogateescape"))
