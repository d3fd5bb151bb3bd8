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
"""Of one request or response, about: the server refuses 64 MiB."""
MOST_ROWS = 1000
"""Rows of one request."""
MOST_FOUND = 16_384
"""Neighbours that Milvus returns at most."""
KEYS = 10_000
"""Keys or numbers in one expression."""
QUERIES = 64
INDEXED = 2
"""Indexed fields: the vector and the number."""

Row = dict[str, Any]


class Store:
    """One collection.

    `spec`: Of the model whose embeddings are kept.
    """

    def __init__(self, connection: Connection, spec: ModelSpec) -> None:
        self.connection, self.spec, self.name = connection, spec, connection.address.name
        self.parts = tuple(sorted(spec.parts))
        self.block_rows = max(1, min(MOST_ROWS, MESSAGE_BYTES // row_bytes(spec)))
        self.setting = Setting()

    def create(self, setting: Setting) -> None:
        """Create an empty collection unless there is one."""
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
        """True when the server has loaded the collection."""
        state = self.connection.call("looking at the gallery", "get_load_state", self.name)["state"]
        return getattr(state, "name", str(state)) == "Loaded"

    def open(self) -> None:
        """Load the collection unless it is loaded, and read which index it has."""
        call = self.connection.call
        if not self.loaded:
            call("loading the gallery", "load_collection", self.name, seconds=BUILD_SECONDS)
        self.setting = found_index(self._index())

    def put(self, rows: Iterable[Row]) -> None:
        """Upsert rows by key, so that writing twice is harmless."""
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
        """Return some fields of the rows that meet a condition; the caller keeps them few.

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
        """Return some fields of the rows with these keys."""
        found: dict[int, Row] = {}
        for i in range(0, len(keys), KEYS):
            chosen = [int(key) for key in keys[i : i + KEYS]]
            found |= {row["key"]: row for row in self.query(f"key in {chosen}", ["key", *fields], level=level)}
        return found

    def with_contents(self, content_hashes: Sequence[str], fields: Sequence[str]) -> list[Row]:
        """Return some fields of the images with these contents, rarely of others: the caller compares the hashes."""
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
        """Yield the rows numbered from `first` to before `end`, in order."""
        step = rows or self.block_rows
        also = f" and ({expression})" if expression else ""
        for start in range(first, end, step):
            found = self.query(f"row >= {start} and row < {min(start + step, end)}{also}", ["row", *fields])
            yield sorted(found, key=lambda row: int(row["row"]))

    def images(self, end: int, *, first: int = 0) -> Iterator[list[StoredImage]]:
        """Yield the images with these numbers, block by block."""
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
        """Wait until an approximate index holds everything written, and replace it when another one is wanted.

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
        """Wait until everything stored is indexed: until then the server searches a coarse index of its own.

        Raises `GalleryEngineError` when it takes longer than `BUILD_SECONDS`.
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
