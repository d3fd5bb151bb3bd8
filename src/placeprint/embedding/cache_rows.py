"""What the embedding cache keeps of an image: rows of two tables, under one checksum.

The checksum is of everything that the rows hold and of what they are found by. So a row is what was written for this
image and this model, with all its parts, or it is none: then the image is embedded again and the row replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Parts, Vectors
from placeprint.embedding import cache_pairs

if TYPE_CHECKING:
    import sqlite3

_TABLES = (
    """create table if not exists embeddings (
    content text not null, model text not null, width integer not null, height integer not null,
    vector blob not null, checksum blob, primary key (content, model)) without rowid""",
    """create table if not exists parts (
    content text not null, model text not null, name text not null, kind text not null,
    height integer not null, width integer not null, depth integer not null, rows blob not null,
    primary key (content, model, name))""",
    cache_pairs.TABLE,
)
_COLUMNS = {
    "embeddings": ["content", "model", "width", "height", "vector", "checksum"],
    "parts": ["content", "model", "name", "kind", "height", "width", "depth", "rows"],
    "pairs": cache_pairs.COLUMNS,
}
_FIND = "select width, height, vector, checksum from embeddings where content = ? and model = ?"
_FIND_PARTS = "select name, kind, height, width, depth, rows from parts where content = ? and model = ? order by name"
_KEEP = "insert or replace into embeddings values (?, ?, ?, ?, ?, ?)"
_KEEP_PARTS = "insert into parts values (?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET_PARTS = "delete from parts where content = ? and model = ?"
_KINDS = ("int8", "uint8")


@dataclass(frozen=True, slots=True)
class CachedEmbedding:
    """A vector, the size in pixels of the upright image that it came from, and parts of that image."""

    vector: Vectors  # Shape (dim,).
    width: int
    height: int
    # Each (height, width, depth): See `placeprint.embedding.embedder.Description`.
    parts: Parts = field(default_factory=dict)


def make_tables(base: sqlite3.Connection) -> None:
    """Make the tables where they are not there.

    Raises `sqlite3.OperationalError` when there are tables of these names that hold something else.
    """
    import sqlite3

    for table in _TABLES:
        base.execute(table)
    for name, columns in _COLUMNS.items():
        if [row[1] for row in base.execute(f"pragma table_info({name})")] != columns:
            raise sqlite3.OperationalError("it is a database of something else")


def found_row(base: sqlite3.Connection, content: str, model: str) -> CachedEmbedding | None:
    """Return what the tables hold of an image under a model; None where they hold nothing, or what does not fit."""
    row = base.execute(_FIND, (content, model)).fetchone()
    if not row:
        return None
    width, height, vector, checksum = row
    parts = base.execute(_FIND_PARTS, (content, model)).fetchall()
    try:
        if _checksum((content, model, width, height), vector, parts) != checksum:
            return None
        kept = {name: _array(kind, shape, rows) for name, kind, *shape, rows in parts}
        numbers = np.frombuffer(vector, dtype="<f4").astype(np.float32)
    except (ValueError, TypeError):  # text where there should be bytes, or too few of them
        return None
    sized = all(isinstance(side, int) and side > 0 for side in (width, height))  # a column of integers takes texts too
    return CachedEmbedding(numbers, width, height, kept) if sized and np.isfinite(numbers).all() else None


def keep_rows(base: sqlite3.Connection, model: str, rows: Sequence[tuple[str, CachedEmbedding]]) -> None:
    """Write what belongs to some content hashes, in one transaction, in place of what is there."""
    embeddings, parts = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for content, known in dict(rows).items():  # copies of an image come together
        mine = [
            (name, str(part.dtype), *part.shape, np.ascontiguousarray(part).tobytes())
            for name, part in sorted(known.parts.items())
        ]
        vector = known.vector.astype("<f4").tobytes()
        checksum = _checksum((content, model, known.width, known.height), vector, mine)
        embeddings.append((content, model, known.width, known.height, vector, checksum))
        parts += ((content, model, *part) for part in mine)
    with base:
        base.executemany(_KEEP, embeddings)
        base.executemany(_FORGET_PARTS, [(content, model) for content, _ in rows])
        base.executemany(_KEEP_PARTS, parts)


def forget_rows(base: sqlite3.Connection) -> None:
    """Empty all tables, and give what they took back to the disk."""
    with base:
        for name in _COLUMNS:
            base.execute(f"delete from {name}")  # noqa: S608  # one of ours
    base.execute("vacuum")
    base.execute("pragma wal_checkpoint(truncate)")


def _checksum(head: tuple[object, ...], vector: bytes, parts: Sequence[tuple[Any, ...]]) -> bytes:
    """Return 16 bytes that stand for all that the rows of an image hold.

    Raises `TypeError` where there is text, a number or nothing in place of bytes.
    """
    shapes = [tuple(part[:-1]) for part in parts]
    digest = hashlib.blake2b(repr((head, shapes)).encode("utf-8", "replace"), digest_size=16)
    for data in (vector, *(part[-1] for part in parts)):
        digest.update(data)
    return digest.digest()


def _array(kind: str, shape: Sequence[int], rows: bytes) -> NDArray[Any]:
    if kind not in _KINDS:
        raise ValueError(f"parts are {' or '.join(_KINDS)}, not {kind}")
    return np.frombuffer(rows, dtype=kind).reshape(shape)
