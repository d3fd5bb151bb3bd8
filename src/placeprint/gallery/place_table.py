"""The names of the places of a gallery, which one column numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import chain

import numpy as np

from placeprint.arrays import Numbers
from placeprint.errors import GalleryCorruptError
from placeprint.storage.arrays import Buffer
from placeprint.storage.data_folder import ADVICE

PlaceNames = tuple[str, ...]
PLACES = "places.json"


class StoredNames:
    """The names of a ``places.json``, parsed when one is first asked for.

    `count`: How many it must hold.
    `digest`: Its SHA-256; empty when that is not known.
    """

    def __init__(self, source: Buffer, count: int, digest: str = "") -> None:
        self._source, self._count, self._digest = source, count, digest

    def __len__(self) -> int:
        """Return how many there are, without reading them."""
        return self._count

    def __iter__(self) -> Iterator[PlaceNames]:
        """Yield the names."""
        if self._digest and hashlib.sha256(self._source).hexdigest() != self._digest:
            raise GalleryCorruptError(f"{PLACES} of a gallery is damaged, its checksum differs: {ADVICE}")
        try:
            said = json.loads(self._source[:])
        except (ValueError, RecursionError) as error:
            raise GalleryCorruptError(f"{PLACES} of a gallery cannot be read ({error}): {ADVICE}") from error
        # by hand, for a million names: `record_from` takes ten times as long
        if not isinstance(said, list) or not all(isinstance(e, list) and {*map(type, e)} == {str} for e in said):
            raise GalleryCorruptError(f"{PLACES} of a gallery does not hold names of places: {ADVICE}")
        if len(said) != self._count:
            raise GalleryCorruptError(f"{PLACES} of a gallery does not hold {self._count} names: {ADVICE}")
        yield from map(tuple, said)


class PlaceTable:
    """The combinations of places that images show, each once; column ``places`` holds their numbers.

    Some may be shown by no image any more: see `placeprint.gallery.columns.Columns.without_unused`.

    *sources: Numbered through; read when a name is first asked for.
    """

    def __init__(self, *sources: Collection[PlaceNames] | StoredNames) -> None:
        self.sources = sources

    def __len__(self) -> int:
        """Return how many combinations there are, without reading them."""
        return sum(map(len, self.sources))

    @cached_property
    def names(self) -> tuple[PlaceNames, ...]:
        """The places of each number."""
        return tuple(chain.from_iterable(self.sources))

    @cached_property
    def numbers(self) -> dict[PlaceNames, int]:
        """The number of each combination of places."""
        found = {names: number for number, names in enumerate(self.names)}
        if len(found) < len(self):
            raise GalleryCorruptError(f"{PLACES} of a gallery holds a name twice: {ADVICE}")
        return found

    @cached_property
    def holding(self) -> dict[str, list[int]]:
        """For each place, the numbers of the combinations that contain it."""
        found: dict[str, list[int]] = {}
        for number, names in enumerate(self.names):
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    def showing(self, places: Collection[str]) -> Numbers:
        """Return the numbers of the combinations with any of these places, possibly repeated."""
        return np.array([number for place in places for number in self.holding.get(place, ())], np.int64)
