"""The folder of the user's cache, and one warning when it cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

from placeprint.terminal import tell

_NOWHERE = Path(os.devnull) / "placeprint"
"""A path that cannot be read or written."""

_said: set[Path] = set()


def cache_folder() -> Path:
    """Return the user's cache folder, or the one that the environment's PLACEPRINT_CACHE names.

    Without one (no home, a file in its way, no permission) there is one warning on stderr, and the path that is
    returned cannot be used: nothing is found there, and writing raises an OSError.
    """
    try:
        folder = _named() or _of_user()
    except (RuntimeError, OSError):  # neither HOME nor a user entry
        folder = None
    if folder is None:
        _say(_NOWHERE, "there is no cache folder (the home directory is unknown): going on without one")
        return _NOWHERE
    if why := _in_the_way(folder):
        go_without(folder, why)
        return _NOWHERE
    return folder


def go_without(folder: Path, why: BaseException | str) -> None:
    """Warn once that a cache folder cannot be used."""
    if folder == _NOWHERE:
        return  # `cache_folder` has warned
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
    return found if found.is_absolute() else None  # a relative one would depend on where the program is started


def _in_the_way(folder: Path) -> str:
    """Return why a folder cannot be used; empty when it can, or does not exist yet."""
    try:
        if not folder.is_dir():
            folder.lstat()
            return "it is not a folder"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if os.access(folder, os.R_OK | os.X_OK) else "permission denied"
