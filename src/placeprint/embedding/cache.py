"""Embeddings by content hash and model, and matched pairs of images, kept across runs and galleries in one SQLite file.

The file may be opened by several processes at once, and by one that is killed: SQLite's write-ahead log
keeps it whole.
"""

from __future__ import annotations

import itertools
import os
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from placeprint import forks
from placeprint.embedding.cache_limit import keep_within, most_bytes
from placeprint.embedding.cache_pairs import found_pair, keep_pair
from placeprint.embedding.cache_rows import CachedEmbedding, forget_rows, found_row, keep_rows, make_tables
from placeprint.storage.user_cache import cache_folder, go_without
from placeprint.terminal import tell

if TYPE_CHECKING:
    import sqlite3

_PATIENCE = 10.0
"""Seconds to wait for another process that has the file."""
T = TypeVar("T")


def default_path() -> Path:
    """Return the user's cache file."""
    return cache_folder() / "embeddings.sqlite"


class EmbeddingCache:
    """A dictionary on disk: (content hash, model key) to vector. It never costs a run.

    When the file is damaged it is set aside and a new one is begun; when it cannot be written, the run
    goes on without it. Both are said once, on stderr.

    `path`: `default_path` when not given.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path, self._most = path or default_path(), most_bytes()
        self._lock = forks.Lock()
        self._base: sqlite3.Connection | None = self._connect()
        _OPEN.add(self)

    def _connect(self) -> sqlite3.Connection | None:
        import sqlite3

        if self.path.absolute() in _INHERITED:
            go_without(self.path.parent, "the process that this one was forked from was using it")
            return None

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return _open(self.path)
        except (OSError, sqlite3.Error, UnicodeError) as error:
            return self._after(error)

    def _after(self, error: Exception) -> sqlite3.Connection | None:
        """Return a new file after damage; None, and say so, where the run goes on without one."""
        if _is_damage(error):
            return self._begin_anew()
        go_without(self.path.parent, error)
        return None

    def _begin_anew(self) -> sqlite3.Connection | None:
        """Set a damaged file aside, say so, and return a new one."""
        import sqlite3

        aside = self._free_name()
        tell(f'the embedding cache "{self.path}" is damaged: moved to "{aside.name}", a new one begins')
        try:
            self.path.replace(aside)
            for log in ("-wal", "-shm"):  # of the damaged file: a new one must not read it
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + log).replace(aside.with_name(aside.name + log))
            return _open(self.path)
        except (OSError, sqlite3.Error) as error:
            go_without(self.path.parent, error)
            return None

    def _free_name(self) -> Path:
        """Return a name that nothing has, for a damaged file."""
        names = (self.path.with_suffix(".damaged" + (f"-{number}" if number else "")) for number in itertools.count())
        return next(name for name in names if not name.exists())

    def get(self, content: str, model: str) -> CachedEmbedding | None:
        """Return what is known of an image under a model; None where nothing is, or what is there does not fit."""
        return self._asked(lambda base: found_row(base, content, model))

    def put(self, model: str, rows: Iterable[tuple[str, CachedEmbedding]]) -> None:
        """Remember embeddings by content hash, in one transaction; what came first gives way where there is no room."""
        known = list(rows)
        self._asked(lambda base: keep_rows(base, model, known), again=True)
        self._asked(lambda base: keep_within(base, self._most))

    def pair(self, pair: bytes) -> float | None:
        """Return how surely two images match; None where nobody knows. The pair is named by a hash."""
        return self._asked(lambda base: found_pair(base, pair))

    def keep_pair(self, pair: bytes, confidence: float) -> None:
        """Remember how surely two images match."""
        self._asked(lambda base: keep_pair(base, pair, confidence), again=True)

    def _asked(self, ask: Callable[[sqlite3.Connection], T], *, again: bool = False) -> T | None:
        """Ask the file under the lock; when it turns out to be damaged, begin a new one and, with `again`, ask that."""
        import sqlite3

        with self._lock:
            if self._base is None:
                return None
            try:
                return ask(self._base)
            except (sqlite3.Error, UnicodeError) as error:
                self._base.close()
                self._base = self._after(error)
        return self._asked(ask) if again else None

    def counts(self) -> tuple[int, int]:
        """Return how many embeddings and how many matched pairs it keeps."""
        said = "select (select count(*) from embeddings), (select count(*) from pairs)"
        found = self._asked(lambda base: base.execute(said).fetchone())
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def clear(self) -> None:
        """Forget everything, and give the disk back."""
        self._asked(forget_rows)

    def close(self) -> None:
        """Let go of the file, when nobody asks it: another thread may, while an interruption ends this one."""
        with self._lock:
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


def _is_damage(error: Exception) -> bool:
    """Return whether SQLite finds fault with what is in the file, and not with how it can be used."""
    import sqlite3

    if isinstance(error, UnicodeError) or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:
        return True  # the first: SQLite's own message about a damaged schema quotes it
    use = (sqlite3.OperationalError, sqlite3.ProgrammingError)  # the second, where a connection is closed
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, use)


_OPEN: weakref.WeakSet[EmbeddingCache] = weakref.WeakSet()
_INHERITED: set[Path] = set()
"""Files that are open in a parent. SQLite allows a child neither to use nor to close its connection, and would believe
of another one that it holds the parent's locks."""


def _in_child() -> None:
    for cache in list(_OPEN):
        if cache._base is not None:
            forks.keep(cache._base)
            _INHERITED.add(cache.path.absolute())
            cache._base = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _write_ahead(base: sqlite3.Connection) -> None:
    """Turn the write-ahead log on, waiting for another process that does the same: SQLite itself does not wait."""
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
    base.text_factory = _text
    try:
        tables = {row[0] for row in base.execute("select name from sqlite_master where type = 'table'")}
        if tables and "embeddings" not in tables:
            raise sqlite3.OperationalError("it is a database of something else")
        _write_ahead(base)
        base.execute("pragma synchronous = normal")
        make_tables(base)
        base.execute("select content from embeddings limit 1").fetchall()
    except (sqlite3.Error, UnicodeError):
        base.close()
        raise
    return base


def _text(data: bytes) -> str:
    """Decode a text of the file; where it is damaged, what comes fits no row."""
    return data.decode("utf-8", "replace")
