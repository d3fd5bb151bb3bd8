"""The folder of models that were brought here: checkpoints to export from, and what was exported from them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.storage.user_cache import cache_folder

SCHEMES = ("torchvision", "timm", "hub", "hf")
VERSIONS = ("v1", "v2")
"""Of torchvision's weights; a name without a version means the first that is here."""


def is_source(name: str) -> bool:
    """Tell whether a model's name says where it comes from, as ``torchvision:resnet50`` does."""
    scheme, colon, rest = name.partition(":")
    return bool(colon and rest) and scheme in SCHEMES


def models_folder() -> Path:
    """Return the folder of models: PLACEPRINT_MODELS of the environment, else ``models`` in the user's cache."""
    if named := os.environ.get("PLACEPRINT_MODELS"):
        return Path(named)
    return cache_folder() / "models"


def exported_path(source: str) -> Path:
    """Return where the export of a source lies, whether it is there or not."""
    return models_folder() / "exported" / (re.sub(r"[^A-Za-z0-9._-]+", "-", source) + ".onnx")


def place_for_export(source: str) -> Path:
    """Return `exported_path`, and make its folder. Raises `UsageError` when the folder cannot be made."""
    path = exported_path(source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder of models cannot be made ({error.strerror}): name another one in PLACEPRINT_MODELS, or say "
            "where to write with --out model.onnx"
        ) from error
    return path


def spellings(source: str) -> tuple[str, ...]:
    """Return the exact names that a source may mean, the preferred one first."""
    if source.startswith("torchvision:") and source.count(":") == 1:
        return (*(f"{source}:{version}" for version in VERSIONS), source)
    return (source,)


def find_exported(source: str) -> Path | None:
    """Return the ONNX file that was exported from a source, when it and its description are here."""
    for spelling in spellings(source):
        path = exported_path(spelling)
        try:
            if path.is_file() and path.with_suffix(".json").is_file():
                return path
        except OSError:  # a folder that may not be looked into
            return None
    return None
