"""How large the embedding cache may grow: what was put in first gives way by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from placeprint.errors import UsageError

if TYPE_CHECKING:
    import sqlite3

GIGABYTES = 10.0
VARIABLE = "PLACEPRINT_CACHE_GB"
_SHARE = 0.8
"""Of the limit that stays: so that it is not reached again at the next image."""
_AT_ONCE = 256


def most_bytes() -> int:
    """Return how many bytes the cache may take.

    Raises `UsageError` when the environment's PLACEPRINT_CACHE_GB is no number above 0.
    """
    said = os.environ.get(VARIABLE) or str(GIGABYTES)
    try:
        gigabytes = float(said)
    except ValueError:
        gigabytes = 0.0
    if not 0 < gigabytes * 1e9 < float("inf"):
        raise UsageError(f'{VARIABLE} is a number of gigabytes above 0, not "{said}"')
    return int(gigabytes * 1e9)


def used_bytes(base: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold something; SQLite fills the others again before the file grows."""
    page, count, free = (
        base.execute(f"pragma {n}").fetchone()[0] for n in ("page_size", "page_count", "freelist_count")
    )
    return int(page) * (int(count) - int(free))


def keep_within(base: sqlite3.Connection, most: int) -> None:
    """Remove the images that were put in first where more is used than may be; then matched pairs.

    Images without parts have no order: they go by their hash, which is as good as by chance.
    """
    if used_bytes(base) <= most:
        return
    while used_bytes(base) > _SHARE * most:
        rows = base.execute("select content, model from parts order by rowid limit ?", (_AT_ONCE,)).fetchall()
        rows = rows or base.execute("select content, model from embeddings limit ?", (_AT_ONCE,)).fetchall()
        with base:
            for table in ("parts", "embeddings"):
                base.executemany(f"delete from {table} where content = ? and model = ?", set(rows))  # noqa: S608  # one of ours
            gone = (
                base.execute("delete from pairs where pair in (select pair from pairs limit 4096)")
                if not rows
                else None
            )
        if gone is not None and not gone.rowcount:
            return
