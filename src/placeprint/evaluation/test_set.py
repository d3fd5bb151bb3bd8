"""What a run was measured on, as counts and hashes: two runs are comparable when these are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.records import ImageRecord

_SHOWN = 16
"""Hexadecimal digits of a hash that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """The images of a run and what is right, in short.

    Attributes
    ----------
    gallery, queries : int
        Images that took part.
    names : str
        A hash of their names, without the folders that each split has in common: it is the same wherever they lie.
    positives : str
        A hash of which gallery images are right for each query, by name.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.evaluate(gallery="town.gallery").test_set.queries
    11
    """

    __test__ = False  # pytest would take it for a test

    gallery: int
    queries: int
    names: str
    positives: str

    @classmethod
    def of(cls, gallery: Sequence[ImageRecord], queries: Sequence[ImageRecord], digests: Sequence[bytes]) -> TestSet:
        """Describe a run.

        Parameters
        ----------
        gallery, queries : sequence of ImageRecord
        digests : sequence of bytes
            Of each query's positives, see `digest`.
        """
        asked = short_names(queries)
        names = _hash(["gallery", *sorted(short_names(gallery)), "", "queries", *sorted(asked)])
        positives = _hash(f"{name} {digest.hex()}" for name, digest in sorted(zip(asked, digests, strict=True)))
        return cls(gallery=len(gallery), queries=len(queries), names=names, positives=positives)

    @property
    def says(self) -> str:
        """The counts and the first digits of the names' hash."""
        return f"{self.gallery:,} gallery images and {self.queries:,} queries, names {self.names[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def short_names(records: Sequence[ImageRecord]) -> list[str]:
    """Return paths without the folders that all of them are in."""
    parts = [record.path.split("/") for record in records]
    common = 0
    if parts:
        least, most = min(parts), max(parts)
        while common < min(len(least), len(most)) - 1 and least[common] == most[common]:
            common += 1
    return ["/".join(one[common:]) for one in parts]


def order_of(gallery: Sequence[ImageRecord]) -> NDArray[np.int64]:
    """Return the place of each gallery row in the order of names, so that a digest does not depend on rows."""
    order = np.empty(len(gallery), np.int64)
    names = short_names(gallery)
    order[sorted(range(len(gallery)), key=names.__getitem__)] = np.arange(len(gallery))
    return order


def digest(positives: NDArray[np.int64], order: NDArray[np.int64]) -> bytes:
    """Hash one query's positives."""
    return hashlib.sha256(np.sort(order[positives]).astype("<i8").tobytes()).digest()[:_SHOWN]


def _hash(lines: Iterable[str]) -> str:
    made = hashlib.sha256()
    for line in lines:
        made.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return made.hexdigest()[:_SHOWN]
