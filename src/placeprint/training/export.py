"""Any model to a file of one's own: as it is, with a whitening learned from photographs, in fewer bits."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from pathlib import Path

from placeprint.arrays import Vectors
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.export.conversion import Exported, export_source
from placeprint.embedding.export.fusion import fuse
from placeprint.embedding.export.output_path import require_room
from placeprint.embedding.export.precision import PRECISIONS, narrowed, quantised
from placeprint.embedding.export.resnet import BLOCKS
from placeprint.embedding.model_folder import find_exported, is_source
from placeprint.embedding.models import ModelFile, find_model
from placeprint.embedding.whitening import FEWEST, learn_whitening
from placeprint.errors import DatasetError, UsageError, VectorError
from placeprint.presets import DEFAULT_PRESET, WHITENINGS, Preset, find_preset
from placeprint.progress import Progress
from placeprint.training.completion import Made, finished, refuse_what_fails
from placeprint.training.images import inputs, learned_vectors, manifest_of

Dataset = Path | str | Manifest


def export(
    source: str,
    out: Path | None = None,
    *,
    weights: Path | None = None,
    branch: str = "",
    name: str | None = None,
    trust: bool = False,
    whiten: Dataset | None = None,
    whitening: str = "places",
    dim: int | None = None,
    precision: str | None = None,
    measure: Dataset | None = None,
    preset: str | Preset = DEFAULT_PRESET,
    cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a model as an ONNX file with its description beside it; nothing is kept when anything is wrong.

    Parameters
    ----------
    source : str
        ``resnet50`` (``101``, ``152``) with `weights`, ``torchvision:NAME``, ``timm:NAME``, ``hub:OWNER/REPO:ENTRY`` or
        ``hf:OWNER/REPO``; to be changed also the name of a bundled model or the path of an ONNX file.
    out : Path, optional
        The ONNX file; by default, for a model as it is, in the folder of models, where `source` is found as a model's
        name from then on.
    weights : Path, optional
        A checkpoint, as ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``; heads and what is beside the network are left
        out, and named in the note.
    branch : str
        Which network of the checkpoint where it holds several, as ``teacher``.
    name : str, optional
        What the model is called; by default the source, or the file's stem.
    trust : bool
        Let ``hub:`` run the code of its repository.
    whiten : Path, str or Manifest, optional
        Labelled photos (the gallery split) that a whitening is learned from; it becomes part of the graph.
    whitening : str
        ``places`` or ``pca``, see `placeprint.embedding.whitening.learn_whitening`.
    dim : int, optional
        With `whiten`: keep so many principal components.
    precision : str, optional
        ``int8``, ``float16`` or ``bfloat16``; see `placeprint.embedding.export.precision`.
    measure : Path, str or Manifest, optional
        Photos on which the result is compared with the model it was made from. ``int8`` takes its ranges from the
        gallery split.
    preset : str or Preset
        By which photos are looked at and asked, to learn and to measure.
    cache : bool
        False neither reads nor writes the user's cache.
    workers : int, optional
        Images in flight.

    Raises
    ------
    UsageError
        For a source that is not understood, or options that do not go together.
    DatasetError
        When there are too few photos to learn from.
    ModelError
        When a file is missing or is not what it should be, or the graph computes something else than its parts.
    MissingExtraError
        Without PyTorch (only for sources that need it), onnx or ONNX Runtime.
    """
    if branch and weights is None:
        raise UsageError("--branch goes with --weights: it says which network of the checkpoint is meant")
    if whiten is None and precision is None:
        if dim is not None or measure is not None:
            raise UsageError("--dim goes with --whiten, and --measure with --whiten or --precision")
        return export_source(source, out, weights=weights, branch=branch, name=name, trust=trust)
    out = _checked(out, whiten, whitening, dim, precision, measure)
    require_room(out, out.with_suffix(".md"))
    asked = find_preset(preset)
    with tempfile.TemporaryDirectory() as folder:
        before, base, note = _base(source, weights, branch, Path(folder), trust=trust)
        refuse_what_fails(before)
        made = Made(base.read(), base.spec, note=note)
        if whiten is not None:
            learned = manifest_of(whiten)
            photos = learned_vectors(
                learned, learned.gallery(), before, preset=asked, cache=cache, workers=workers, progress=progress
            )
            made = _whitened(made, photos, whitening, dim, learned)
        if precision is not None:
            made = _smaller(made, precision, None if measure is None else manifest_of(measure))
        learned_root = None if whiten is None else manifest_of(whiten).root
        return finished(
            made,
            before,
            base,
            out,
            name=name,
            measure=None if measure is None else manifest_of(measure),
            learned_root=learned_root,
            preset=asked,
            cache=cache,
            progress=progress,
        )


