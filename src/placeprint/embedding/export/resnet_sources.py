"""Sources ``resnet50 --weights FILE`` and ``torchvision:resnet50``: our own definition, torchvision's weights."""

from __future__ import annotations

from pathlib import Path

from placeprint.embedding.export.candidate import IMAGENET_MEAN, IMAGENET_STD, Candidate, ModelSource
from placeprint.embedding.export.checkpoints import read_checkpoint, torch_package
from placeprint.embedding.export.parameter_names import matched
from placeprint.embedding.export.resnet import DIM, parameters, run_by_torch
from placeprint.embedding.export.resnet_graph import write_resnet
from placeprint.embedding.model_folder import VERSIONS, models_folder
from placeprint.errors import ModelError, UsageError
from placeprint.records import ModelSpec

URL = "https://download.pytorch.org/models/"
FILES = {
    "resnet50": ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"),
    "resnet101": ("resnet101-63fe2227.pth", "resnet101-cd907fc2.pth"),
    "resnet152": ("resnet152-394f9c45.pth", "resnet152-f82ba261.pth"),
}
"""torchvision's weights V1 and V2."""
RESIZE = (256, 232)
"""Pixels of the shorter side, V1 and V2; then the centre of 224 is cut out."""
LICENCE = "BSD-3-Clause (torchvision)"
IN_A_ROW = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""First names in checkpoints whose backbone is ``nn.Sequential(*resnet.children())``, as many of the field's are."""


def resnet_candidate(name: str, architecture: str, weights: Path, *, branch: str = "") -> Candidate:
    """Return the graph of a ResNet with the weights of a file.

    `name`: What the model is called.
    `architecture`: ``resnet50``, ``resnet101`` or ``resnet152``.
    `weights`: A checkpoint; by its name V2 of torchvision's weights is told from V1, which is how others are prepared
    for too.
    `branch`: Which network of the checkpoint, see `placeprint.embedding.export.parameter_names.matched`.
    Raises `ModelError`, `MissingExtraError` or `UsageError`.
    """
    torch_package()
    checkpoint = read_checkpoint(weights, published=any(weights.name in both for both in FILES.values()))
    found = matched(checkpoint, parameters(architecture), what=architecture, branch=branch, spellings=(IN_A_ROW,))
    version = int(weights.name in [v2 for _, v2 in FILES.values()])
    published = weights.name in FILES[architecture]
    under = f' under "{found.branch}"' if found.branch else ""
    spec = ModelSpec(
        name=name,
        dim=DIM,
        input_size=224,
        resize="torchvision",
        resize_size=RESIZE[version],
        interpolation="bilinear",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        pooling="graph",
        licence=LICENCE if published else "",
        source=f"{architecture}, {weights.name}{under}, SHA-256 {checkpoint.sha256}",
    )
    note = f"{found.note}. The embedding is the mean of the last map" if found.note else ""
    return Candidate(
        write_resnet(found.state, architecture), spec, run_by_torch(found.state, architecture), free=True, note=note
    )


def torchvision_candidate(source: ModelSource) -> Candidate:
    """Return the graph for ``torchvision:resnet50``, with ``:v1`` or ``:v2`` when one is meant.

    Raises `UsageError` for a version that there is not; `ModelError` when the weights are not in the folder of models:
    the message names the file, its address and the folder.
    """
    architecture, *wanted = source.rest.split(":", 1)
    files = dict(zip(VERSIONS, FILES[architecture], strict=True))
    for version in wanted or VERSIONS:
        if version not in files:
            raise UsageError(f'model "{source.name}": version "{version}" is neither {" nor ".join(VERSIONS)}')
        path = models_folder() / files[version]
        if path.is_file():
            return resnet_candidate(f"torchvision:{architecture}:{version}", architecture, path)
    addresses = " or ".join(URL + files[version] for version in wanted or VERSIONS)
    raise ModelError(
        f'model "{source.name}" needs its weights: bring {addresses} and put the file into "{models_folder()}" '
        "(PLACEPRINT_MODELS names another folder)"
    )
