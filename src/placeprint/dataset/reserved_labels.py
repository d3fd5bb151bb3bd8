"""The word that cannot be the label of a gallery's place: UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterable

from placeprint.errors import ImageError
from placeprint.records import Split, is_unknown

RESERVED = "reserved-place"
"""Kind of a failure."""


def refuse_unknown(places: Iterable[str], split: Split) -> None:
    """Refuse a gallery image whose place is called UNKNOWN; a query may have that label.

    Raises `ImageError`: ``reserved-place``.
    """
    name = next(filter(is_unknown, places), None)
    if name is not None and split is not Split.QUERY:
        raise ImageError(
            RESERVED,
            f'the place "{name}" could not be told from the answer UNKNOWN: give it another name, or none; photos of '
            "places that the gallery lacks belong to the query split",
        )
