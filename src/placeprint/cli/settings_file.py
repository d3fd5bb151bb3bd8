"""``placeprint.toml``: what people would otherwise set again and again, and nothing else.

Each key stands for a variable of the environment, which comes first, as options come before both::

    preset = "fast"       # PLACEPRINT_PRESET: of new galleries
    workers = 2           # PLACEPRINT_WORKERS: photos in flight
    [cache]               # only in the user's own file
    folder = "~/cache"    # PLACEPRINT_CACHE
    gigabytes = 5         # PLACEPRINT_CACHE_GB
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placeprint.errors import UsageError, in_brief
from placeprint.spelling import choices

NAME = "placeprint.toml"
_LARGEST = 1 << 16
_VARIABLES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "preset": ("PLACEPRINT_PRESET", str),
    "workers": ("PLACEPRINT_WORKERS", int),
    "cache.folder": ("PLACEPRINT_CACHE", str),
    "cache.gigabytes": ("PLACEPRINT_CACHE_GB", (int, float)),
}


def apply_settings() -> None:
    """Set what the files say where the environment does not: the one in the current folder, then the user's own.

    Raises
    ------
    UsageError
        For a file that cannot be read, and a key that is not known or not allowed there.
    """
    for path, own in ((Path(NAME), False), (_of_user(), True)):
        if path is not None and path.is_file():
            for key, value in _settings(path, own=own).items():
                os.environ.setdefault(_VARIABLES[key][0], str(value))


def _of_user() -> Path | None:
    """Return the user's own file, whether it is there or not."""
    named = os.environ.get("PLACEPRINT_CONFIG")
    if named is not None:
        return Path(named).expanduser() if named else None
    from platformdirs import user_config_dir

    try:
        return Path(user_config_dir("placeprint", appauthor=False)) / NAME
    except (RuntimeError, OSError):  # neither HOME nor a user entry
        return None


def _settings(path: Path, *, own: bool) -> dict[str, Any]:
    """Return what a file sets, by key."""
    import tomllib

    from placeprint.storage.regular_files import read_regular

    try:
        said = tomllib.loads(read_regular(path, _LARGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f'"{path}" cannot be read: {in_brief(error)}') from error
    cache = said.pop("cache", {})
    if not isinstance(cache, dict):
        raise UsageError(f'"{path}": cache is a table, as [cache] with folder = "…" and gigabytes = 5')
    if cache and not own:
        raise UsageError(
            f'"{path}": the cache is not set by a file that lies beside photos, which may be anybody\'s: set it in '
            f'"{_of_user()}", or in PLACEPRINT_CACHE'
        )
    said |= {f"cache.{name}": value for name, value in cache.items()}
    for key, value in said.items():
        _require(path, key, value)
    return said


def _require(path: Path, key: str, value: object) -> None:
    if key not in _VARIABLES:
        raise UsageError(f'"{path}": there is no setting "{key}": {choices(key, _VARIABLES)}')
    kinds = _VARIABLES[key][1]
    if not isinstance(value, kinds) or isinstance(value, bool) or value in ("", 0):
        what = "a text" if kinds is str else "a number above 0"
        raise UsageError(f'"{path}": {key} is {what}, not {value!r:.40}')