def _checked(
    out: Path | None,
    whiten: Dataset | None,
    whitening: str,
    dim: int | None,
    precision: str | None,
    measure: Dataset | None,
) -> Path:
    """Return where to write, when the options go together."""
    if out is None or out.suffix.lower() != ".onnx":
        raise UsageError("a changed model is a file of your own: --out model.onnx")
    if whitening not in WHITENINGS[1:]:
        raise UsageError(f'whitening "{whitening}" is not known: choose one of {", ".join(WHITENINGS[1:])}')
    if precision is not None and precision not in PRECISIONS:
        raise UsageError(f'precision "{precision}" is not known: choose one of {", ".join(PRECISIONS)}')
    if dim is not None and whiten is None:
        raise UsageError("--dim goes with --whiten: the directions to keep are learned from photos")
    if precision == "int8" and measure is None:
        raise UsageError("int8 needs photos of yours to find its ranges and to measure the loss: --measure DATASET")
    return out


def _base(source: str, weights: Path | None, branch: str, folder: Path, *, trust: bool) -> tuple[str, ModelFile, str]:
    """Return the model to change, and what is to be said of it.

    What is not here as an ONNX file is exported, as it is, into a folder that goes.
    """
    note = ""
    if source in BLOCKS or (is_source(source) and weights is not None):
        done = export_source(source, folder / "base.onnx", weights=weights, branch=branch)
        source, note = str(done.path), done.note
    elif weights is not None:
        raise UsageError(f"--weights goes with {', '.join(BLOCKS)} or timm:NAME, not with {source}")
    elif is_source(source) and find_exported(source) is None:
        source = export_source(source, trust=trust).spec.name
    return source, find_model(source), note


def _whitened(made: Made, photos: tuple[Vectors, list[str]], kind: str, dim: int | None, learned: Manifest) -> Made:
    """Learn a whitening and write it behind the graph."""
    vectors, places = photos
    if len(vectors) < FEWEST:
        raise DatasetError(f'"{learned.root}" has {len(vectors)} photos that can be used: a whitening needs {FEWEST}')
    counts = Counter(places)
    if kind == "places" and max(counts.values()) < 2:
        raise DatasetError(
            f'"{learned.root}" has no place with two photos, so nothing tells what changes within a place: take '
            "--whitening pca"
        )
    change = learn_whitening(kind, vectors, places)
    try:
        change = change.cut(vectors, dim) if dim is not None else change
    except VectorError as error:
        raise UsageError(str(error)) from error
    data, spec, cosine = fuse(made.data, made.spec, change)
    cut = "" if dim is None else f", cut to its first {dim} principal components"
    done = f"whitening ({kind}) of {len(vectors)} photos of {len(counts)} places{cut}"
    return Made(data, spec, (*made.done, done), cosine, made.note)


def _smaller(made: Made, precision: str, photos: Manifest | None) -> Made:
    """Write the graph in fewer bits, and see that it still gives embeddings."""
    if precision == "int8" and photos is not None:
        data = quantised(made.data, inputs(photos, made.spec))
        done = "int8, ranges of activations from photos (static quantisation by ONNX Runtime)"
    else:
        data = narrowed(made.data, precision)
        done = f"weights in {precision}"
    notes = (made.note, "nothing measured: --measure DATASET compares it with the model it was made from")
    note = made.note if photos is not None else ". ".join(each for each in notes if each)
    return dataclasses.replace(made, data=data, done=(*made.done, done), note=note)
