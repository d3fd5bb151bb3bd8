"""Source ``hf:OWNER/REPO``: an ONNX file of a model hub that was brought here, with its preprocessing.

Nothing is downloaded, and no PyTorch is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.embedding.export.candidate import Candidate, ModelSource
from placeprint.embedding.export.parity import seeded_images
from placeprint.embedding.model_folder import models_folder
from placeprint.embedding.onnx_file import read_onnx, refuse_unsafe
from placeprint.embedding.runners.openvino_runner import openvino_package, read_graph
from placeprint.embedding.sidecar import LARGEST, LARGEST_SIDE
from placeprint.errors import ModelError, UsageError
from placeprint.records import ModelSpec
from placeprint.storage.regular_files import read_regular

_PLACES = ("model.onnx", "onnx/model.onnx")
_OUTPUTS = ("embedding", "image_embeds", "pooler_output", "sentence_embedding")
_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as the hub's files have them."""


def hub_file_candidate(source: ModelSource) -> Candidate:
    """Return the ONNX file of a repository of the hub.

    Raises `UsageError` for what is no ``hf:OWNER/REPO``; `ModelError` when the files are not here (the message names
    them and the folder), or cannot be understood.
    """
    repo = source.rest
    parts = repo.split("/")
    if len(parts) != 2 or any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        raise UsageError(f'"{source.name}" must be hf:OWNER/REPO')
    folder = models_folder() / repo
    path = next((folder / place for place in _PLACES if (folder / place).is_file()), None)
    config = folder / "preprocessor_config.json"
    if path is None or not config.is_file():
        url = f"https://huggingface.co/{repo}/resolve/main/"
        raise ModelError(
            f'model "{source.name}": bring {url}onnx/model.onnx and {url}preprocessor_config.json and put both into '
            f'"{folder}" (PLACEPRINT_MODELS names another folder)'
        )
    data = read_onnx(path)
    refuse_unsafe(path, data)
    return Candidate(data, _described(source, path, data, config), reference=None, free=False)


def _described(source: ModelSource, path: Path, data: bytes, config: Path) -> ModelSpec:
    try:
        row = json.loads(read_regular(config, LARGEST))
        side = _side(row.get("crop_size") or row["size"])
        resized = _side(row["size"]) if row.get("do_center_crop") else side
        mean, std = (tuple(255 * float(v) for v in row[key]) for key in ("image_mean", "image_std"))
        interpolation = _INTERPOLATIONS[row.get("resample", 2)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f'"{config}" is not understood ({type(error).__name__}: {error})') from error
    output, dim = _output(path, data, side)
    return ModelSpec(
        name=source.name,
        dim=dim,
        input_size=side,
        resize="torchvision" if row.get("do_center_crop") else "squash",
        resize_size=resized,
        interpolation=interpolation,
        mean=mean,  # type: ignore[arg-type]  # ModelSpec counts them
        std=std,  # type: ignore[arg-type]
        embedding_output=output,
        licence="see the repository's card",
        source=f"https://huggingface.co/{source.rest}",
    )


def _side(size: int | Mapping[str, Any]) -> int:
    """Return pixels of ``224``, ``{"shortest_edge": 256}`` or ``{"height": 224, "width": 224}``."""
    side = int(size) if isinstance(size, int) else int(size.get("shortest_edge") or size["height"])
    if not 1 <= side <= LARGEST_SIDE:
        raise ValueError(f"a side of {side} pixels")
    return side


def _output(path: Path, data: bytes, side: int) -> tuple[str, int]:
    """Return name and length of the output that is an embedding: one vector for an image."""
    try:
        core = openvino_package().Core()
        model = read_graph(data)
        model.reshape({model.input(0).get_any_name(): [1, 3, side, side]})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs = compiled([seeded_images(1, side, side, 0)])
        found = {name: np.array(outputs[out]) for out in compiled.outputs for name in out.get_names()}
    except RuntimeError as error:
        raise ModelError(f'OpenVINO cannot run "{path}": {str(error).strip().splitlines()[-1]}') from error
    for name in _OUTPUTS:
        if name in found and found[name].ndim == 2:
            if not (np.isfinite(found[name]).all() and found[name].any()):
                raise ModelError(f'"{path}": the output "{name}" is NaN, infinity or only zeros; nothing was kept')
            return name, int(found[name].shape[1])
    raise ModelError(f'"{path}" has none of the outputs {", ".join(_OUTPUTS)} with one vector for an image')
