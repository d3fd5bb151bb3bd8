"""What a server allows: limits, hosts, and who may write."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from placeprint.errors import UsageError
from placeprint.options import Flag, ModelWords
from placeprint.storage.regular_files import read_regular

TOKEN_VARIABLE = "PLACEPRINT_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a gallery is served."""

    token_digest: bytes = b""  # SHA-256 of the token that writing needs; empty when nobody may write.
    # Names that a request may call this server by (header Host, without the port), besides any IP address: a page of
    # another site can make a browser send its own name here, but no address.
    hosts: tuple[str, ...] = LOOPBACK
    max_bytes: int = 32 * MEBIBYTE  # Of one request's body.
    max_pixels: int = 50_000_000  # Of one photo.
    max_photos: int = 8  # Of one place, in one request.
    max_k: int = 100  # Matches that an answer may list.
    # body_seconds, work_seconds: How long a body may stand still while it comes, and how long an answer may take to be
    # made.
    body_seconds: float = 20.0
    work_seconds: float = 30.0
    waiting: int = 16  # Requests that may wait for a thread; one more is answered 503.
    held_bytes: int = 256 * MEBIBYTE  # Of all bodies in memory at once; more is answered 503.
    # Memory that all photos take that are decoded at once; the environment's PLACEPRINT_DECODE_MB comes first.
    decode_bytes: int = 224 * MEBIBYTE
    prefix: str = ""  # The path that a reverse proxy puts before the server's URLs, as ``/photos``.
    doubtful: int = 200  # Recent doubtful answers that are remembered, in memory.
    # Whether photos that are added are stored as they come, with the position, time and camera in them.
    keep_metadata: bool = False
    # Folder in which photos are kept that are asked and UNKNOWN; see `placeprint.remembered`.
    remember: Path | None = None
    remember_limit: int = 1000  # How many of them.

    @property
    def writing(self) -> bool:
        """True when a token is set."""
        return bool(self.token_digest)

    def allows(self, token: str) -> bool:
        """Compare a token with the one that is set, in constant time."""
        return self.writing and hmac.compare_digest(digest_of(token), self.token_digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where a server listens."""

    host: Annotated[
        str, Flag("--host", "Address to listen on; a warning is printed when other machines can reach it.")
    ] = "127.0.0.1"
    port: Annotated[
        int, Flag("--port", "Port to listen on; 0 takes any free one.", short="-p", least=0, most=65535)
    ] = 8000
    unix_socket: Annotated[
        Path | None, Flag("--socket", "Listen on this socket file instead, for example behind a reverse proxy.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Who may ask and write, and how much."""

    root_path: Annotated[
        str, Flag("--root-path", "The path under which a reverse proxy serves this, such as /photos.")
    ] = ""
    # Without it the environment's PLACEPRINT_TOKEN is the token.
    token_file: Annotated[
        Path | None,
        Flag(
            "--token-file",
            "File with the token that allows writing (or set PLACEPRINT_TOKEN). Without one nobody can write.",
        ),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        Flag("--allow-host", "A host name that clients use for this server, for example behind a proxy; repeatable."),
    ] = None
    max_mb: Annotated[int, Flag("--max-mb", "Largest request, in MiB.", least=1, most=1024)] = 32
    max_megapixels: Annotated[float, Flag("--max-megapixels", "Largest photo, in megapixels.", least=0.1)] = 50.0
    waiting: Annotated[
        int, Flag("--waiting", "Photos that may wait for an answer; further requests get 503 at once.", least=0)
    ] = 16
    keep_metadata: Annotated[
        bool,
        Flag(
            "--keep-metadata",
            "Store added photos unchanged; otherwise position, time and camera are removed from them.",
        ),
    ] = False
    remember: Annotated[
        Path | None,
        Flag("--remember", "Keep UNKNOWN photos in this folder, without metadata: the page /unknown groups them."),
    ] = None
    remember_limit: Annotated[int, Flag("--remember-limit", "Keep at most this many of them.", least=1)] = 1000

    def settings(self, host: str) -> Settings:
        """Return what a server that listens on an address allows.

        Raises `UsageError` when the token or the path cannot be used.
        """
        return Settings(
            token_digest=token_digest(self.token_file),
            hosts=(*own_names(host), *(name.lower() for name in self.allow_host or ())),
            prefix=checked_prefix(self.root_path),
            max_bytes=self.max_mb * MEBIBYTE,
            max_pixels=int(self.max_megapixels * 1_000_000),
            waiting=self.waiting,
            held_bytes=max(256, 2 * self.max_mb) * MEBIBYTE,
            keep_metadata=self.keep_metadata,
            remember=self.remember,
            remember_limit=self.remember_limit,
        )


class ServeWords(ModelWords, total=False):
    """`Listen`, `ServerOptions` and `placeprint.options.ModelOptions` as keywords."""

    host: str
    port: int
    unix_socket: Path | None
    root_path: str
    token_file: Path | None
    allow_host: list[str] | None
    max_mb: int
    max_megapixels: float
    waiting: int
    keep_metadata: bool
    remember: Path | None
    remember_limit: int


def own_names(host: str) -> tuple[str, ...]:
    """Return the names of a server that listens on an address: those of this machine, where others reach it."""
    if host in LOOPBACK:
        return LOOPBACK
    return tuple(dict.fromkeys((*LOOPBACK, host.lower(), socket.gethostname().lower(), socket.getfqdn().lower())))


def checked_prefix(path: str) -> str:
    """Return the path that a proxy puts before URLs, as ``/photos``; empty for ``/``.

    Raises `UsageError` when it is no such path.
    """
    prefix = path.rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(f'"{path}" is not a path under which a server can be reached: give one such as /photos')
    return prefix


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def token_digest(file: Path | None) -> bytes:
    """Read the token from a file, or else from the environment's PLACEPRINT_TOKEN; empty when neither is there.

    Raises `UsageError` when it is shorter than 16 characters, or the file cannot be read.
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
