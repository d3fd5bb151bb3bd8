"""What a gallery in Milvus says of itself: model, preset, roots, calibration, format.

A second, small collection ``NAME_head`` holds it: Milvus cannot change a collection's description, and a calibration
changes. One row is the head, replaced by one upsert; what does not fit into one string lies in rows of its own that
the head names.
"""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError, GalleryFormatError, GalleryNotFoundError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.files import failure_lines, failures_of
from placeprint.gallery.milvus_connection import MAKE_SECONDS, Connection
from placeprint.presets import FAST, Preset
from placeprint.records import FailedImage, ModelSpec

FORMAT = 1
KIND = "placeprint gallery"
CHUNK = 60_000
"""Characters of one string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a gallery says of itself.

    Attributes
    ----------
    spec : ModelSpec
    preset : Preset
    index_name : str
        What was asked for, see `placeprint.gallery.milvus_indexing.STORE_INDEXES`.
    roots : tuple of str
    end : int
        Every image's number is below it.
    holes : ndarray of int64
        Numbers below `end` that no image has, ascending.
    writing : bool
        True from the beginning of a change to its end: an interrupted one leaves it.
    failures : tuple of FailedImage
    calibration : Calibration or None
    learned : mapping of str to ndarray
    audit : mapping, optional
    """

    spec: ModelSpec
    preset: Preset = FAST
    index_name: str = "auto"
    roots: tuple[str, ...] = (".",)
    end: int = 0
    holes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    writing: bool = False
    failures: tuple[FailedImage, ...] = ()
    calibration: Calibration | None = None
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    audit: Mapping[str, Any] | None = None

    def with_root(self, root: str) -> tuple[tuple[str, ...], int]:
        """Return the roots with this one among them, and its number."""
        roots = self.roots if root in self.roots else (*self.roots, root)
        return roots, roots.index(root)


class HeadStore:
    """Reads and writes the head of one gallery."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._name = connection, f"{connection.address.name}_head"

    @property
    def there(self) -> bool:
        """True when the server has a head for this gallery."""
        return bool(self._connection.call("looking for the gallery", "has_collection", self._name))

    def read(self) -> Head:
        """Read the head.

        Raises
        ------
        GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
        """
        address = self._connection.address
        self._refuse_others()
        if not self.there:
            raise GalleryNotFoundError(
                f"there is no gallery at {address}: make one with: placeprint index DATASET --store {address}"
            )
        text = self._texts(["head"]).get("head")
        if text is None:
            raise GalleryNotFoundError(f"{address} was begun and never written: index it again")
        try:
            values = json.loads(text)
        except ValueError as error:
            raise GalleryCorruptError(f"the head of {address} cannot be read ({error}): index it again") from error
        if not isinstance(values, dict) or values.get("kind") != KIND:
            raise GalleryFormatError(f"{address} is a collection of something else than placeprint")
        if values.get("format") != FORMAT:
            raise GalleryFormatError(
                f"{address} has format {values.get('format')}, this release reads {FORMAT}: upgrade placeprint, or "
                "index it again"
            )
        return _head(values, {name: self._blob(parts) for name, parts in values["blobs"].items()})

    def _refuse_others(self) -> None:
        """See that no collection of somebody else has the name of the gallery or of its head: it is left alone."""
        call, address = self._connection.call, self._connection.address
        if self.there:
            fields = call("looking at the gallery", "describe_collection", self._name)["fields"]
            taken = "" if {"name", "text"} <= {field["name"] for field in fields} else self._name
        else:  # a gallery's head is made first
            taken = address.name if call("looking for the gallery", "has_collection", address.name) else ""
        if taken:
            raise GalleryFormatError(
                f"{address}: {taken} is a collection of something else than placeprint: choose another name, or remove "
                "it from the server first"
            )

    def write(self, head: Head) -> None:
        """Replace the head: what is long first, under new names, then the head itself in one row."""
        self._create()
        token = secrets.token_hex(6)
        blobs = {name: data for name, data in _blobs(head).items() if data}
        names = {name: [f"{name}-{token}-{i}" for i in range(0, len(data), CHUNK)] for name, data in blobs.items()}
        for name, data in blobs.items():
            for part, i in zip(names[name], range(0, len(data), CHUNK), strict=True):
                self._put(part, data[i : i + CHUNK])
        self._put("head", json.dumps(_values(head) | {"blobs": names}))
        kept = json.dumps(["head", *(part for parts in names.values() for part in parts)])
        self._connection.call("tidying up", "delete", self._name, filter=f"name not in {kept}")

    def drop(self) -> None:
        """Remove it."""
        self._connection.call("removing the gallery", "drop_collection", self._name)

    def _create(self) -> None:
        if self.there:
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

    def _put(self, name: str, text: str) -> None:
        row = {"name": name, "text": text, "nothing": [0.0, 0.0]}
        self._connection.call("writing the head", "upsert", self._name, [row])

    def _texts(self, names: Sequence[str]) -> dict[str, str]:
        call = self._connection.call
        state = call("looking at the gallery", "get_load_state", self._name)["state"]
        if getattr(state, "name", str(state)) != "Loaded":
            call("loading the gallery", "load_collection", self._name, seconds=MAKE_SECONDS)
        found = call(
            "reading the head",
            "query",
            self._name,
            filter=f"name in {json.dumps(list(names))}",
            output_fields=["name", "text"],
            consistency_level="Strong",
            seconds=MAKE_SECONDS,  # a server that was just started takes its time
        )
        return {row["name"]: row["text"] for row in found}

    def _blob(self, names: Sequence[str]) -> str:
        found = self._texts(names)
        if missing := [name for name in names if name not in found]:
            raise GalleryCorruptError(f"{self._connection.address}: {missing[0]} is missing: index it again")
        return "".join(found[name] for name in names)


def _values(head: Head) -> dict[str, Any]:
    return {
        "kind": KIND,
        "format": FORMAT,
        "model": head.spec.to_dict(),
        "fingerprint": head.spec.fingerprint(),
        "preset": head.preset.to_dict(),
        "index": head.index_name,
        "end": head.end,
        "writing": head.writing,
        "calibration": head.calibration.to_dict() if head.calibration else None,
        "audit": head.audit,
    }


def _blobs(head: Head) -> dict[str, str]:
    return {
        "roots": json.dumps(head.roots),
        "failures": failure_lines(head.failures).decode(),
        "holes": _packed({"holes": head.holes}) if len(head.holes) else "",
        "learned": _packed(head.learned) if head.learned else "",
    }


def _head(values: Mapping[str, Any], blobs: Mapping[str, str]) -> Head:
    learned = _unpacked(blobs.get("learned", ""))
    holes = _unpacked(blobs.get("holes", "")).get("holes", np.empty(0, np.int64))
    return Head(
        spec=ModelSpec.from_dict(values["model"]),
        preset=Preset.from_dict(values["preset"]),
        index_name=values["index"],
        roots=tuple(json.loads(blobs["roots"])),
        end=values["end"],
        holes=holes,
        writing=values["writing"],
        failures=failures_of(blobs.get("failures", "").encode()),
        calibration=Calibration.from_dict(values["calibration"]) if values["calibration"] else None,
        learned=learned,
        audit=values["audit"],
    )


def _packed(arrays: Mapping[str, NDArray[Any]]) -> str:
    file = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, **named)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _unpacked(text: str) -> dict[str, NDArray[Any]]:
    if not text:
        return {}
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
