"""Refuses embeddings of another model than the gallery's: they cannot be compared."""

from __future__ import annotations

from placeprint.errors import GalleryMismatchError
from placeprint.records import ModelSpec


def require_same_model(where: str, kept: ModelSpec, asked: ModelSpec) -> None:
    """Refuse a model that is not the gallery's.

    `where`: The gallery, for people; ``None`` for one in memory.
    `kept`, `asked`: The gallery's, and the query's.
    Raises `GalleryMismatchError`: it names both models.
    """
    if asked.fingerprint() != kept.fingerprint():
        named = "the gallery" if where == "None" else f'gallery "{where}"'
        raise GalleryMismatchError(
            f"{named} was built with model {kept} but the query model is {asked}. "
            f"Rebuild it with: placeprint index DATASET -o GALLERY --model {asked.name}"
        )
