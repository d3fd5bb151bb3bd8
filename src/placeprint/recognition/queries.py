"""Query images with their embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from placeprint.records import ImageRecord, SetAside
from placeprint.storage.ragged import Ragged


@dataclass(frozen=True, slots=True)
class Queries:
    """Images to be searched in a gallery."""

    records: Sequence[ImageRecord]
    vectors: NDArray[np.float32]  # (len(records), dim): Unit vectors, or what reads them from a file.
    parts: Mapping[str, Ragged] = field(default_factory=dict)  # What is kept of each besides its vector.
    # The gallery row that each of them is itself, -1 for none: it is left out of its ranking. None when none of them is
    # in the gallery.
    own_rows: Sequence[int] | None = None
    set_aside: tuple[SetAside, ...] = ()  # What could have been asked and is not, and why.

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.records)

    def only(self, rows: NDArray[np.int64]) -> Queries:
        """Return some of them, in the order of `rows`."""
        return replace(
            self,
            records=tuple(self.records[row] for row in rows),
            vectors=self.vectors[rows],
            parts={name: kept.kept(rows) for name, kept in self.parts.items()},
            own_rows=None if self.own_rows is None else tuple(self.own_rows[row] for row in rows),
        )
