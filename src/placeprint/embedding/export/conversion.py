"""Source to ONNX file: make the graph, compare it, and keep it only when it is right.

`placeprint.export` is in `placeprint.training.export`: it can change what is made here by photographs.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from placeprint.embedding.export.candidate import Candidate
from placeprint.embedding.export.effect import Change
from placeprint.embedding.export.output_path import require_room
from placeprint.embedding.export.parity import check_parity
from placeprint.embedding.export.resnet import BLOCKS
from placeprint.embedding.export.resnet_sources import is_ours, resnet_candidate, torchvision_candidate
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
    change : Change or None
        How it does on photographs beside the model it was made from, where that was measured.
    """

    path: Path
    spec: ModelSpec
    cosine: float | None
    note: str
    change: Change | None = None


def export_source(
    source: str,
    out: Path | None = None,
    *,
    weights: Path | None = None,
    branch: str = "",
    name: str | None = None,
    trust: bool = False,
) -> Exported:
    """Write a model as an ONNX file with its description beside it; nothing is kept when anything is wrong.

    Parameters
    ----------
    source : str
        ``resnet50`` (``101``, ``152``) with `weights`, ``torchvision:NAME``, ``timm:NAME``, ``hub:OWNER/REPO:ENTRY`` or
        ``hf:OWNER/REPO``.
    out : Path, optional
        The ONNX file; by default in the folder of models, where `source` is found as a model's name from then on.
    weights : Path, optional
        A checkpoint, as ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors``; heads and what is beside the network are left
        out.
    branch : str
        Which network of the checkpoint where it holds several, as ``teacher``.
    name : str, optional
        What the model is called; by default the source, or the file's stem.
    trust : bool
        Let ``hub:`` run the code of its repository.

    Raises
    ------
    UsageError
        For a source that is not understood.
    ModelError
        When a file is missing or is not what it should be, or the graph computes something else than PyTorch.
    MissingExtraError
        Without PyTorch, ONNX or ONNX Runtime.
    """
    if out is None and not is_source(source):
        raise UsageError(f'say where to write "{source}": --out model.onnx')
    if out is None and name is not None:
        raise UsageError("--name goes with --out: in the folder of models a model is called what its source is")
    if out is not None and out.suffix.lower() != ".onnx":
        raise UsageError(f'the file to write must end with .onnx, not "{out}"')
    if out is not None:
        require_room(out)
    candidate = _candidate(source, weights, branch, out.stem if out else source, trust=trust)
    spec = dataclasses.replace(candidate.spec, name=name or candidate.spec.name)
    cosine = None
    if candidate.reference is not None:
        cosine = check_parity(
            candidate.data, candidate.reference, side=spec.input_size, free=candidate.free, dim=spec.dim
        )
    path = out or place_for_export(candidate.spec.name)
    return Exported(path, keep(candidate.data, spec, path), cosine, candidate.note)


def _candidate(source: str, weights: Path | None, branch: str, stem: str, *, trust: bool) -> Candidate:
    scheme, _, rest = source.partition(":")
    if source in BLOCKS:
        if weights is None:
            raise UsageError(f"{source} needs --weights FILE.pth; torchvision:{source} looks for torchvision's own")
        return resnet_candidate(stem, source, weights, branch=branch)
    if weights is not None and scheme != "timm":
        raise UsageError(f"--weights goes with {', '.join(BLOCKS)} or timm:NAME, not with {source}")
    if not is_source(source):
        known = "torchvision:NAME, timm:NAME, hub:OWNER/REPO:ENTRY or hf:OWNER/REPO"
        raise UsageError(f'source "{source}" is not known: give {", ".join(BLOCKS)} with --weights, {known}')
    if scheme == "torchvision" and is_ours(rest.split(":")[0]):
        return torchvision_candidate(source)
    if scheme == "hf":
        from placeprint.embedding.export.hugging_face import hub_file_candidate

        return hub_file_candidate(source)
    from placeprint.embedding.export import traced

    if scheme == "timm":
        return traced.timm_candidate(source, weights, branch=branch)
    if scheme == "hub":
        return traced.hub_candidate(source, trust=trust)
    return traced.other_torchvision_candidate(source)


def keep(data: bytes, spec: ModelSpec, path: Path, *, card: str = "") -> ModelSpec:
    """Write the ONNX file, its description and its card; without the description the ONNX file is not kept.

    Parameters
    ----------
    data : bytes
    spec : ModelSpec
    path : Path
        Of the ONNX file; the others lie beside it, with the endings ``.json`` and ``.md``.
    card : str
        Empty for none.

    Returns
    -------
    ModelSpec
        With the hash of the weights.

    Raises
    ------
    UsageError
        When files of somebody else are there.
    ModelError
        When the folder cannot be written to.
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
