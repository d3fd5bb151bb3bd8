"""Models of the field that can be brought: what each is, under which licence, and what was published of it.

A figure is here only with the place where its authors publish it; where none was at hand the field is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from placeprint.dataset.protocols.published import own_figure
from placeprint.dataset.protocols.table import find_protocol
from placeprint.embedding.model_folder import find_exported


@dataclass(frozen=True, slots=True)
class ZooModel:
    """One model of the field."""

    name: str
    # dim, input_size: Of the embedding, and pixels of the usual input.
    dim: int
    input_size: int
    parameters: float | None  # Millions, without a classifier; None where nobody was found to say.
    # Of code and weights as their authors state it. Images that a model was trained on may have terms of their own.
    licence: str
    commercial: bool  # True when the stated licence lets a closed product use it: not GPL, not unstated.
    source: str  # What `placeprint export` takes, or where the authors publish it.
    recall_at_1: float | None = None  # As published, per cent.
    # benchmark, citation: Of that figure.
    benchmark: str = ""
    citation: str = ""
    here: bool = False  # True when it was exported and can be used now.


def _published(model: str, protocol: str) -> tuple[float, str, str]:
    """Return the Recall@1 that a model's authors publish, on what, and where."""
    figure = own_figure(model, protocol)
    return figure.values["R@1"], find_protocol(protocol).title, figure.citation


_BSD = "BSD-3-Clause (torchvision)"
_KNOWN = (
    ZooModel("ResNet50", 2048, 224, 23.5, _BSD, True, "torchvision:resnet50"),
    ZooModel("ResNet101", 2048, 224, 42.5, _BSD, True, "torchvision:resnet101"),
    ZooModel("ResNet152", 2048, 224, 58.1, _BSD, True, "torchvision:resnet152"),
    ZooModel("EfficientNet-B0", 1280, 224, 4.0, _BSD, True, "torchvision:efficientnet_b0"),
    ZooModel("NetVLAD (VGG16)", 4096, 640, None, "MIT", True, "https://github.com/Relja/netvlad"),
    ZooModel("CosPlace (ResNet50)", 2048, 512, 27.7, "MIT", True, "hub:gmberton/CosPlace:get_trained_model"),
    ZooModel("EigenPlaces (ResNet50)", 2048, 512, 27.7, "MIT", True, "hub:gmberton/EigenPlaces:get_trained_model"),
    ZooModel(
        *("MixVPR (ResNet50)", 4096, 320, None, "none stated", False, "https://github.com/amaralibey/MixVPR"),
        *_published("MixVPR (ResNet50)", "pitts30k"),
    ),
    ZooModel(
        *("SALAD (DINOv2)", 8448, 322, None, "GPL-3.0", False, "hub:serizba/salad:dinov2_salad"),
        *_published("SALAD (DINOv2)", "msls-val"),
    ),
    ZooModel(
        *("BoQ (DINOv2)", 12288, 322, None, "MIT", True, "hub:amaralibey/bag-of-queries:get_trained_boq"),
        *_published("BoQ (DINOv2)", "pitts30k"),
    ),
    ZooModel(
        *("MegaLoc (DINOv2)", 8448, 322, None, "MIT; parts from SALAD (GPL-3.0)", False),
        "hub:gmberton/MegaLoc:get_trained_model",
    ),
    ZooModel("DINOv2 (ViT-B/14)", 768, 224, 86.6, "Apache-2.0", True, "hub:facebookresearch/dinov2:dinov2_vitb14"),
)


def list_zoo(*, commercial_only: bool = False) -> tuple[ZooModel, ...]:
    """Return the models of the field, and whether each is here.

    `commercial_only`: Leave out what a closed product may not use, or whose licence nobody states.
    """
    return tuple(
        replace(model, here=find_exported(model.source) is not None)
        for model in _KNOWN
        if model.commercial or not commercial_only
    )


def licence_warning(licence: str) -> str:
    """Return what to mind of a licence, to put behind its name; empty for nothing."""
    if "GPL" not in licence:
        return ""
    return ". The GPL reaches what you distribute with this model: ask before you ship it in a closed product"


def known_model(source: str) -> ZooModel | None:
    """Return the model of a source, however its letters are written."""
    return next((model for model in _KNOWN if model.source.lower() == source.lower()), None)
