"""Embeddings by content hash and model, kept across runs and galleries in one SQLite file.

The file may be opened by several processes at once, and by one that is killed: SQLite's write-ahead log
keeps it whole.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.user_cache import cache_folder, go_without

if TYPE_CHECKING:
    import sqlite3

_TABLE = """create table if not exists embeddings (
    content text not null, model text not null, width integer not null, height integer not null,
    vector blob not null, primary key (content, model)) without rowid"""
_PARTS = """create table if not exists parts (
    content text not null, model text not null, name text not null, kind text not null,
    height integer not null, width integer not null, depth integer not null, rows blob not null,
    primary key (content, model, name))"""
_PATIENCE = 10.0
"""Seconds to wait for another process that has the file."""
_FIND_PARTS = "select name, kind, height, width, depth, rows from parts where content = ? and model = ?"
_KINDS = ("int8", "uint8")


@dataclass(frozen=True, slots=True)
class CachedEmbedding:
    """A vector, the size in pixels of the upright image that it came from, and parts of that image.

    Attributes
    ----------
    vector : ndarray of float32, shape (dim,)
    width, height : int
    parts : mapping of str to ndarray, shape (height, width, depth)
        See `placeprint.embedding.embedder.Description`.
    """

    vector: NDArray[np.float32]
    width: int
    height: int
    parts: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def default_path() -> Path:
    """Return the user's cache file."""
    return cache_folder() / "embeddings.sqlite"


class EmbeddingCache:
    """A dictionary on disk: (content hash, model key) to vector. It never costs a run.

    When the file is damaged it is set aside and a new one is begun; when it cannot be written, the run
    goes on without it. Both are said once, on stderr.

    Parameters
    ----------
    path : Path, optional
        `default_path` when not given.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._lock = threading.Lock()
        self._base: sqlite3.Connection | None = self._connect()

    def _connect(self) -> sqlite3.Connection | None:
        import sqlite3

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return _open(self.path)
        except sqlite3.OperationalError as error:
            self._go_without(error)
        except sqlite3.DatabaseError:
            aside = self._free_name()
            sys.stderr.write(
                f'the embedding cache "{self.path}" is damaged: moved to "{aside.name}", a new one begins\n'
            )
            try:
                self.path.replace(aside)
                for log in ("-wal", "-shm"):  # of the damaged file: a new one must not read it
                    with suppress(FileNotFoundError):
                        self.path.with_name(self.path.name + log).replace(aside.with_name(aside.name + log))
                return _open(self.path)
            except (OSError, sqlite3.Error) as error:
                self._go_without(error)
        except OSError as error:
            self._go_without(error)
        return None

    def _free_name(self) -> Path:
        """Return a name that nothing has, for a damaged file."""
        names = (self.path.with_suffix(".damaged" + (f"-{number}" if number else "")) for number in itertools.count())
        return next(name for name in names if not name.exists())

    def _go_without(self, error: Exception) -> None:
        go_without(self.path.parent, error)
        self._base = None

    def get(self, content: str, model: str) -> CachedEmbedding | None:
        """Return what is known of an image under a model, or None."""
        import sqlite3

        if self._base is None:
            return None
        query = "select vector, width, height from embeddings where content = ? and model = ?"
        try:
            with self._lock:
                row = self._base.execute(query, (content, model)).fetchone()
                parts = self._base.execute(_FIND_PARTS, (content, model)).fetchall() if row else ()
            kept = {name: _array(kind, shape, rows) for name, kind, *shape, rows in parts}
        except sqlite3.Error as error:
            self._go_without(error)
            return None
        except (ValueError, TypeError):  # damaged parts
            return None
        if not row:
            return None
        return CachedEmbedding(np.frombuffer(row[0], dtype="<f4").astype(np.float32), row[1], row[2], kept)

    def put(self, model: str, rows: Iterable[tuple[str, CachedEmbedding]]) -> None:
        """Remember embeddings by content hash, in one transaction."""
        import sqlite3

        if self._base is None:
            return
        known = list(rows)
        values = [(c, model, e.width, e.height, e.vector.astype("<f4").tobytes()) for c, e in known]
        parts = [
            (c, model, name, str(part.dtype), *part.shape, np.ascontiguousarray(part).tobytes())
            for c, e in known
            for name, part in e.parts.items()
        ]
        try:
            with self._lock, self._base:
                self._base.executemany("insert or replace into embeddings values (?, ?, ?, ?, ?)", values)
                self._base.executemany("insert or replace into parts values (?, ?, ?, ?, ?, ?, ?, ?)", parts)
        except sqlite3.Error as error:
            self._go_without(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _array(kind: str, shape: Sequence[int], rows: bytes) -> NDArray[Any]:
    if kind not in _KINDS:
        raise ValueError(f"parts are {' or '.join(_KINDS)}, not {kind}")
    return np.frombuffer(rows, dtype=kind).reshape(shape)


def _write_ahead(base: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; SQLite itself does not wait when another process is just doing the same."""
    import sqlite3

    until = time.monotonic() + _PATIENCE
    while True:
        try:
            base.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _open(path: Path) -> sqlite3.Connection:
    import sqlite3

    base = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        tables = {row[0] for row in base.execute("select name from sqlite_master where type = 'table'")}
        if tables and "embeddings" not in tables:
            raise sqlite3.OperationalError("it is a database of something else")
        _write_ahead(base)
        base.execute("pragma synchronous = normal")
        base.execute(_TABLE)
        base.execute(_PARTS)
        base.execute("select content from embeddings limit 1").fetchall()
    except sqlite3.Error:
        base.close()
        raise
    return base
