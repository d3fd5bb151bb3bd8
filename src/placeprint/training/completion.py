"""How a changed model begins and ends: its base must embed, it is measured, and only then kept, with its card."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.export.card import card
from placeprint.embedding.export.conversion import Exported, keep
from placeprint.embedding.models import ModelFile, find_model
from placeprint.progress import Progress
from placeprint.records import ModelSpec
from placeprint.training.images import manifest_of
from placeprint.training.measurement import measured
from placeprint.training.options import ChangeOptions


@dataclass(frozen=True, slots=True)
class Changed:
    """A model on its way from another one."""

    model: str  # The name of the model that it is made from.
    base: ModelFile  # Its file.
    data: bytes  # The ONNX file so far.
    spec: ModelSpec
    steps: tuple[str, ...] = ()  # What was done to it.
    cosine: float | None = None  # The lowest similarity of the graph to the same steps outside of it.
    note: str = ""  # What a person must know.
    # The folder of the images that the embeddings were changed by; None when they should be the same as before.
    learned_from: Path | None = None


def begun(model: str, *, note: str = "") -> Changed:
    """Return a model as it is, once it is known to embed. Raises `ModelError`."""
    base = find_model(model)
    _refuse_what_fails(model)
    return Changed(model, base, base.read(), base.spec, note=note)


def finished(changed: Changed, out: Path, options: ChangeOptions, progress: Progress | None) -> Exported:
    """Try a model, measure it and keep it.

    Raises `DatasetError` when there is nothing to measure it on; `ModelError` when it gives no embedding, or cannot be
    written.
    """
    base, change, note = changed.base.spec, None, changed.note
    made_from = f"{base.source or base.name} (SHA-256 {base.weights_sha256[:12]}…)"
    spec = dataclasses.replace(
        changed.spec, name=options.name or out.stem, source="; ".join((made_from, *changed.steps))
    )
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "model.onnx"
        spec = keep(changed.data, spec, staged)
        _refuse_what_fails(str(staged))
        if options.measure is not None:
            images = manifest_of(options.measure)
            alike = changed.learned_from is None
            change = measured((changed.model, str(staged)), images, options, alike=alike, progress=progress)
            if not images.has_queries and images.root == changed.learned_from:
                flattered = "measured on the photos that it was learned from: the figures flatter it"
                note = f"{note}. {flattered}" if note else flattered
    text = card(spec, base, changed.steps, change, note)
    return Exported(out, keep(changed.data, spec, out, card=text), changed.cosine, note, change)


def _refuse_what_fails(model: str) -> None:
    """Embed one image: nothing is made of, and nothing kept, whose output is NaN or of another length."""
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    load_embedder(model, threads=1).embed_one(Image.fromarray(noise).resize((320, 240)))
