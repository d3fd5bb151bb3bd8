"""Stores the head of a gallery in Milvus: a collection ``NAME_head`` of texts by name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence

from placeprint.errors import GalleryCorruptError, GalleryFormatError, GalleryNotFoundError
from placeprint.gallery.milvus.address import HEAD_SUFFIX, Address
from placeprint.gallery.milvus.connection import MAKE_SECONDS, Connection
from placeprint.gallery.milvus.head import Head, Said, blobs_of, said_in, values_of

CHUNK = 60_000
"""Characters of one string."""
CLAIM, BEAT = "claim-", "beat-"
"""Prefixes of the rows that `placeprint.gallery.milvus.claim` keeps beside the head."""
_OTHERS = f'name like "{CLAIM}%" or name like "{BEAT}%"'
READINGS, PAUSE = 20, 0.1
"""How often a head that changes while it is read is read again, and seconds between."""


class HeadStore:
    """Reads and writes the head of one gallery."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._name = connection, f"{connection.address.name}{HEAD_SUFFIX}"

    @property
    def there(self) -> bool:
        """True when the server has a head for this gallery."""
        return bool(self._connection.call("looking for the gallery", "has_collection", self._name))

    @property
    def address(self) -> Address:
        """Of the gallery."""
        return self._connection.address

    def read(self, *, readings: int = READINGS) -> Head:
        """Read the head.

        `readings`: Tries; the holder of the claim needs only one, because nobody writes meanwhile.
        Raises `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError`.
        """
        address = self.address
        if not self._there_and_ours():
            raise GalleryNotFoundError(
                f"there is no gallery at {address}: make one with: placeprint index DATASET --store {address}"
            )
        said: Said | None = None
        lost = ""
        for reading in range(readings):  # a writer may replace it, and what it names, between two of our questions
            text = self.text()
            if text is not None:
                said = said_in(text, address)
                there = self._texts(said.rows, level="Strong" if reading or readings == 1 else "Eventually")
                lost = next((row for row in said.rows if row not in there), "")
                if not lost:
                    return said.head(there, address)
            if reading + 1 < readings:
                time.sleep(PAUSE)
        if said is None:
            raise GalleryNotFoundError(f"{address} was begun but never completed: index it again")
        raise GalleryCorruptError(f"{address}: {lost} is missing: index it again")

    def _there_and_ours(self) -> bool:
        """Return whether there is a head; raise when another collection has a name of this gallery."""
        call, address = self._connection.call, self.address
        there = self.there
        if there:
            fields = call("looking at the gallery", "describe_collection", self._name)["fields"]
            taken = "" if {"name", "text"} <= {field["name"] for field in fields} else self._name
        else:  # a gallery's head is made first
            taken = address.name if call("looking for the gallery", "has_collection", address.name) else ""
        if taken:
            raise GalleryFormatError(
                f"{address}: {taken} is a collection that placeprint did not make: choose another name, or remove "
                "it from the server first"
            )
        return there

    def text(self, *, level: str = "Strong", seconds: float = MAKE_SECONDS) -> str | None:
        """Return the head as it is kept, which every change changes; None where there is none."""
        return self._texts(["head"], level=level, seconds=seconds).get("head")

    def claims(self, *, level: str = "Strong") -> dict[str, tuple[str, str]]:
        """Return the claims to the gallery by token, each with its last sign of life."""
        found = self._query(_OTHERS, level, MAKE_SECONDS)
        return {
            name.removeprefix(CLAIM): (text, found.get(name.replace(CLAIM, BEAT), ""))
            for name, text in found.items()
            if name.startswith(CLAIM)
        }

    def write(self, head: Head) -> None:
        """Replace the head: what is long first, under new names, then the head itself in one row.

        Only for the holder of a `placeprint.gallery.milvus.claim.Claim`: two writers would lose each other's changes.
        """
        token = secrets.token_hex(6)
        blobs = {name: data for name, data in blobs_of(head).items() if data}
        names = {name: [f"{name}-{token}-{i}" for i in range(0, len(data), CHUNK)] for name, data in blobs.items()}
        for name, data in blobs.items():
            for part, i in zip(names[name], range(0, len(data), CHUNK), strict=True):
                self.put(part, data[i : i + CHUNK])
        self.put("head", json.dumps(values_of(head) | {"blobs": names}))
        kept = json.dumps(["head", *(part for parts in names.values() for part in parts)])
        self._connection.call("tidying up", "delete", self._name, filter=f"name not in {kept} and not ({_OTHERS})")

    def create(self) -> None:
        """Make its collection where there is none.

        Raises `GalleryFormatError` when somebody else's collection has a name of this gallery.
        """
        if self._there_and_ours():
            return
        from pymilvus import DataType

        client = self._connection.client
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("name", DataType.VARCHAR, is_primary=True, max_length=128)
        schema.add_field("text", DataType.VARCHAR, max_length=65_535)
        schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=2)  # Milvus wants a vector in every collection
        params = client.prepare_index_params()
        params.add_index("nothing", index_type="FLAT", metric_type="IP")
        self._connection.call(
            "making the gallery",
            "create_collection",
            self._name,
            schema=schema,
            index_params=params,
            seconds=MAKE_SECONDS,
        )

    def put(self, name: str, text: str) -> None:
        """Write one row."""
        row = {"name": name, "text": text, "nothing": [0.0, 0.0]}
        self._connection.call("writing the head", "upsert", self._name, [row])

    def remove(self, *names: str) -> None:
        """Remove rows."""
        self._connection.call("tidying up", "delete", self._name, filter=f"name in {json.dumps(names)}")

    def _texts(self, names: Sequence[str], *, level: str = "Strong", seconds: float = MAKE_SECONDS) -> dict[str, str]:
        return self._query(f"name in {json.dumps(list(names))}", level, seconds)

    def _query(self, expression: str, level: str, seconds: float) -> dict[str, str]:
        """Return the texts of rows by name; a server that has just started may need many `seconds`."""
        call = self._connection.call
        state = call("looking at the gallery", "get_load_state", self._name, seconds=seconds)["state"]
        if getattr(state, "name", str(state)) != "Loaded":
            call("loading the gallery", "load_collection", self._name, seconds=seconds)
        found = call(
            "reading the head",
            "query",
            self._name,
            filter=expression,
            output_fields=["name", "text"],
            consistency_level=level,
            seconds=seconds,
        )
        return {row["name"]: row["text"] for row in found}
