"""What `group` found: the places among photos without labels, and what speaks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from placeprint.grouping.names import YOU
from placeprint.records import FailedImage

NO_PLACE = "you said that it shows no place"
"""Why a photo is alone."""


class Link(StrEnum):
    """What a person said about two photos.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Link("must") is placeprint.Link.MUST
    True
    """

    MUST = "must"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A person's answer: two photos must, or cannot, be of one place.

    Attributes
    ----------
    link : Link
    a, b : str
        Paths.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Constraint(placeprint.Link.CANNOT, "mill.jpg", "gate.jpg").link.value
    'cannot'
    """

    link: Link
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Two photos that were compared.

    Attributes
    ----------
    a, b : str
        Paths.
    probability : float
        That both show the same place; where they are in two groups, by all photos of both.
    joined : bool
        Whether they are in one group.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Edge("1.jpg", "2.jpg", 0.4, joined=False).joined
    False
    """

    a: str
    b: str
    probability: float
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The photos of one place.

    Attributes
    ----------
    place : str
        Its name, which no other group has.
    named_by : str
        Where the name comes from: ``you``, ``folder``, ``position`` or ``number``.
    photos : tuple of str
        Paths, the most typical first.
    looks : tuple of tuple of str
        The same photos: those of one burst or copies of one photo together.
    weakest : float
        The probability of the weakest link that holds it together; 1 for photos that are one look.

    Examples
    --------
    >>> import placeprint
    >>> burst = ("mill-1.jpg", "mill-2.jpg")
    >>> mill = placeprint.Group(place="Old Mill", named_by="you", photos=burst, looks=(burst,), weakest=1.0)
    >>> len(mill.photos), len(mill.looks)
    (2, 1)
    """

    place: str
    named_by: str
    photos: tuple[str, ...]
    looks: tuple[tuple[str, ...], ...]
    weakest: float


@dataclass(frozen=True, slots=True)
class Alone:
    """A photo that is in no group.

    Attributes
    ----------
    path : str
    why : str
        One line for people.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Alone("lunch.jpg", "no other photo shows what it shows").path
    'lunch.jpg'
    """

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The result of `placeprint.group`.

    Attributes
    ----------
    root : Path
        The folder that all paths are relative to.
    images, looks : int
        That could be used; those that are left when copies and bursts count once.
    groups : tuple of Group
        The largest first.
    alone : tuple of Alone
    edges : tuple of Edge
        All pairs that were compared and are not certain to be different places.
    constraints : tuple of Constraint
        That were respected.
    contradictions : tuple of str
        One line for each answer that others contradict, and what holds.
    false_merge_rate : float
        The share of photos that may be in the group of another place.
    model : str
    matched : int
        Pairs whose local features were matched.
    failures : tuple of FailedImage
    seconds : float

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.group(["town-hall.jpg", "castle-gate.jpg"])
    >>> found.images, found.groups, len(found.alone)
    (2, (), 2)
    """

    root: Path
    images: int
    looks: int
    groups: tuple[Group, ...]
    alone: tuple[Alone, ...]
    edges: tuple[Edge, ...]
    constraints: tuple[Constraint, ...]
    false_merge_rate: float
    model: str
    matched: int
    failures: tuple[FailedImage, ...]
    seconds: float
    contradictions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Count places and photos."""
        return f"<Grouping of {self.root}: {len(self.groups)} places, {len(self.alone)} of {self.images} photos alone>"

    @property
    def doubtful(self) -> tuple[Edge, ...]:
        """The pairs that were decided most narrowly, first: joined ones that may be wrong, and parted ones."""
        return tuple(sorted(self.edges, key=lambda edge: (abs(edge.probability - 0.5), edge.a, edge.b)))

    def table(self) -> list[dict[str, Any]]:
        """Return one row a photo, by path: its place and look, what named the place, and why it is alone."""
        rows = [
            {"path": photo, "place": group.place, "look": f"{number}.{at}", "named_by": group.named_by, "why": ""}
            for number, group in enumerate(self.groups, 1)
            for at, look in enumerate(group.looks, 1)
            for photo in look
        ]
        for one in self.alone:
            named_by = YOU if one.why == NO_PLACE else ""
            rows.append({"path": one.path, "place": "", "look": "", "named_by": named_by, "why": one.why})
        return sorted(rows, key=lambda row: row["path"])

    def to_dict(self) -> dict[str, Any]:
        """Return all of it but the pairs, ready for JSON."""
        return {
            "root": str(self.root),
            "images": self.images,
            "looks": self.looks,
            "groups": [asdict(group) for group in self.groups],
            "alone": [asdict(one) for one in self.alone],
            "constraints": [asdict(one) | {"link": one.link.value} for one in self.constraints],
            "contradictions": list(self.contradictions),
            "false_merge_rate": self.false_merge_rate,
            "model": self.model,
            "matched": self.matched,
            "failures": [asdict(failure) for failure in self.failures],
            "seconds": self.seconds,
        }


def among(constraints: Iterable[Constraint], paths: Iterable[str]) -> tuple[Constraint, ...]:
    """Return the constraints whose two photos are there, each once."""
    there = set(paths)
    return tuple(dict.fromkeys(one for one in constraints if one.a in there and one.b in there and one.a != one.b))
