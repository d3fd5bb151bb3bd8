"""Any model to a file of one's own: as it is, with a whitening learned from images, in fewer bits."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from pathlib import Path
from typing import Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.export.candidate import ModelSource
from placeprint.embedding.export.conversion import Exported, export_source
from placeprint.embedding.export.fusion import fuse
from placeprint.embedding.export.output_path import require_room
from placeprint.embedding.export.precision import narrowed, quantised
from placeprint.embedding.export.resnet import BLOCKS
from placeprint.embedding.model_folder import find_exported, is_source
from placeprint.embedding.whitening import FEWEST, learn_whitening
from placeprint.errors import DatasetError, UsageError, VectorError
from placeprint.progress import Progress
from placeprint.training.completion import Changed, begun, finished
from placeprint.training.images import learned_vectors, manifest_of, network_inputs
from placeprint.training.options import ExportOptions, ExportWords


def export(
    source: str, out: Path | str | None = None, *, progress: Progress | None = None, **options: Unpack[ExportWords]
) -> Exported:
    """Write a model as an ONNX file with its description beside it; nothing is kept when anything is wrong.

    Parameters
    ----------
    source : str
        ``resnet50`` (``101``, ``152``) with `weights`, ``torchvision:NAME``, ``timm:NAME``, ``hub:OWNER/REPO:ENTRY`` or
        ``hf:OWNER/REPO``; to be changed also the name of a bundled model or the path of an ONNX file.
    out : Path or str, optional
        The ONNX file; by default, for a model as it is, in the folder of models, where `source` is found as a model's
        name from then on.
    progress : Progress, optional
    **options
        The fields of `placeprint.training.options.ExportOptions`: ``weights``, ``branch``, ``trust`` and ``name`` of
        what is written; ``whiten``, ``whitening``, ``dim`` and ``precision`` to change it; ``measure`` and ``preset``
        to compare it; ``cache`` and ``workers``.

    Raises
    ------
    UsageError
        For a source that is not understood, or options that do not go together.
    DatasetError
        When there are too few images to learn from.
    ModelError
        When a file is missing or is not what it should be, or the graph computes something else than its parts.
    MissingExtraError
        Without PyTorch (only for sources that need it), onnx or ONNX Runtime.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.export("efficientnet-lite0", "small.onnx", precision="float16").path.name
    'small.onnx'
    """
    asked, path = ExportOptions(**options), None if out is None else Path(out)
    network = ModelSource(source, asked.weights, asked.branch, asked.trust)
    if not asked.changes:
        return export_source(network, path, name=asked.name)
    if path is None or path.suffix.lower() != ".onnx":
        raise UsageError("a changed model is a file of your own: --out model.onnx")
    require_room(path, path.with_suffix(".md"))
    measure = None if asked.measure is None else manifest_of(asked.measure)
    asked = dataclasses.replace(asked, measure=measure)
    with tempfile.TemporaryDirectory() as folder:
        changed = _base(network, Path(folder))
        if asked.whiten is not None:
            changed = _whitened(changed, manifest_of(asked.whiten), asked, progress)
        if asked.precision is not None:
            changed = _smaller(changed, asked.precision, measure)
        return finished(changed, path, asked, progress)


def _base(source: ModelSource, folder: Path) -> Changed:
    """Return the model to change; what is not here as an ONNX file is exported into a folder that goes."""
    name, note = source.name, ""
    if name in BLOCKS or (is_source(name) and source.weights is not None):
        done = export_source(source, folder / "base.onnx")
        name, note = str(done.path), done.note
    elif source.weights is not None:
        raise UsageError(f"--weights goes with {', '.join(BLOCKS)} or timm:NAME, not with {name}")
    elif is_source(name) and find_exported(name) is None:
        name = export_source(source).spec.name
    return begun(name, note=note)


def _whitened(changed: Changed, images: Manifest, options: ExportOptions, progress: Progress | None) -> Changed:
    """Learn a whitening and write it behind the graph."""
    vectors, places = learned_vectors(images, changed.model, options, progress)
    if len(vectors) < FEWEST:
        raise DatasetError(f'"{images.root}" has {len(vectors)} photos that can be used: a whitening needs {FEWEST}')
    counts, kind, dim = Counter(places), options.whitening, options.dim
    if kind == "places" and max(counts.values()) < 2:
        raise DatasetError(
            f'"{images.root}" has no place with two photos, so nothing tells what changes within a place: take '
            "--whitening pca"
        )
    change = learn_whitening(kind, vectors, places)
    try:
        change = change.cut(vectors, dim) if dim is not None else change
    except VectorError as error:
        raise UsageError(str(error)) from error
    data, spec, cosine = fuse(changed.data, changed.spec, change)
    cut = "" if dim is None else f", cut to its first {dim} principal components"
    step = f"whitening ({kind}) of {len(vectors)} photos of {len(counts)} places{cut}"
    return dataclasses.replace(changed, data=data, spec=spec, steps=(step,), cosine=cosine, learned_from=images.root)


def _smaller(changed: Changed, precision: str, images: Manifest | None) -> Changed:
    """Write the graph in fewer bits."""
    if precision == "int8" and images is not None:
        data = quantised(changed.data, network_inputs(images, changed.spec))
        step = "int8, ranges of activations from photos (static quantisation by ONNX Runtime)"
    else:
        data = narrowed(changed.data, precision)
        step = f"weights in {precision}"
    note = changed.note
    if images is None:
        unmeasured = "nothing measured: --measure DATASET compares it with the model it was made from"
        note = f"{note}. {unmeasured}" if note else unmeasured
    return dataclasses.replace(changed, data=data, steps=(*changed.steps, step), note=note)
