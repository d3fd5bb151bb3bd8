"""The frozen records that every stage shares."""

from placeprint.records.answer_position import AnswerPosition
from placeprint.records.answers import UNKNOWN, Answer, Grade, Match, Neighbours, RankedPlace, is_unknown
from placeprint.records.images import AT_ZERO, FailedImage, ImageRecord, SetAside, Split
from placeprint.records.model_spec import VIEWS, ModelSpec

__all__ = [
    "AT_ZERO",
    "UNKNOWN",
    "VIEWS",
    "Answer",
    "AnswerPosition",
    "FailedImage",
    "Grade",
    "ImageRecord",
    "Match",
    "ModelSpec",
    "Neighbours",
    "RankedPlace",
    "SetAside",
    "Split",
    "is_unknown",
]
