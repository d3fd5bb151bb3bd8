"""Figures that were published on the field's protocols, each with the place where it is.

Whoever publishes a model's figure may have measured another's: the citation says whose table it is. Per cent.
The tables of the EigenPlaces paper were compared, number by number, with a transcription of all their rows; its PDF was
not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One model on one protocol, as published."""

    model: str  # As in ``placeprint models --known``.
    protocol: str
    values: Mapping[str, float]  # By measure: ``R@1``, ``mAP``; per cent.
    dim: int  # Of its embeddings.
    citation: str


_KS = ("R@1", "R@5", "R@10", "R@20")
_EIGENPLACES = "Berton et al., ICCV 2023, tables 3 and 4"
_COLUMNS = (
    *("amstertime", "eynsham", "pitts30k", "pitts250k", "tokyo247", "sf-xl-v1", "sf-xl-v2"),
    *("msls-val", "nordland", "st-lucia"),
    *("svox-night", "svox-overcast", "svox-rain", "svox-snow", "svox-sun"),
)
_AT_1 = {
    ("NetVLAD (VGG16)", 4096): (
        *(16.3, 77.7, 85.0, 85.9, 69.8, 40.0, 76.9),
        *(58.9, 13.1, 64.6, 8.0, 66.4, 51.5, 54.4, 35.4),
    ),
    ("CosPlace (ResNet50)", 2048): (
        *(47.7, 90.0, 90.9, 92.3, 87.3, 76.4, 88.8),
        *(87.4, 71.9, 99.6, 50.7, 92.2, 87.0, 92.0, 78.5),
    ),
    ("EigenPlaces (ResNet50)", 2048): (
        *(48.9, 90.7, 92.5, 94.1, 93.0, 84.1, 90.8),
        *(89.1, 71.2, 99.6, 58.9, 93.1, 90.0, 93.1, 86.4),
    ),
    ("MixVPR (ResNet50)", 4096): (
        *(40.2, 89.4, None, None, 85.1, 71.1, 88.5),
        *(None, 76.2, 99.6, 64.4, 96.2, 91.5, 96.8, 84.8),
    ),
}
"""Recall@1 in one table of one paper; None where the model's own authors publish a figure."""

_OWN: Mapping[tuple[str, int, str], Mapping[str, tuple[float, ...]]] = {
    ("MixVPR (ResNet50)", 4096, "Ali-bey et al., WACV 2023; github.com/amaralibey/MixVPR"): {
        "pitts30k": (91.6, 95.5, 96.4),
        "pitts250k": (94.3, 98.2, 98.9),
        "msls-val": (88.2, 93.1, 94.3),
    },
    ("SALAD (DINOv2)", 8448, "Izquierdo and Civera, CVPR 2024; github.com/serizba/salad"): {
        "msls-val": (92.2, 96.4, 97.0),
        "pitts250k": (95.1, 98.5, 99.1),
        "sped": (92.1, 96.2, 96.5),
        "sf-xl-v1": (88.6,),
        "sf-xl-v2": (94.8,),
    },
    ("BoQ (DINOv2)", 12288, "Ali-bey et al., CVPR 2024; github.com/amaralibey/Bag-of-Queries"): {
        "pitts30k": (93.7,),
    },
    ("CosPlace (ResNet18)", 512, "github.com/gmberton/VPR-methods-evaluation"): {
        "st-lucia": (98.8, 99.7, 99.9, 100.0),
    },
}
_REVISITED = ("R-[37]-GeM (ResNet101)", 2048, "Radenović et al., CVPR 2018; github.com/filipradenovic/revisitop")
_MAP = {
    "roxford5k-easy": 84.81,
    "roxford5k-medium": 64.67,
    "roxford5k-hard": 38.47,
    "rparis6k-easy": 92.12,
    "rparis6k-medium": 77.20,
    "rparis6k-hard": 56.32,
}


def published(protocol: str) -> tuple[Figure, ...]:
    """Return the figures of a protocol, the best first."""
    found = [figure for figure in _every() if figure.protocol == protocol]
    return tuple(sorted(found, key=lambda figure: -next(iter(figure.values.values()))))


def own_figure(model: str, protocol: str) -> Figure:
    """Return the figure that a model's authors publish. Raises `KeyError`."""
    for figure in _every():
        if (figure.model, figure.protocol) == (model, protocol):
            return figure
    raise KeyError(model, protocol)


def _every() -> Iterator[Figure]:
    for (model, dim, citation), rows in _OWN.items():
        for protocol, values in rows.items():
            yield Figure(model, protocol, dict(zip(_KS, values, strict=False)), dim, citation)
    for (model, dim), row in _AT_1.items():
        for protocol, value in zip(_COLUMNS, row, strict=True):
            if value is not None:
                yield Figure(model, protocol, {"R@1": value}, dim, _EIGENPLACES)
    model, dim, citation = _REVISITED
    for protocol, value in _MAP.items():
        yield Figure(model, protocol, {"mAP": value}, dim, citation)
