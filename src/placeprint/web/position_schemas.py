"""How positions look, for the OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class PositionFound(BaseModel):
    """Where a photo was taken, by what it shows, within a radius in metres at the stated share; else why not."""

    latitude: float | None
    longitude: float | None
    radius: float | None
    share: float
    false_accept_rate: float
    confidence: float | None
    images: list[str]
    why: str


class LocatedPhoto(PositionFound):
    """A photo and its position."""

    photo: str


class LocatedPhotos(BaseModel):
    """Photos in the order in which they were sent."""

    photos: list[LocatedPhoto]


class LocatedFeatures(BaseModel):
    """The same as GeoJSON (RFC 7946): points, longitude first; what is not located has no geometry."""

    type: str
    features: list[dict[str, Any]]
