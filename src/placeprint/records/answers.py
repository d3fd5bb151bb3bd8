"""What was found for a query: its neighbours, and the answer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from placeprint.errors import VectorError
from placeprint.records.answer_position import AnswerPosition

if TYPE_CHECKING:
    from placeprint.arrays import Rows, Scores

UNKNOWN = "UNKNOWN"
"""What is printed when no place is accepted. In records it is ``None``."""


def is_unknown(place: str) -> bool:
    """Return whether a place is called UNKNOWN, in any case: it could not be told from that answer."""
    return place.strip().casefold() == UNKNOWN.casefold()


def title_and_place(title: str, place: str) -> str:
    """Return a place for people: ``Eiffel Tower (eiffel_378)``, or the place alone where it has no other title."""
    return place if title == place else f"{title} ({place})"


def with_titles(places: str | Sequence[str], titles: Mapping[str, str]) -> str:
    """Return places for people, joined by a bar as tables join them; each that has a title with it.

    `places`: A place, places that are joined already, or several.
    `titles`: By place, see `placeprint.records.images.titles_of`.
    """
    if isinstance(places, str):
        places = (places,) if places in titles else places.split("|")
    return "|".join(title_and_place(titles.get(place, place), place) for place in places)


class Grade(StrEnum):
    """How sure an answer is, in the words that every output shows.

    Attributes
    ----------
    SURE
        The best place is accepted, at the stated false-accept rate or at a threshold that somebody gave, and no
        probability says that it is more probably wrong.
    LIKELY
        Only one of the two: it is more probable than not but not accepted, or accepted but less probable than that, as
        high rates do. Or nothing decides, and every image gets a place.
    UNKNOWN
        Nothing fits.

    Examples
    --------
    >>> import placeprint
    >>> answer = placeprint.recognize("town.gallery", "town-hall.jpg")
    >>> answer.grade is placeprint.Grade.SURE, str(answer.grade)
    (True, 'sure')
    """

    SURE = "sure"
    LIKELY = "likely"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest gallery rows of each query, best first.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_queries, k)
        Gallery rows; -1 where there are fewer than k.
    scores : ndarray of float32, shape (n_queries, k)
        Cosine similarity; -inf where there are fewer than k.

    Examples
    --------
    >>> import placeprint
    >>> gallery = placeprint.Gallery.open("town.gallery")
    >>> gallery.search(gallery.vectors[:2], k=1).rows
    array([[0],
           [1]])
    """

    rows: Rows
    scores: Scores

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if self.rows.ndim != 2 or self.rows.shape != self.scores.shape:
            raise VectorError(f"rows {self.rows.shape} and scores {self.scores.shape} must be one (n, k)")
        if self.rows.dtype != "int64" or self.scores.dtype != "float32":
            raise VectorError(f"rows must be int64 and scores float32, not {self.rows.dtype}, {self.scores.dtype}")

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Match:
    """One gallery image beside a query.

    Attributes
    ----------
    row : int
    path : str
    places : tuple of str
    score : float
        What it was ranked by: the cosine similarity, or what re-ranking made of it.
    similarity : float
        Cosine similarity of the two embeddings.
    titles : tuple of str
        The names by which people know the places, where those are others.

    Examples
    --------
    >>> import placeprint
    >>> best = placeprint.recognize("town.gallery", "town-hall.jpg").matches[0]
    >>> best.path, best.places, round(best.similarity, 3)
    ('gallery/town-hall/01.jpg', ('town-hall',), 1.0)
    """

    row: int
    path: str
    places: tuple[str, ...]
    score: float
    similarity: float = math.nan
    titles: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The places for people: a title with the place behind it, or the place."""
        return tuple(map(title_and_place, self.titles or self.places, self.places))


@dataclass(frozen=True, slots=True)
class RankedPlace:
    """A candidate place: its score is that of its best image, and its title the name by which people know it."""

    place: str
    score: float
    images: int
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one query image.

    Attributes
    ----------
    place : str or None
        The accepted place; None where none is.
    grade : Grade
        How sure it is.
    best_guess : str or None
        The best ranked place, accepted or not; None when nothing was found.
    title : str or None
        The name by which people know the best guess, where the manifest has one.
    score : float
        Of the best match: its cosine similarity, or what re-ranking made of it (then it may be above 1); NaN when
        the gallery is empty.
    margin : float
        `score` less the score of the best *other* place; NaN when there is no other place.
    threshold, margin_threshold : float or None
        The least score and margin that were asked for, or None.
    probability : float or None
        That the best place is correct; None without a calibration, and where images of one place do not agree.
    probability_threshold : float or None
        The least probability that is accepted: the calibration's, or one that was asked for; None where no probability
        decided.
    false_accept_rate : float or None
        What the calibration chose `probability_threshold` for; None where it did not.
    calibrated_for : str or None
        The preset of the gallery's calibration, when the query used another one: then it does not decide.
    position : AnswerPosition or None
        Where the photo was taken, by what it shows, or why there is none; None where the gallery has no positions.
    places, matches
        Best first.
    why : str
        One line for people.

    Examples
    --------
    >>> import placeprint
    >>> answer = placeprint.recognize("town.gallery", "town-hall.jpg")
    >>> answer.place, answer.unknown, answer.matches[0].path
    ('town-hall', False, 'gallery/town-hall/01.jpg')
    """

    place: str | None
    grade: Grade
    best_guess: str | None
    title: str | None = None
    score: float
    margin: float
    threshold: float | None = None
    margin_threshold: float | None = None
    probability: float | None = None
    probability_threshold: float | None = None
    false_accept_rate: float | None = None
    calibrated_for: str | None = None
    position: AnswerPosition | None = None
    places: tuple[RankedPlace, ...] = ()
    matches: tuple[Match, ...] = ()
    why: str = ""

    @property
    def unknown(self) -> bool:
        """True when no place was accepted."""
        return self.place is None

    def said(self) -> str:
        """Return the answer for people: ``hall (sure, 0.97)``, ``likely hall, 0.71`` or ``UNKNOWN``."""
        if self.grade is Grade.UNKNOWN:
            return UNKNOWN
        sure = "" if self.probability is None else f", {probable(self.probability, 2)}"
        if self.grade is Grade.SURE:
            return f"{self.title or self.place} ({self.grade}{sure})"
        return f"{self.grade} {self.title or self.place or self.best_guess}{sure}"

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON: NaN becomes null, and ``answer`` spells UNKNOWN."""
        row = dataclasses.asdict(self) | {"grade": str(self.grade)}
        for key in ("score", "margin"):
            row[key] = None if math.isnan(row[key]) else row[key]
        return {"answer": self.place if self.place is not None else UNKNOWN, **row}


def probable(probability: float, digits: int = 3) -> str:
    """Return a learned probability for people, never 1: ``0.999`` at most, because nothing learned is certain."""
    return f"{min(probability, 1 - 10.0**-digits):.{digits}f}"
