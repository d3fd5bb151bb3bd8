"""``query --place --near --split``: which images of a gallery are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.gallery.filters import Near, Rows
    from placeprint.gallery.protocol import AnyGallery


@dataclass(frozen=True, slots=True)
class Chosen:
    """The images that are asked, and why these.

    Attributes
    ----------
    rows : Rows
    places : tuple of str
    near : tuple of 3 floats, or None
        Latitude, longitude, metres.
    split : str or None
    """

    rows: Rows
    places: tuple[str, ...]
    near: Near | None
    split: str | None

    @property
    def says(self) -> str:
        """One line for people."""
        parts = [f'place "{place}"' for place in self.places]
        words = [" or ".join(parts)] if parts else []
        if self.near is not None:
            words.append(f"within {self.near[2]:g} m of {self.near[0]:g},{self.near[1]:g}")
        if self.split is not None:
            words.append(f"split {self.split}")
        return f"asking {int(self.rows.sum())} of {counted(len(self.rows), 'image')}: {', '.join(words)}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        near = None if self.near is None else dict(zip(("latitude", "longitude", "metres"), self.near, strict=True))
        return {
            "places": list(self.places),
            "near": near,
            "split": self.split,
            "images": int(self.rows.sum()),
        }


def chosen(gallery: AnyGallery, *, places: Sequence[str], near: str | None, split: str | None) -> Chosen | None:
    """Return which images are asked; None when all of them are.

    Raises
    ------
    UsageError
        For what cannot be read, and as `placeprint.gallery.filters.rows_where`.
    """
    if not places and near is None and split is None:
        return None
    from placeprint.gallery.filters import parse_near, rows_where

    around = None if near is None else parse_near(near, "--near")
    rows = rows_where(gallery, places=places, near=around, split=split)
    return Chosen(rows, tuple(places), around, split)
