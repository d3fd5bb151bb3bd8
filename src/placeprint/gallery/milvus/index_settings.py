"""The index that Milvus builds, by name and size, and its search parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from placeprint.errors import UsageError
from placeprint.spelling import choices

STORE_INDEXES = ("auto", "exact", "hnsw", "ivf")
HNSW_ROWS = 50_000
"""From so many images on ``auto`` takes HNSW instead of FLAT (see docs/scale.md)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """An index and its parameters."""

    kind: str = "FLAT"  # Milvus's name: ``FLAT``, ``HNSW``, ``IVF_FLAT``.
    params: Mapping[str, int] = field(default_factory=dict, hash=False)  # What it is built with.

    @property
    def exact(self) -> bool:
        """True when every row is compared."""
        return self.kind == "FLAT"

    def search(self, k: int) -> dict[str, Any]:
        """Return the search parameters for `k` neighbours."""
        wide = {
            "HNSW": {"ef": min(max(200, 4 * k), 32_768)},
            "IVF_FLAT": {"nprobe": max(8, self.params.get("nlist", 128) // 8)},
        }
        return {"metric_type": "IP", "params": wide.get(self.kind, {})}


def choose_setting(name: str, rows: int) -> Setting:
    """Return the index of a gallery.

    `name`: One of `STORE_INDEXES`.
    `rows`: How many images it has, or will have.
    Raises `UsageError` for a name that is not known.
    """
    if name not in STORE_INDEXES:
        raise UsageError(f'index "{name}" is not known in Milvus: {choices(name, STORE_INDEXES)}')
    if name == "auto":
        name = "exact" if rows < HNSW_ROWS else "hnsw"
    if name == "hnsw":
        return Setting("HNSW", {"M": 30, "efConstruction": 360})
    if name == "ivf":  # nearest power of two, so that a few more images are no other index
        return Setting("IVF_FLAT", {"nlist": 2 ** round(math.log2(min(max(64, 4 * math.sqrt(max(rows, 1))), 65_536)))})
    return Setting("FLAT")


def index_params(client: Any, setting: Setting, *, whole: bool = True) -> Any:
    """Return the index as pymilvus takes it; for a `whole` collection with the index of the row numbers."""
    made = client.prepare_index_params()
    made.add_index("vector", index_type=setting.kind, metric_type="IP", params=dict(setting.params))
    if whole:
        made.add_index("row", index_type="STL_SORT")
    return made


def found_index(said: Mapping[str, Any]) -> Setting:
    """Read the server's description of an index."""
    kind = str(said.get("index_type", "FLAT"))
    names = ("M", "efConstruction", "nlist")
    return Setting(kind, {name: int(said[name]) for name in names if name in said})
