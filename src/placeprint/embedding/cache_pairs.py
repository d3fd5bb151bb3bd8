"""What the cache keeps of two images: how surely their local features match, under a checksum.

A pair is found by a hash of both images' features and of what matched them. The checksum is of that hash and of the
number: a row is what was written for this pair, or it is none, and the pair is matched again.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

TABLE = """create table if not exists pairs (
    pair blob not null primary key, confidence real not null, checksum blob) without rowid"""
COLUMNS = ["pair", "confidence", "checksum"]
_FIND = "select confidence, checksum from pairs where pair = ?"
_KEEP = "insert or replace into pairs values (?, ?, ?)"


def found_pair(base: sqlite3.Connection, pair: bytes) -> float | None:
    """Return the summed confidence of a pair; None where the table holds nothing, or what does not fit."""
    row = base.execute(_FIND, (pair,)).fetchone()
    if not row or not isinstance(row[0], float) or not math.isfinite(row[0]):
        return None
    confidence, checksum = row
    return confidence if checksum == _checksum(pair, confidence) else None


def keep_pair(base: sqlite3.Connection, pair: bytes, confidence: float) -> None:
    """Write the summed confidence of a pair, in place of what is there."""
    with base:
        base.execute(_KEEP, (pair, confidence, _checksum(pair, confidence)))


def _checksum(pair: bytes, confidence: float) -> bytes:
    return hashlib.blake2b(pair + struct.pack("<d", confidence), digest_size=8).digest()
