"""The last steps of every changed model: it must embed, is measured, and only then kept, with its card."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.export.card import card
from placeprint.embedding.export.conversion import Exported, keep
from placeprint.embedding.models import ModelFile
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.records import ModelSpec
from placeprint.training.measurement import measured


@dataclass(frozen=True, slots=True)
class Made:
    """A graph on its way.

    Attributes
    ----------
    data : bytes
    spec : ModelSpec
    done : tuple of str
        What was done to it.
    cosine : float or None
        The lowest similarity to doing the same in steps.
    note : str
        What a person must know.
    """

    data: bytes
    spec: ModelSpec
    done: tuple[str, ...] = ()
    cosine: float | None = None
    note: str = ""


def finished(
    made: Made,
    before: str,
    base: ModelFile,
    out: Path,
    *,
    name: str | None,
    measure: Manifest | None,
    learned_root: Path | None,
    preset: Preset,
    cache: bool,
    progress: Progress | None,
) -> Exported:
    """Try, measure and keep a model.

    Parameters
    ----------
    made : Made
    before, base : str, ModelFile
        The model it was made from: how it is named, and its file.
    out : Path
    name : str or None
        What it is called; the file's stem by default.
    measure : Manifest or None
        Photos to compare the two on.
    learned_root : Path or None
        The folder of the photos that embeddings were changed by; None when they should be the same as before.
    preset, cache, progress
        As in `placeprint.export`.

    Raises
    ------
    ModelError
        When it gives no embedding, or cannot be written.
    """
    spec = dataclasses.replace(made.spec, name=name or out.stem, source=_source(base.spec, made.done))
    change, note = None, made.note
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "model.onnx"
        spec = keep(made.data, spec, staged)
        refuse_what_fails(str(staged))
        if measure is not None:
            alike = learned_root is None
            change = measured(before, str(staged), measure, preset=preset, alike=alike, cache=cache, progress=progress)
            if not measure.has_queries and measure.root == learned_root:
                flattered = "measured on the photos that it was learned from: the figures flatter it"
                note = f"{note}. {flattered}" if note else flattered
    text = card(spec, base.spec, made.done, change, note)
    return Exported(out, keep(made.data, spec, out, card=text), made.cosine, note, change)


def refuse_what_fails(model: str) -> None:
    """Embed one picture: nothing is made of, and nothing kept, whose output is NaN or of another length.

    Raises
    ------
    ModelError
    """
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    load_embedder(model, threads=1).embed_one(Image.fromarray(noise).resize((320, 240)))


def _source(base: ModelSpec, done: tuple[str, ...]) -> str:
    return f"{base.source or base.name} (SHA-256 {base.weights_sha256[:12]}…); {'; '.join(done)}"
