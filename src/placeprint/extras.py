"""Packages that come with an extra, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from placeprint.errors import MissingExtraError


def require(module: str, *, extra: str, what: str) -> Any:
    """Import a module of an optional package.

    `extra`: The extra that installs it.
    `what`: What needs it, for the message.
    Raises `MissingExtraError` when it is not installed; the message names the pip command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(what, extra) from error
