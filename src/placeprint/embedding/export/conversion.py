"""Source to ONNX file: make the graph, compare it, and keep it only when it is right.

`placeprint.export` is in `placeprint.training.export`: it can change what is made here by what it learns from images.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from placeprint.embedding.export.candidate import Candidate, ModelSource
from placeprint.embedding.export.effect import Effect
from placeprint.embedding.export.output_path import require_onnx_ending, require_room
from placeprint.embedding.export.parity import check_parity
from placeprint.embedding.export.resnet import BLOCKS
from placeprint.embedding.export.resnet_sources import resnet_candidate, torchvision_candidate
from placeprint.embedding.model_folder import is_source, place_for_export
from placeprint.errors import ModelError, UsageError
from placeprint.records import ModelSpec
from placeprint.storage.atomic import write_atomic, write_json


@dataclass(frozen=True, slots=True)
class Exported:
    """A model that was written.

    Attributes
    ----------
    path : Path
        The ONNX file; its description lies beside it with the ending ``.json``.
    spec : ModelSpec
    cosine : float or None
        The lowest similarity to PyTorch that was seen; None when the source was an ONNX file.
    note : str
        What a person must know before using it.
    change : Effect or None
        How it does on images beside the model it was made from, where that was measured.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.export("efficientnet-lite0", "small.onnx", precision="float16")  # doctest: +SKIP
    >>> done.path, done.spec.name  # doctest: +SKIP
    """

    path: Path
    spec: ModelSpec
    cosine: float | None
    note: str
    change: Effect | None = None


def export_source(source: ModelSource, out: Path | None = None, *, name: str | None = None) -> Exported:
    """Write a model as an ONNX file with its description beside it; nothing is kept when anything is wrong.

    `out`: The ONNX file; by default in the folder of models, where `source` is found as a model's name from then on.
    `name`: What the model is called; by default the source, or the file's stem.
    Raises `UsageError` for a source that is not understood; `ModelError` when a file is missing or is not what it
    should be, or the graph computes something else than PyTorch; `MissingExtraError` without PyTorch, ONNX or ONNX
    Runtime.
    """
    if out is None and not is_source(source.name):
        raise UsageError(f'say where to write "{source.name}": --out model.onnx')
    if out is None and name is not None:
        raise UsageError("--name goes with --out: in the folder of models a model is called what its source is")
    if out is not None:
        require_onnx_ending(out)
        require_room(out)
    candidate = _candidate(source, out.stem if out else source.name)
    spec = dataclasses.replace(candidate.spec, name=name or candidate.spec.name)
    cosine = None
    if candidate.reference is not None:
        cosine = check_parity(
            candidate.data, candidate.reference, side=spec.input_size, free=candidate.free, dim=spec.dim
        )
    path = out or place_for_export(candidate.spec.name)
    return Exported(path, keep(candidate.data, spec, path), cosine, candidate.note)


def _candidate(source: ModelSource, called: str) -> Candidate:
    if source.name in BLOCKS:
        if source.weights is None:
            raise UsageError(
                f"{source.name} needs --weights FILE.pth; torchvision:{source.name} looks for torchvision's own"
            )
        return resnet_candidate(called, source.name, source.weights, branch=source.branch)
    if source.weights is not None and source.scheme != "timm":
        raise UsageError(f"--weights goes with {', '.join(BLOCKS)} or timm:NAME, not with {source.name}")
    if not is_source(source.name):
        known = "torchvision:NAME, timm:NAME, hub:OWNER/REPO:ENTRY or hf:OWNER/REPO"
        raise UsageError(f'source "{source.name}" is not known: give {", ".join(BLOCKS)} with --weights, {known}')
    if source.scheme == "torchvision" and source.rest.split(":")[0] in BLOCKS:
        return torchvision_candidate(source)
    if source.scheme == "hf":
        from placeprint.embedding.export.hugging_face import hub_file_candidate

        return hub_file_candidate(source)
    from placeprint.embedding.export import traced

    kinds = {"timm": traced.timm_candidate, "hub": traced.hub_candidate}
    return kinds.get(source.scheme, traced.other_torchvision_candidate)(source)


def keep(data: bytes, spec: ModelSpec, path: Path, *, card: str = "") -> ModelSpec:
    """Write the ONNX file, its description and its card; without the description the ONNX file is not kept.

    `path`: Of the ONNX file; the others lie beside it, with the endings ``.json`` and ``.md``.
    `card`: Empty for none.
    Returns the spec with the hash of the weights.
    Raises `UsageError` when files of somebody else are there; `ModelError` when the folder cannot be written to.
    """
    cards = [path.with_suffix(".md")] if card else []
    require_room(path, *cards)
    spec = dataclasses.replace(spec, weights_sha256=hashlib.sha256(data).hexdigest())
    try:
        write_atomic(path, data)
        try:
            write_json(path.with_suffix(".json"), spec.to_dict())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        if card:
            write_atomic(cards[0], card.encode())
    except OSError as error:
        raise ModelError(f'"{path}" cannot be written: {error.strerror or error}') from error
    return spec
