"""Whether a model may be written to a path: only where there is nothing, or what the program wrote there before."""

from __future__ import annotations

import json
from pathlib import Path

from placeprint.errors import PlaceprintError, UsageError
from placeprint.records import ModelSpec
from placeprint.storage.atomic import json_text, require_ours, sha256_file

CARD_END = "<!-- written by placeprint -->\n"
"""Of every card: people write notes beside their models too."""


def require_room(path: Path, *cards: Path) -> None:
    """Refuse to write a model, its description or its cards over files of somebody else.

    `path`: Of the ONNX file.
    *cards: Markdown files.
    Raises `UsageError`: it names the first of such files.
    """
    described = path.with_suffix(".json")
    spec = _spec_in(described.read_bytes()) if described.is_file() else None
    require_ours(described, lambda data: _spec_in(data) is not None)
    require_ours(path, lambda _: spec is not None and spec.weights_sha256 == sha256_file(path))
    for card in cards:
        require_ours(card, lambda data: data.endswith(CARD_END.encode()))


def require_onnx_ending(path: Path) -> None:
    """Refuse a path that no model is found by. Raises `UsageError`."""
    if path.suffix.lower() != ".onnx":
        raise UsageError(f'the file to write must end with .onnx, not "{path}"')


def _spec_in(data: bytes) -> ModelSpec | None:
    """Return the model of a description that the program wrote: a person's is not laid out to the byte as its own."""
    try:
        spec = ModelSpec.from_dict(json.loads(data))
    except (PlaceprintError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return spec if json_text(spec.to_dict()) == data else None
