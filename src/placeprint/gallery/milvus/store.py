"""The rows of a gallery in Milvus: written in batches, read in blocks, searched and counted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryEngineError
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.keys import content_of
from placeprint.gallery.milvus.connection import BUILD_SECONDS, MAKE_SECONDS, Connection
from placeprint.gallery.milvus.index_settings import Setting, found_index, index_params
from placeprint.gallery.milvus.rows import PLAIN, StoredImage, from_row, row_bytes, schema_of
from placeprint.records import ModelSpec

MESSAGE_BYTES = 16 * 1024 * 1024
"""Of one request or answer, about: the server refuses 64 MiB."""
MOST_ROWS = 1000
"""Rows of one request."""
MOST_FOUND = 16_384
"""Neighbours that Milvus returns at most."""
KEYS = 10_000
"""Keys or numbers in one condition."""
QUERIES = 64
INDEXED = 2
"""Fields that have an index: the vector, and the number."""

Row = dict[str, Any]


class Store:
    """One collection.

    Parameters
    ----------
    connection : Connection
    spec : ModelSpec
        Of the model whose embeddings are kept.
    """

    def __init__(self, connection: Connection, spec: ModelSpec) -> None:
        self.connection, self.spec, self.name = connection, spec, connection.address.name
        self.parts = tuple(sorted(spec.parts))
        self.block_rows = max(1, min(MOST_ROWS, MESSAGE_BYTES // row_bytes(spec)))
        self.setting = Setting()

    def create(self, setting: Setting) -> None:
        """Make the collection, empty; one that is there stays as it is."""
        call, client = self.connection.call, self.connection.client
        if not self.there:
            schema = schema_of(client, self.spec)
            call(
                "making the gallery",
                "create_collection",
                self.name,
                schema=schema,
                consistency_level="Session",
                seconds=MAKE_SECONDS,
            )
        if len(call("looking at the index", "list_indexes", self.name)) < INDEXED:
            params = index_params(client, setting)
            call("building the index", "create_index", self.name, params, seconds=BUILD_SECONDS)
        self.open()

    @property
    def there(self) -> bool:
        """True when the server has the collection."""
        return bool(self.connection.call("looking for the gallery", "has_collection", self.name))

    @property
    def loaded(self) -> bool:
        """True when the server holds the collection ready to be asked."""
        state = self.connection.call("looking at the gallery", "get_load_state", self.name)["state"]
        return getattr(state, "name", str(state)) == "Loaded"

    def open(self) -> None:
        """Load the collection where the server does not hold it ready, and find out its index."""
        call = self.connection.call
        if not self.loaded:
            call("loading the gallery", "load_collection", self.name, seconds=BUILD_SECONDS)
        self.setting = found_index(self._index())

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows; one with the same key is replaced. Written twice, they are there once."""
        batch: list[Row] = []
        for row in rows:
            batch.append(row)
            if len(batch) >= self.block_rows:
                self._upsert(batch)
                batch = []
        if batch:
            self._upsert(batch)

    def _upsert(self, rows: Sequence[Row]) -> None:
        done = self.connection.call("writing images", "upsert", self.name, list(rows))
        if done["upsert_count"] != len(rows):
            raise GalleryEngineError(
                f"{self.connection.address}: {done['upsert_count']} of {len(rows)} images were written: run the same "
                "command again"
            )

    def query(self, expression: str, fields: Sequence[str], *, level: str = "") -> list[Row]:
        """Return some fields of the rows that meet a condition; the caller sees to it that they are few.

        `level` is a consistency other than that of `Connection.level`.
        """
        found: list[Row] = self.connection.call(
            "reading images",
            "query",
            self.name,
            filter=expression,
            output_fields=list(fields),
            consistency_level=level or self.connection.level(),
        )
        return found

    def with_keys(self, keys: Sequence[int], fields: Sequence[str], *, level: str = "") -> dict[int, Row]:
        """Return some fields of those of these keys that are there."""
        found: dict[int, Row] = {}
        for i in range(0, len(keys), KEYS):
            chosen = [int(key) for key in keys[i : i + KEYS]]
            found |= {row["key"]: row for row in self.query(f"key in {chosen}", ["key", *fields], level=level)}
        return found

    def with_contents(self, content_hashes: Sequence[str], fields: Sequence[str]) -> list[Row]:
        """Return some fields of the images with these bytes, and rarely of others: who asks compares the hashes."""
        found: list[Row] = []
        for i in range(0, len(content_hashes), KEYS):
            found += self.query(f"content in {[content_of(one) for one in content_hashes[i : i + KEYS]]}", fields)
        return found

    def count(self, expression: str = "") -> int:
        """Return how many rows meet a condition, all of them when there is none."""
        return int(self.query(expression, ["count(*)"])[0]["count(*)"])

    def keys(self, end: int) -> NDArray[np.int64]:
        """Return the keys of the rows with numbers below `end`, in the order of their numbers."""
        blocks = self.blocks(end, ["key"], rows=KEYS)
        return np.concatenate([np.empty(0, np.int64), *(np.array([r["key"] for r in b], np.int64) for b in blocks)])

    def blocks(
        self, end: int, fields: Sequence[str], *, expression: str = "", first: int = 0, rows: int = 0
    ) -> Iterator[list[Row]]:
        """Yield the rows with numbers from `first` up to `end`, without it, in the order of their numbers."""
        step = rows or self.block_rows
        also = f" and ({expression})" if expression else ""
        for start in range(first, end, step):
            found = self.query(f"row >= {start} and row < {min(start + step, end)}{also}", ["row", *fields])
            yield sorted(found, key=lambda row: int(row["row"]))

    def images(self, end: int, *, first: int = 0) -> Iterator[list[StoredImage]]:
        """Yield all that is kept of the images with these numbers, block by block."""
        for block in self.blocks(end, [*PLAIN, *self.parts], first=first):
            yield [from_row(row, self.parts) for row in block]

    def search(
        self, units: Vectors, k: int, *, expression: str = "", fields: Sequence[str] = ("row",)
    ) -> list[list[Mapping[str, Any]]]:
        """Return the nearest rows of each query, best first: hits with ``distance`` and ``entity``."""
        hits: list[list[Mapping[str, Any]]] = []
        for i in range(0, len(units), QUERIES):
            hits += self.connection.call(
                "searching",
                "search",
                self.name,
                data=list(units[i : i + QUERIES]),
                anns_field="vector",
                filter=expression,
                limit=min(k, MOST_FOUND),
                output_fields=list(fields),
                search_params=self.setting.search(k),
                consistency_level=self.connection.level(),
            )
        return hits

    def delete(self, expression: str) -> None:
        """Delete the rows that meet a condition."""
        self.connection.call("removing images", "delete", self.name, filter=expression)
        self.connection.fall_behind()

    def delete_keys(self, keys: Sequence[int] | NDArray[np.int64]) -> None:
        """Delete rows by key."""
        for i in range(0, len(keys), KEYS):
            self.delete(f"key in {[int(key) for key in keys[i : i + KEYS]]}")

    def settle(self, setting: Setting) -> None:
        """Let an approximate index take in all that was written, and replace the index where it is another.

        What was acknowledged is safe and is found without that. While an index is replaced the gallery cannot be asked.
        """
        call = self.connection.call
        if not setting.exact:
            call("storing what was written", "flush", self.name, seconds=BUILD_SECONDS)
        if setting == self.setting:
            if not setting.exact:
                self._wait_for_index()
                call("loading the gallery", "refresh_load", self.name, seconds=BUILD_SECONDS)
            return
        call("releasing the gallery", "release_collection", self.name)
        call("dropping the index", "drop_index", self.name, "vector")
        params = index_params(self.connection.client, setting, whole=False)
        call("building the index", "create_index", self.name, params, seconds=BUILD_SECONDS)
        call("loading the gallery", "load_collection", self.name, seconds=BUILD_SECONDS)
        self.setting = setting
        self.connection.fall_behind()

    def _wait_for_index(self) -> None:
        """Wait until all that was stored is indexed: until then the server searches by a coarse index of its own.

        Raises
        ------
        GalleryEngineError
            When it takes longer than `BUILD_SECONDS`.
        """
        until = time.monotonic() + BUILD_SECONDS
        while int(self._index()["pending_index_rows"]):
            if time.monotonic() > until:
                raise GalleryEngineError(
                    f"{self.connection.address}: the index was not built within {BUILD_SECONDS:.0f} s: see the "
                    "server's log, then run the same command again"
                )
            time.sleep(0.5)

    def _index(self) -> dict[str, Any]:
        found: dict[str, Any] = self.connection.call("looking at the index", "describe_index", self.name, "vector")
        return found

    def drop(self) -> None:
        """Remove the collection."""
        self.connection.call("removing the gallery", "drop_collection", self.name)
