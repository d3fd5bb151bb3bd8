"""Sources whose networks other libraries define: ``timm:``, ``hub:``, and torchvision's other networks.

The network is run once by PyTorch and written down. Weights of one's own are read as `checkpoints` reads them; what the
library downloads by itself is opened by the library.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Maps, Vectors
from placeprint.embedding.export.candidate import IMAGENET_MEAN, IMAGENET_STD, Candidate, ModelSource
from placeprint.embedding.export.checkpoints import read_checkpoint, torch_package
from placeprint.embedding.export.parameter_names import matched
from placeprint.embedding.model_folder import models_folder
from placeprint.embedding.zoo import known_model, licence_warning
from placeprint.errors import ModelError, UsageError, first_line
from placeprint.records import ModelSpec

OPSET = 17
_ENTRIES: dict[str, dict[str, object]] = {
    "get_trained_boq": {"backbone_name": "dinov2", "output_dim": 12288},
    "get_trained_model": {"backbone": "ResNet50", "fc_output_dim": 2048},
}
"""Arguments of the entries of `hub:`, where an entry makes several models."""


def timm_candidate(source: ModelSource) -> Candidate:
    """Return the graph of a network of timm, with its own preprocessing.

    Raises `ModelError` when timm is not installed, knows no such network, or cannot download its weights.
    """
    torch_package()
    name, weights = source.rest, source.weights
    try:
        import timm
    except ImportError as error:
        raise ModelError(
            f'model "{source.name}" needs timm: pip install timm, or bring an .onnx file with its .json into '
            f'"{models_folder()}" and give its path'
        ) from error
    try:
        model = timm.create_model(name, pretrained=weights is None, num_classes=0)
    except Exception as error:  # no network, no such name, no such weights: timm raises what its parts raise
        raise ModelError(
            f'model "{source.name}": timm cannot make it ({first_line(error)}). Without a network bring '
            f"https://huggingface.co/timm/{name}/resolve/main/model.safetensors and give it with --weights"
        ) from error
    note = "" if weights is None else _load(model, weights, what=name, branch=source.branch)
    config = timm.data.resolve_model_data_config(model)
    side = int(config["input_size"][-1])
    spec = ModelSpec(
        name=source.name,
        dim=int(model.num_features),
        input_size=side,
        resize="torchvision",
        resize_size=int(side / config.get("crop_pct", 0.875)),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        mean=_of_255(config["mean"]),
        std=_of_255(config["std"]),
        licence=str((getattr(model, "pretrained_cfg", None) or {}).get("license", "")),
        source=f"timm {name}" + (f", {weights.name}" if weights else ""),
    )
    return traced(model, spec, note=note)


def hub_candidate(source: ModelSource) -> Candidate:
    """Return the graph of a model that ``torch.hub`` loads.

    Raises `UsageError` without trust, and for what is no ``hub:OWNER/REPO:ENTRY``; `ModelError` when it cannot be
    loaded.
    """
    repo, *entries = source.rest.split(":")
    if len(entries) != 1 or repo.count("/") != 1 or not all((*repo.split("/"), entries[0])):
        raise UsageError(f'"{source.name}" must be hub:OWNER/REPO:ENTRY')
    entry, known = entries[0], known_model(source.name)
    licence = known.licence if known else "not known here"
    if not source.trust:
        raise UsageError(
            f'"{source.name}" downloads the code of github.com/{repo} and runs it on this machine with your rights. '
            f"Licence: {licence}. If you trust it, add --trust"
        )
    torch = torch_package()
    arguments = _ENTRIES.get(entry, {}) if "megaloc" not in source.name.lower() else {}
    try:
        model = torch.hub.load(repo, entry, trust_repo=True, **arguments)
    except Exception as error:  # the network, or anything that the stranger's code raises
        raise ModelError(
            f'model "{source.name}" cannot be loaded ({first_line(error)}). It needs a network; on a machine with one, '
            f'run this command and bring the .onnx and .json that it writes into "{models_folder()}/exported"'
        ) from error
    side = known.input_size if known else 224
    spec = ModelSpec(
        name=source.name,
        dim=known.dim if known else len(_run(model, np.zeros((1, 3, side, side), np.float32))[0]),
        input_size=side,
        resize="squash",
        interpolation="bicubic",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence=licence,
        source=f"torch.hub github.com/{repo} {entry}",
    )
    note = f"licence of {repo}: {licence}{licence_warning(licence)}"
    return traced(model, spec, note=note)


def other_torchvision_candidate(source: ModelSource) -> Candidate:
    """Return the graph of a network that only torchvision defines, as ``torchvision:efficientnet_b0``.

    Raises `ModelError`.
    """
    torch, name = torch_package(), source.rest.split(":")[0]
    try:
        from torchvision import models
    except ImportError as error:
        raise ModelError(
            f'model "{source.name}" needs torchvision: pip install torchvision (only resnet50, resnet101 and resnet152 '
            "are defined here)"
        ) from error
    try:
        chosen = models.get_model_weights(name).DEFAULT
        model = models.get_model(name)
    except (KeyError, ValueError) as error:
        raise UsageError(f'model "{source.name}": torchvision has no such network') from error
    path = models_folder() / chosen.url.rsplit("/", 1)[1]
    if not path.is_file():
        raise ModelError(
            f'model "{source.name}" needs its weights: bring {chosen.url} and put it into "{models_folder()}"'
        )
    _load(model, path, what=name, published=True)
    model.classifier = torch.nn.Identity()
    sizes = chosen.transforms()
    spec = ModelSpec(
        name=source.name,
        dim=_run(model, np.zeros((1, 3, 224, 224), np.float32)).shape[1],
        input_size=sizes.crop_size[0],
        resize="torchvision",
        resize_size=sizes.resize_size[0],
        interpolation=sizes.interpolation.value,
        mean=_of_255(sizes.mean),
        std=_of_255(sizes.std),
        licence="BSD-3-Clause (torchvision)",
        source=f"torchvision {name}, {path.name}",
    )
    return traced(model, spec)


def traced(model: Any, spec: ModelSpec, *, note: str = "") -> Candidate:
    """Write down what a module does with one image; the number of images stays free, the sides do not.

    Raises `ModelError` when PyTorch cannot write it.
    """
    torch = torch_package()
    wrapped = torch.nn.Module()
    wrapped.inner = model.eval()
    wrapped.forward = lambda image: _flat(wrapped.inner(image))
    file = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # that this exporter is the old one, and that shapes become constants
            torch.onnx.export(
                wrapped,
                (torch.zeros(1, 3, spec.input_size, spec.input_size),),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=["image"],
                output_names=["embedding"],
                dynamic_axes={"image": {0: "n"}, "embedding": {0: "n"}},
            )
    except Exception as error:  # an operator that has no ONNX counterpart, or code that cannot be traced
        raise ModelError(f'model "{spec.name}" cannot be written as ONNX: {first_line(error)}') from error
    return Candidate(file.getvalue(), spec, lambda images: _run(model, images), free=False, note=note)


def _flat(output: Any) -> Any:
    """Return the embedding of what a module gives: the first of several outputs."""
    return (output[0] if isinstance(output, (tuple, list)) else output).flatten(1)


def _run(model: Any, images: Maps) -> Vectors:
    torch = torch_package()
    with torch.inference_mode():
        return np.asarray(_flat(model.eval()(torch.from_numpy(images))).numpy(), np.float32)


def _load(model: Any, weights: Path, *, what: str, branch: str = "", published: bool = False) -> str:
    """Fill a module with exactly the weights that it has; return what was left out."""
    torch, checkpoint = torch_package(), read_checkpoint(weights, published=published)
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    floats = {key: shape for key, shape in wanted.items() if not key.endswith("num_batches_tracked")}
    found = matched(checkpoint, floats, what=what, branch=branch)
    model.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in found.state.items()}, strict=False)
    return found.note


def _of_255(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) * 255 for value in values)
    return first, second, third
