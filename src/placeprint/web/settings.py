"""What a server allows: limits, hosts, and who may write."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.storage.regular_files import read_regular

TOKEN_VARIABLE = "PLACEPRINT_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a gallery is served.

    Attributes
    ----------
    token_digest : bytes
        SHA-256 of the token that writing needs; empty when nobody may write.
    hosts : tuple of str
        Names that a request may call this server by (header Host, without the port), besides any IP address: a page
        of another site can make a browser send its own name here, but no address.
    max_bytes : int
        Of one request's body.
    max_pixels : int
        Of one photo.
    max_photos : int
        Of one place, in one request.
    max_k : int
        Matches that an answer may list.
    body_seconds, work_seconds : float
        How long a body may take to come, and an answer to be made.
    waiting : int
        Requests that may wait for a thread; one more is answered 503.
    held_bytes : int
        Of all bodies in memory at once; more is answered 503.
    decode_bytes : int
        Memory that all photos take that are decoded at once; the environment's PLACEPRINT_DECODE_MB comes first.
    prefix : str
        The path that a reverse proxy puts before the server's urls, as ``/photos``.
    doubtful : int
        Recent doubtful answers that are remembered, in memory.
    """

    token_digest: bytes = b""
    hosts: tuple[str, ...] = LOOPBACK
    max_bytes: int = 32 * MEBIBYTE
    max_pixels: int = 50_000_000
    max_photos: int = 8
    max_k: int = 100
    body_seconds: float = 20.0
    work_seconds: float = 30.0
    waiting: int = 16
    held_bytes: int = 256 * MEBIBYTE
    decode_bytes: int = 224 * MEBIBYTE
    prefix: str = ""
    doubtful: int = 200

    @property
    def writing(self) -> bool:
        """True when a token is set."""
        return bool(self.token_digest)

    def allows(self, token: str) -> bool:
        """Compare a token with the one that is set, in constant time."""
        return self.writing and hmac.compare_digest(digest_of(token), self.token_digest)


def own_names(host: str) -> tuple[str, ...]:
    """Return the names of a server that listens on an address: those of this machine, where others reach it."""
    if host in LOOPBACK:
        return LOOPBACK
    return tuple(dict.fromkeys((*LOOPBACK, host.lower(), socket.gethostname().lower(), socket.getfqdn().lower())))


def checked_prefix(path: str) -> str:
    """Return the path that a proxy puts before urls, as ``/photos``; empty for ``/``.

    Raises
    ------
    UsageError
        When it is no such path.
    """
    prefix = path.rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(f'"{path}" is no path that can stand before urls: give one such as /photos')
    return prefix


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def token_digest(file: Path | None) -> bytes:
    """Read the token from a file, or else from the environment's PLACEPRINT_TOKEN; empty when neither is there.

    Raises
    ------
    UsageError
        When it is shorter than 16 characters, or the file cannot be read.
    """
    where = f'"{file}"' if file else TOKEN_VARIABLE
    try:
        token = (
            read_regular(file, LONGEST_TOKEN).decode("utf-8").strip()
            if file
            else os.environ.get(TOKEN_VARIABLE, "").strip()
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token cannot be read from {where}: {error}") from error
    if file is None and not token:
        return b""
    if len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"the token in {where} has {len(token)} characters: give {SHORTEST_TOKEN} or more, "
            "as from: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return digest_of(token)
