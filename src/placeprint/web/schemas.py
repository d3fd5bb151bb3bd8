"""How answers look, for the OpenAPI description; what is sent is made elsewhere, and tested against this."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from placeprint.records import Grade
from placeprint.web.position_schemas import PositionFound


class ProblemDetail(BaseModel):
    """A problem (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "photo: the content is not an image that can be read (JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF)",
                "error": "ImageError",
                "kind": "unreadable",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    error: str | None = None
    kind: str | None = None


class Ranked(BaseModel):
    """A candidate place."""

    place: str
    score: float
    images: int
    title: str | None = None


class Heat(BaseModel):
    """How alike each spot of the query and of the match is to what lies on it: rows of 0 to 1, the top row first."""

    query: list[list[float]]
    match: list[list[float]]


class MatchReason(BaseModel):
    """Why a match is there; `ends` are x, y in the query and x, y in the match, 0 to 1 of width and height."""

    says: str
    alike: int
    spots: int
    points: int
    times: float | None
    ends: list[list[float]]
    weights: list[float]
    heat: Heat


class MatchFound(BaseModel):
    """One gallery image beside the query."""

    row: int
    path: str
    places: list[str]
    score: float
    similarity: float | None
    titles: list[str]
    image: str
    url: str
    thumbnail: str
    width: int
    height: int
    latitude: float | None
    longitude: float | None
    explanation: MatchReason | None = None


class Asked(BaseModel):
    """Which images of the gallery were asked."""

    places: list[str]
    near: dict[str, float] | None
    split: str | None
    images: int


class PhotoAnswer(BaseModel):
    """The answer to one photo: the keys of `placeprint query --json`, and more for each match."""

    photo: str
    answer: str
    place: str | None
    grade: Grade
    best_guess: str | None
    title: str | None
    score: float | None
    margin: float | None
    threshold: float | None
    margin_threshold: float | None
    probability: float | None
    probability_threshold: float | None
    false_accept_rate: float | None
    calibrated_for: str | None
    position: PositionFound | None
    places: list[Ranked]
    matches: list[MatchFound]
    why: str
    missing: str | None = None
    preview: str | None = None


class Recognition(PhotoAnswer):
    """The answer to all photos, with the numbers of the surest; `photos` are the answers to each of several."""

    photos: list[PhotoAnswer] | None = None
    filter: Asked | None = None
    milliseconds: float


class Cover(BaseModel):
    """An image that stands for a place."""

    image: str
    thumbnail: str


class PlaceFacts(BaseModel):
    """A place; its coordinates are the mean of its images'."""

    place: str
    title: str | None
    url: str
    images: int
    cover: Cover
    latitude: float | None
    longitude: float | None


class PlaceList(BaseModel):
    """Some of the places."""

    total: int
    offset: int
    limit: int
    places: list[PlaceFacts]


class ImageFacts(BaseModel):
    """An image of the gallery."""

    image: str
    url: str
    thumbnail: str
    path: str
    places: list[str]
    titles: list[str]
    split: str
    content_hash: str | None
    width: int
    height: int
    latitude: float | None
    longitude: float | None


class PlacePage(PlaceFacts):
    """A place and some of its images."""

    total: int
    offset: int
    limit: int
    items: list[ImageFacts]


class AddedImages(BaseModel):
    """What was added; it is on disk."""

    added: int
    images: list[ImageFacts]


class RemovedImage(BaseModel):
    """What was removed; it is gone from the gallery on disk."""

    removed: str
    places: list[str]


class DoubtfulAnswer(BaseModel):
    """What is remembered of a doubtful answer."""

    when: str
    request: str
    answer: str
    place: str | None
    grade: Grade
    best_guess: str | None
    title: str | None
    score: float | None
    margin: float | None
    probability: float | None
    probability_threshold: float | None
    why: str
    places: list[Ranked]
    matches: list[dict[str, Any]]


class DoubtfulList(BaseModel):
    """Recent doubtful answers, the newest first."""

    answers: list[DoubtfulAnswer]


class Health(BaseModel):
    """The process lives."""

    status: str


class Ready(BaseModel):
    """The gallery can be asked; `problem` says why its newest state on disk cannot."""

    status: str
    images: int
    problem: str | None


class ModelFacts(BaseModel):
    """A model."""

    name: str
    fingerprint: str


class Limits(BaseModel):
    """What one request may hold."""

    bytes: int
    pixels: int
    photos: int
    k: int


class PositionsLearned(BaseModel):
    """How many images taught when to give a position, and how many changed since."""

    asked: int
    changed: int


class About(BaseModel):
    """What is served."""

    version: str
    gallery: str
    model: ModelFacts
    preset: str
    images: int
    places: int
    coordinates: bool
    located: int
    explains: bool
    writing: bool
    remembers: bool
    calibration: dict[str, Any] | None
    positions: PositionsLearned | None
    limits: Limits
