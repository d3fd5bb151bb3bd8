"""The embedding cache: whatever its file or its rows hold, it finds what fits or nothing, and goes on."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from placeprint.embedding import cache_rows
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_rows import CachedEmbedding, found_row, keep_rows, make_tables

from .changes import bytes_changed, json_changed
from .target import Bytes, Target

CONTENT, MODEL = "c" * 8, "m"
_FILE = b"SQLite format 3\0"
_KNOWN = CachedEmbedding(np.ones(4, np.float32), 40, 30, {"cells": np.ones((2, 3, 4), np.int8)})


@contextmanager
def ready(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Give what reads a file, or else rows."""
    yield partial(read, folder / "cache")


def read(folder: Path, data: bytes) -> None:
    """Ask a cache whose file is given, or whose rows are."""
    if data.startswith(b"{"):
        _ask_rows(data)
    else:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            _ask_file(folder, data)
        assert "Traceback" not in said.getvalue()
        assert all(len(line) < 1500 for line in said.getvalue().splitlines())


def _ask_file(folder: Path, data: bytes) -> None:
    folder.mkdir()
    try:
        file = folder / "embeddings.sqlite"
        file.write_bytes(data)
        with EmbeddingCache(file) as kept:
            _is_one(kept.get(CONTENT, MODEL))
            kept.put(MODEL, [(CONTENT, _KNOWN)])
            _is_one(found := kept.get(CONTENT, MODEL))
            assert found is None or np.array_equal(found.vector, _KNOWN.vector)
        with EmbeddingCache(file) as kept:
            _is_one(kept.get(CONTENT, MODEL))
    finally:
        shutil.rmtree(folder)


def _ask_rows(data: bytes) -> None:
    """Write rows as one who knows how checksums are made, and ask for them."""
    try:
        said = json.loads(data)
        row, parts = said["row"], said["parts"]
        cells = [_cell(cell) for cell in (*row, *[None] * 4)[:4]]
        rows = [tuple(_cell(cell) for cell in part[:6]) for part in parts]
    except (ValueError, TypeError, LookupError, RecursionError):
        return
    with closing(sqlite3.connect(":memory:")) as base:
        base.text_factory = lambda text: text.decode("utf-8", "replace")
        make_tables(base)
        try:
            base.executemany(cache_rows._KEEP_PARTS, [(CONTENT, MODEL, *part) for part in rows])
            kept = base.execute(cache_rows._FIND_PARTS, (CONTENT, MODEL)).fetchall()
            with contextlib.suppress(TypeError):
                if cells[3] == "right":
                    cells[3] = cache_rows._checksum((CONTENT, MODEL, *cells[:2]), cells[2], kept)
            base.execute(cache_rows._KEEP, (CONTENT, MODEL, *cells))
        except (sqlite3.Error, OverflowError, UnicodeError, ValueError):  # no table can hold that
            return
        _is_one(found_row(base, CONTENT, MODEL))
        keep_rows(base, MODEL, [(CONTENT, _KNOWN)])
        found = found_row(base, CONTENT, MODEL)
    _is_one(found)
    assert found is not None
    assert np.array_equal(found.parts["cells"], _KNOWN.parts["cells"])


def _cell(value: Any) -> Any:
    """Return a cell: bytes, numbers and truth values are lists of their name and what is in them."""
    return bytes.fromhex(value[1]) if isinstance(value, list) else value


def _is_one(found: CachedEmbedding | None) -> None:
    """Look whether what was found is of the types that it must be."""
    if found is None:
        return
    assert (found.vector.dtype, found.vector.ndim) == (np.float32, 1)
    assert np.isfinite(found.vector).all()
    assert isinstance(found.width, int)
    assert isinstance(found.height, int)
    assert min(found.width, found.height) > 0
    for name, part in found.parts.items():
        assert isinstance(name, str)
        assert (part.dtype.itemsize, part.ndim) == (1, 3)


@cache
def seeds() -> Sequence[bytes]:
    """Return a file with a row, one of an older release, and rows."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "embeddings.sqlite")
        with closing(sqlite3.connect(file)) as base:
            base.execute("pragma page_size = 512")
            make_tables(base)
            keep_rows(base, MODEL, [(CONTENT, _KNOWN)])
        whole = file.read_bytes()
        file.unlink()
        with closing(sqlite3.connect(file)) as base:
            base.execute("pragma page_size = 512")
            base.execute(cache_rows._TABLES[0].replace(" checksum blob,", ""))
            base.execute("insert into embeddings values (?, ?, 4, 3, ?)", (CONTENT, MODEL, bytes(16)))
            base.commit()
        old = file.read_bytes()
    vector, part = np.ones(4, "<f4").tobytes().hex(), bytes(24).hex()
    rows = [
        {"row": [40, 30, ["bytes", vector], "right"], "parts": [["cells", "int8", 2, 3, 4, ["bytes", part]]]},
        {"row": [40, 30, ["bytes", vector], "right"], "parts": []},
        {"row": [40, 30, ["bytes", vector], None], "parts": [["xfeat", "uint8", 2, 3, 4, "text"]]},
    ]
    return (whole, old, *(json.dumps(row).encode() for row in rows))


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a cell, or some bytes of a file."""
    if data.startswith(b"{"):
        return _row_changed(data, random, plain)
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(100, len(data)) if len(data) > 100 and random.random() < 0.7 else 0
        data = data[:at] + plain(data[at : at + 40]) + data[at + 40 :]
    return data


def _row_changed(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a value, or the numbers of the vector."""
    if random.random() < 0.6:
        return json_changed(data, random, plain)
    try:
        said = json.loads(data)
        said["row"][2][1] = bytes_changed(bytes.fromhex(said["row"][2][1]), random).hex()
    except (ValueError, TypeError, LookupError, RecursionError):
        return plain(data)
    return json.dumps(said).encode()


TARGET = Target(ready=ready, seeds=seeds, change=change)
