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
_MOST = 1_000_000
"""Of a number."""
_VARIABLES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "preset": ("PLACEPRINT_PRESET", str),
    "workers": ("PLACEPRINT_WORKERS", int),
    "cache.folder": ("PLACEPRINT_CACHE", str),
    "cache.gigabytes": ("PLACEPRINT_CACHE_GB", (int, float)),
}


def apply_settings() -> None:
    """Set what the files say where the environment does not: the one in the current folder, then the user's own.

    Raises `UsageError` for a file that cannot be read, and a key that is not known or not allowed there.
    """
    for path, own in ((Path(NAME), False), (_of_user(), True)):
        if path is not None and os.path.isfile(path):  # noqa: PTH113  # pathlib's raises where it may not look
            for key, value in _settings(path, own=own).items():
                os.environ.setdefault(_VARIABLES[key][0], value)


def _of_user() -> Path | None:
    """Return the user's own file, whether it is there or not."""
    named = os.environ.get("PLACEPRINT_CONFIG")
    if named is not None:
        try:
            return Path(named).expanduser() if named else None
        except RuntimeError as error:
            raise UsageError(f'PLACEPRINT_CONFIG "{named}" cannot be read: {in_brief(error)}') from error
    from platformdirs import user_config_dir

    try:
        return Path(user_config_dir("placeprint", appauthor=False)) / NAME
    except (RuntimeError, OSError):  # neither HOME nor a user entry
        return None


def _settings(path: Path, *, own: bool) -> dict[str, str]:
    """Return what a file sets, by key, as the environment would say it."""
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
    keyed = [((key,), value) for key, value in said.items()] + [(("cache", key), value) for key, value in cache.items()]
    return {".".join(key): _text(path, key, value) for key, value in keyed}


def _text(path: Path, key: tuple[str, ...], value: Any) -> str:
    """Return a setting as the environment would say it.

    A quoted key may hold a dot: ``"cache.folder"`` is none of ours, and not the folder of the table cache.
    """
    name = ".".join(key)
    if name not in _VARIABLES or key != tuple(name.split(".")):
        raise UsageError(f'"{path}": there is no setting "{name:.60}": {choices(name[:60], _VARIABLES)}')
    kinds = _VARIABLES[name][1]
    if isinstance(value, str):
        fits = kinds is str and value != "" and "\0" not in value
    else:
        number = isinstance(value, kinds) and isinstance(value, int | float) and not isinstance(value, bool)
        fits = number and 0 < value <= _MOST
    if fits:
        return str(value)
    what = "a text" if kinds is str else f"a number above 0, up to {_MOST}"
    said = hex(value) if type(value) is int and abs(value) > _MOST else repr(value)  # no more digits than Python writes
    raise UsageError(f'"{path}": {name} is {what}, not {said:.40}')
