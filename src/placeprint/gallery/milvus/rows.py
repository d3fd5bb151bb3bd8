"""One image as a row of a Milvus collection, and back.

Milvus has no field of bytes, and its strings end at 65,535 bytes: parts of images are base64, one string a kind. That
holds what the presets keep (``balanced``: 360 cells of 112 bytes are 53,760 characters).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError, UsageError, VectorError
from placeprint.gallery.columns import SPLITS
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.keys import content_of, key_of
from placeprint.gallery.record_lines import parsed_line
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage.part_limits import MOST_PARTS

STRING = 65_535
"""Bytes of a string in Milvus at most."""
PLACES, PLACE_BYTES = 64, 2048
"""Places of one image, and bytes of a place's name, at most."""
NOWHERE = 999.0
"""Stands for an unknown latitude or longitude."""
PLAIN = ("key", "row", "record", "vector", "sum")
KINDS = ("int8", "uint8")

Parts = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The image in a row."""

    key: int  # See `placeprint.gallery.keys.key_of`.
    row: int  # Its number: images are in the order of their numbers; some numbers may be missing.
    record: ImageRecord
    root: int  # Number of the gallery's root that the path is relative to.
    vector: Vectors  # Shape (dim,).
    parts: Parts  # Each shape (height, width, depth).
    sum: str  # See `checksum`; as it was when the row was written.
    found: str  # The same of what was read.


def checksum(record: str, vector: Vectors, parts: Mapping[str, str]) -> str:
    """Return a 64-bit checksum of a row, hexadecimal."""
    digest = hashlib.blake2b(record.encode(), digest_size=8)
    digest.update(np.ascontiguousarray(vector, "<f4").tobytes())
    for name in sorted(parts):
        digest.update(parts[name].encode())
    return digest.hexdigest()


def to_row(
    row: int, record: ImageRecord, *, root: int, root_name: str, vector: Vectors, parts: Parts
) -> dict[str, Any]:
    """Return a row as pymilvus takes it.

    `root`, `root_name`: Number and name of the root.
    `vector`, shape (dim,): A unit vector.
    Raises `UsageError` when the record is larger than Milvus takes; `VectorError` when the parts are.
    """
    line = json.dumps({**record.to_dict(), "root": root})
    if len(line) > STRING or len(record.places) > PLACES or any(len(p.encode()) > PLACE_BYTES for p in record.places):
        raise UsageError(
            f"{record.path}: Milvus holds {STRING} bytes of a record, {PLACES} places and {PLACE_BYTES} bytes of a "
            "place's name: shorten them, or keep this gallery in a folder"
        )
    packed = {name: _packed(name, array, record.path) for name, array in parts.items()}
    latitude, longitude = record.degrees or (NOWHERE, NOWHERE)
    return {
        "key": key_of(root_name, record.path),
        "row": row,
        "record": line,
        "places": list(record.places),
        "content": content_of(record.content_hash),
        "split": SPLITS.index(record.split),
        "latitude": latitude,
        "longitude": longitude,
        "sum": checksum(line, vector, packed),
        "vector": vector,
        **packed,
    }


def from_row(values: Mapping[str, Any], names: Sequence[str]) -> StoredImage:
    """Read a row that pymilvus returned; `names` are those of its parts.

    Raises `GalleryCorruptError` when it is not a row of this library.
    """
    line, vector = values["record"], np.asarray(values["vector"], np.float32)
    packed = {name: values[name] for name in names}
    record, root = parsed_line(line.encode(), values["row"])
    return StoredImage(
        values["key"],
        values["row"],
        record,
        root,
        vector,
        {name: unpacked(text) for name, text in packed.items()},
        values["sum"],
        checksum(line, vector, packed),
    )


def schema_of(client: Any, spec: ModelSpec) -> Any:
    """Return the schema of a collection for a model."""
    from pymilvus import DataType

    made = client.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field("key", DataType.INT64, is_primary=True)
    made.add_field("row", DataType.INT64)
    made.add_field("record", DataType.VARCHAR, max_length=STRING)
    made.add_field("places", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=PLACES, max_length=PLACE_BYTES)
    made.add_field("content", DataType.INT64)
    made.add_field("split", DataType.INT8)
    made.add_field("latitude", DataType.DOUBLE)
    made.add_field("longitude", DataType.DOUBLE)
    made.add_field("sum", DataType.VARCHAR, max_length=16)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=spec.dim)
    for name in sorted(spec.parts):
        made.add_field(name, DataType.VARCHAR, max_length=STRING)
    return made


def row_bytes(spec: ModelSpec) -> int:
    """Return about how many bytes a row takes, to size messages."""
    return 4 * spec.dim + 1024 + (48 * 1024 + STRING // 2) * len(spec.parts)


def _packed(name: str, array: NDArray[Any], path: str) -> str:
    height, width, depth = array.shape
    if str(array.dtype) not in KINDS:
        raise VectorError(f"{path}: parts are {' or '.join(KINDS)}, not {array.dtype}")
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    text = f"{array.dtype},{height},{width},{depth}:{data}"
    if len(text) > STRING:
        raise VectorError(
            f"{path}: its {name} take {len(text)} bytes and Milvus holds {STRING} of each image: take --preset fast, "
            "or fewer of them (as --preset balanced:cells=300)"
        )
    return text


def unpacked(text: str) -> NDArray[Any]:
    """Read what `to_row` made of the parts of an image. Raises `GalleryCorruptError`."""
    head, _, data = text.partition(":")
    try:
        kind, *sides = head.split(",")
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r}")
        height, width, depth = (int(side) for side in sides)
        if min(height, width) < 0 or max(height, width, height * width) > MOST_PARTS:
            raise ValueError(f"more than {MOST_PARTS}, or fewer than none")
        return np.frombuffer(base64.b64decode(data, validate=True), kind).reshape(height, width, depth)
    except ValueError as error:
        raise GalleryCorruptError(f"the parts of an image cannot be read ({error}): index it again") from error
