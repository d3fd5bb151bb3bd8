"""What was asked about images, and what became of each: the result of `query` and of `recognize_many`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from placeprint.notebooks import Tabular, html_table
from placeprint.records import Answer, FailedImage, Grade
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.recognition.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Answered:
    """One image that was asked about.

    Attributes
    ----------
    image : str
        Its path, or its number among the images where it has none.
    answer : Answer or None
        None where the image cannot be used.
    explanation : Explanation or None
        Why each match is there, where that was asked.
    failure : FailedImage or None
        Why the image cannot be used.

    Examples
    --------
    >>> import placeprint
    >>> [one] = placeprint.query("town.gallery", "gone.jpg").answers
    >>> one.image, one.answer, one.failure.kind
    ('gone.jpg', None, 'missing')
    """

    image: str
    answer: Answer | None = None
    explanation: Explanation | None = None
    failure: FailedImage | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        if self.failure is not None:
            return {"photo": self.image, "error": self.failure.reason, "kind": self.failure.kind}
        told = self.explanation or self.answer
        return {"photo": self.image} | (told.to_dict() if told else {})


_COLUMNS = ("photo", "answer", "grade", "best_guess", "score", "margin", "probability", "why")
_WHERE = ("latitude", "longitude", "radius")


@dataclass(frozen=True, slots=True, repr=False)
class QueryResult(Tabular):
    """What `query` answered.

    Attributes
    ----------
    answers : tuple of Answered
        One for each image, in the order in which they were given.
    facts : mapping
        What holds for all of them: ``filter``, the images that were asked where those were not all;
        ``calibration_outdated`` and ``positions_outdated``, why what decided may not fit any more.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.query("town.gallery", ["town-hall.jpg", "gone.jpg"])
    >>> found
    <QueryResult of 2 images: 1 sure, 1 not usable>
    >>> [row["photo"] for row in found.to_list()]
    ['town-hall.jpg', 'gone.jpg']
    """

    answers: tuple[Answered, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_list(self) -> list[dict[str, Any]]:
        """Ready for JSON: one object for each image."""
        return [one.to_dict() | dict(self.facts) for one in self.answers]

    def together(self) -> Answer:
        """Return one answer for all images that could be used, which show one place.

        See `placeprint.recognition.combined_answer`: what `recognize_place` answers.

        Raises
        ------
        UsageError
            When none could be used.
        """
        from placeprint.recognition.combined_answer import combined_answer

        return combined_answer([one.answer for one in self.answers if one.answer is not None])[1]

    def __repr__(self) -> str:
        """Say how many images got which grade, and how many cannot be used."""
        grades = [one.answer.grade for one in self.answers if one.answer is not None]
        told = [f"{grades.count(grade)} {grade}" for grade in Grade if grade in grades]
        failed = len(self.answers) - len(grades)
        told += [f"{failed} not usable"] if failed else []
        return f"<QueryResult of {counted(len(self.answers), 'image')}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        """Show a notebook each answer with its grade."""
        return html_table(
            repr(self)[1:-1], ("photo", "grade", "place", "probability", "why"), map(_shown, self.answers)
        )

    def table(self) -> list[dict[str, Any]]:
        """Return one row an image."""
        told = [one.to_dict() for one in self.answers]
        at = [row.get("position") or {} for row in told]
        rows = [{n: row.get(n) for n in _COLUMNS} | {"why": row.get("error") or row.get("why")} for row in told]
        return [row | {n: where.get(n) for n in _WHERE} for row, where in zip(rows, at, strict=True)]


def _shown(one: Answered) -> tuple[object, ...]:
    if one.answer is None:
        return (one.image, "", "", "", one.failure.reason if one.failure else "")
    found = one.answer
    place = "" if found.grade is Grade.UNKNOWN else found.place or found.best_guess
    return (one.image, found.grade, place, math.nan if found.probability is None else found.probability, found.why)
