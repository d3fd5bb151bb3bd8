"""What a gallery says of itself, wherever it is asked: `placeprint.info`, and the address ``/v1/about`` of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from placeprint.gallery.calibration import Calibration
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.protocol import AnyGallery


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """What may be told of a gallery to anybody who may ask it: no path is in it.

    Attributes
    ----------
    model, fingerprint : str
        What its embeddings are of.
    preset : str
    images : int
    places, located : int or None
        Places, and images with a position; None where they were not counted.
    calibration : Calibration or None
    positions : PositionEvidence or None
        From which follows when an answer has a position.

    Examples
    --------
    >>> import placeprint
    >>> facts = placeprint.info("town.gallery").facts
    >>> facts.images, facts.places, facts.preset
    (11, 5, 'fast')
    """

    model: str
    fingerprint: str
    preset: str
    images: int
    places: int | None
    located: int | None
    calibration: Calibration | None
    positions: PositionEvidence | None

    @classmethod
    def of(cls, gallery: AnyGallery, places: int | None, located: int | None) -> GalleryFacts:
        """Return the facts of a gallery, whose places were counted or not."""
        spec = gallery.spec
        name, print_ = spec.name, spec.fingerprint()
        learned, positions = gallery.calibration, gallery.position_evidence
        return cls(name, print_, gallery.preset.name, len(gallery), places, located, learned, positions)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        learned = self.calibration
        return {
            "model": {"name": self.model, "fingerprint": self.fingerprint},
            "preset": self.preset,
            "images": self.images,
            "places": self.places,
            "located": self.located,
            "positions": self.positions and {"asked": self.positions.asked, "changed": self.positions.changed},
            "calibration": None
            if learned is None
            else {
                "threshold": learned.threshold,
                "false_accept_rate": learned.false_accept_rate,
                "stale": bool(learned.stale),
                "changed": learned.changed,
                "outdated": learned.outdated("GALLERY") or None,
                "trade_off": [point.to_dict() for point in learned.trade_off],
            },
        }
