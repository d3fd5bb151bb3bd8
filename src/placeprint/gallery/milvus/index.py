"""The index of a collection in Milvus, with the contract of every index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import UsageError
from placeprint.gallery.index.base import Capabilities, Vectors, checked_filter, checked_k, ordered, unit_queries
from placeprint.gallery.milvus.filter import EngineFilter
from placeprint.gallery.milvus.store import KEYS, MOST_FOUND, Store
from placeprint.records import Neighbours

Numbers = NDArray[np.int64]
Hits = Sequence[Mapping[str, Any]]


class Numbering:
    """Maps the numbers of images in the store, some of which may be missing, to a gallery's rows without gaps.

    `end`: All numbers are below it.
    `holes`: Those that no image has, ascending.
    """

    def __init__(self, end: int, holes: Numbers) -> None:
        self.end, self.holes = end, holes

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.end - len(self.holes)

    def rows(self, numbers: Numbers) -> Numbers:
        """Return the rows of some numbers; -1 stays."""
        found: Numbers = np.where(numbers < 0, -1, numbers - np.searchsorted(self.holes, numbers))
        return found

    def numbers(self, rows: Numbers) -> Numbers:
        """Return the numbers of some rows."""
        before = self.holes - np.arange(len(self.holes))  # rows before each hole
        found: Numbers = rows + np.searchsorted(before, rows, side="right")
        return found


class MilvusIndex:
    """Cosine similarity over the unit vectors of a collection."""

    def __init__(self, store: Store, numbering: Numbering) -> None:
        self._store, self._numbering = store, numbering

    @property
    def name(self) -> str:
        """``milvus-flat``, ``milvus-hnsw`` or ``milvus-ivf_flat``."""
        return f"milvus-{self._store.setting.kind.lower()}"

    @property
    def capabilities(self) -> Capabilities:
        """FLAT is exact; all can delete and filter."""
        return Capabilities(exact=self._store.setting.exact, delete=True, filter=True)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._numbering)

    def search(self, queries: Vectors, k: int, *, only: NDArray[np.bool_] | EngineFilter | None = None) -> Neighbours:
        """Return the `k` nearest rows of each query; see `VectorIndex.search`.

        Where more rows score the same than there is room for, Milvus chooses which of them are there. Flags of a
        filter are sent as numbers, some thousand at a time; an `EngineFilter` is met by the engine.

        Raises `UsageError` for more neighbours than Milvus returns.
        """
        k = checked_k(k)
        units = unit_queries(queries, self._store.spec.dim).astype(np.float32)
        expressions: list[str | EngineFilter] = [""]
        size = len(self)
        if isinstance(only, EngineFilter):
            expressions = [only]
        elif only is not None:
            checked_filter(only, size)
            allowed = self._numbering.numbers(np.flatnonzero(only)).tolist()
            expressions = [f"row in {allowed[i : i + KEYS]}" for i in range(0, len(allowed), KEYS)]
        most = min(k, size)
        if most > MOST_FOUND:
            raise UsageError(f"Milvus returns {MOST_FOUND} neighbours at most, not {k}: ask for fewer")
        if not len(units) or not most or not expressions:
            return ordered(np.full((len(units), 1), -1), np.zeros((len(units), 1), np.float32), k)
        found = [self._near(units, most, expression) for expression in expressions]
        rows, scores = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
        return ordered(rows, scores, k)

    def _near(self, units: Vectors, k: int, only: str | EngineFilter) -> tuple[Numbers, Vectors]:
        lines = nearest(self._store, units, k, only)
        rows, scores = np.full((len(units), k), -1, np.int64), np.full((len(units), k), -np.inf, np.float32)
        for i, hits in enumerate(lines):
            rows[i, : len(hits)] = [hit["entity"]["row"] for hit in hits]
            scores[i, : len(hits)] = [hit["distance"] for hit in hits]
        return self._numbering.rows(rows), scores

    def save(self, folder: Path) -> None:
        """Write nothing: the index is on the server."""


def nearest(
    store: Store, units: Vectors, k: int, only: str | EngineFilter, fields: Sequence[str] = ("row",)
) -> list[Hits]:
    """Return the `k` nearest images that pass a filter, for each query.

    Milvus knows no circles: of the box around one it is asked for more until enough lie within.
    """
    if isinstance(only, str) or only.circle is None:
        expression = only if isinstance(only, str) else only.expression
        return [list(hits) for hits in store.search(units, k, expression=expression, fields=fields)]
    wanted = [*fields, *(name for name in only.fields if name not in fields)]
    made: list[Hits] = []
    for unit in units:
        look = k
        while True:
            look = min(2 * look, MOST_FOUND)
            hits = store.search(unit[None], look, expression=only.expression, fields=wanted)[0]
            inside = only.through(hits)
            if len(inside) >= k or len(hits) < look or look == MOST_FOUND:
                break
        made.append(inside[:k])
    return made
