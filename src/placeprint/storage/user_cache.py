"""The folder of the user's cache, and going on where there is none: the one place that says so."""

from __future__ import annotations

import os
from pathlib import Path

from placeprint.terminal import tell

_NOWHERE = Path(os.devnull) / "placeprint"
"""A folder in which nothing can be, and nothing can be written."""

_said: set[Path] = set()


def cache_folder() -> Path:
    """Return the user's cache; the environment's PLACEPRINT_CACHE names another folder.

    Where there is none (no home, a file in its way, no permission), that is said once on stderr, and the folder that is
    returned has nothing in it and takes nothing: what is looked for is not there, what is written ends in an OSError.
    """
    try:
        folder = _named() or _of_user()
    except (RuntimeError, OSError):  # neither HOME nor an entry of the user
        folder = None
    if folder is None:
        _say(_NOWHERE, "there is no folder for a cache (no home directory is known): going on without one")
        return _NOWHERE
    if why := _in_the_way(folder):
        go_without(folder, why)
        return _NOWHERE
    return folder


def go_without(folder: Path, why: BaseException | str) -> None:
    """Say once that a cache's folder cannot be used."""
    if folder == _NOWHERE:
        return  # said when it was asked for
    reason = getattr(why, "strerror", None) or why
    _say(folder, f'the cache "{folder}" cannot be used ({reason}): going on without it')


def _say(folder: Path, text: str) -> None:
    if folder not in _said:
        _said.add(folder)
        tell(f"{text}; PLACEPRINT_CACHE names another folder")


def _named() -> Path | None:
    named = os.environ.get("PLACEPRINT_CACHE")
    return Path(named).expanduser() if named else None


def _of_user() -> Path | None:
    from platformdirs import user_cache_dir

    found = Path(user_cache_dir("placeprint", appauthor=False))
    return found if found.is_absolute() else None  # else it would lie wherever the program is started


def _in_the_way(folder: Path) -> str:
    """Return why nothing in a folder could be read; empty where that is possible, or nothing is there yet."""
    try:
        if not folder.is_dir():
            folder.lstat()
            return "it is not a folder"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if os.access(folder, os.R_OK | os.X_OK) else "permission denied"
