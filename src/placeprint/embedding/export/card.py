"""A model's card: what it is, what it was made from, and how it did beside that."""

from __future__ import annotations

from placeprint.embedding.export.effect import Effect
from placeprint.embedding.export.output_path import CARD_END
from placeprint.records import ModelSpec


def card(spec: ModelSpec, base: ModelSpec, done: tuple[str, ...], change: Effect | None, note: str) -> str:
    """Return the Markdown that lies beside the ONNX file.

    `spec`, `base`: Of the model and of the one it was made from, both with the hash of their weights.
    `done`: What was done to it.
    `change`: What that did on images.
    `note`: What a person must know; empty for nothing.
    """
    rows = {
        "what": f"{spec.dim} numbers a photo, input {spec.input_size} pixels",
        "made from": f"{base.name}, SHA-256 `{base.weights_sha256}`",
        "what was done": "; ".join(done),
        "source": spec.source,
        "licence": spec.licence or base.licence or "that of the model it was made from",
        "sha256": f"`{spec.weights_sha256}`",
    }
    lines = [
        f"# {spec.name}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {key} | {_cell(value)} |" for key, value in rows.items()),
    ]
    if change is not None:
        lines += ["", *(f"- {line}" for line in change.lines())]
    if note:
        lines += ["", note]
    return "\n".join((*lines, "", CARD_END))


def _cell(text: str) -> str:
    """Keep a text in its cell of the table."""
    return text.replace("|", "\\|").replace("\n", " ")
