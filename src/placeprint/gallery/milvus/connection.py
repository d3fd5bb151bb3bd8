"""The connection to a Milvus server: credentials, time limits, consistency, and its errors made ours in one place.

What a call of pymilvus may take is given to it as ``timeout``: within it pymilvus tries again with growing pauses where
the server is away or asks to slow down. Everything that is written is an upsert or a delete by key, so that a call
that is made twice leaves what one call leaves.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from placeprint import forks
from placeprint.errors import GalleryEngineError, UsageError
from placeprint.extras import require
from placeprint.gallery.milvus.address import Address, name_problem

CONNECT_SECONDS = 10.0
"""For a server to answer."""
REQUEST_SECONDS = 30.0
"""For one request, unless PLACEPRINT_MILVUS_TIMEOUT is set."""
MAKE_SECONDS = 120.0
"""For a collection to be made, or a small one to be loaded."""
BUILD_SECONDS = 3600.0
"""For an index to be built, or a collection to be loaded."""
OLDEST, NEWEST = (2, 3), (2, 6)
"""Supported versions of the server."""

_ASKED_IN: dict[str, int] = {}
"""The process, parent or child, that asked a server first."""
_WATCH_SECONDS = 5.0
"""Between two checks that the server is alive during a long request."""
_CONNECTING = "connecting"
_FULL = re.compile(r"quota|exhausted|deny to write|no space|disk.*full|insufficient memory|OOM", re.IGNORECASE)
_LOGIN = re.compile(r"auth|unauthenticated|permission|privilege", re.IGNORECASE)
_AWAY = re.compile(
    r"connect|unavailable|deadline|timeout|timed out|took more than|retry run out|channel not found|not loaded|"
    r"node not|collection.*recover|service.*not ready|not initialized|no available shard|context canceled|"
    r"is not healthy",
    re.IGNORECASE,
)


def time_limit() -> float:
    """Return the seconds that a request may take.

    Raises `UsageError` when PLACEPRINT_MILVUS_TIMEOUT is no number above 0.
    """
    text = os.environ.get("PLACEPRINT_MILVUS_TIMEOUT", "")
    try:
        seconds = float(text) if text else REQUEST_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f'PLACEPRINT_MILVUS_TIMEOUT is "{text}": give seconds, as 30')
    return seconds


@contextmanager
def our_errors(address: Address, doing: str) -> Iterator[None]:
    """Turn errors of pymilvus and gRPC into one of ours that says what to do.

    `doing`: What was being done, for the message.
    Raises `GalleryEngineError`.
    """
    import grpc
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError) as error:
        told = error.details() if isinstance(error, grpc.Call) else getattr(error, "message", "")
        said = str(told or error).strip().splitlines()
        raise GalleryEngineError(
            f"{address}: {doing} failed: {_advice(address, doing, said[0] if said else '?')}"
        ) from error


def _advice(address: Address, doing: str, said: str) -> str:
    short = said if len(said) <= 200 else said[:200] + "…"
    if _FULL.search(said):
        return f"the server is full ({short}): give it more memory or disk, then run the same command again to go on"
    if _LOGIN.search(said):
        return (
            f"the server refuses the login ({short}): set PLACEPRINT_MILVUS_TOKEN, or name the user in the address and "
            "set PLACEPRINT_MILVUS_PASSWORD"
        )
    if doing == _CONNECTING and "illegal connection params" in said:
        return (
            f"{address.server} does not answer as Milvus: see whether it is one and is healthy, and whether the login "
            "(PLACEPRINT_MILVUS_TOKEN, or a user and PLACEPRINT_MILVUS_PASSWORD) and the encryption (milvus+tls://, "
            "PLACEPRINT_MILVUS_CA) are right"
        )
    if _AWAY.search(said):
        return (
            f"no answer from {address.server} ({short}): see whether the server runs and is healthy, then run the same "
            "command again to go on; PLACEPRINT_MILVUS_TIMEOUT gives it more seconds"
        )
    return f"the server says: {short}"


class Connection:
    """A client of one server, for one gallery.

    Raises `GalleryEngineError` when nothing answers within `CONNECT_SECONDS`, or it is no Milvus of a supported
    version; `MissingExtraError` without pymilvus.
    """

    def __init__(self, address: Address) -> None:
        self.address, self.seconds = address, time_limit()
        refuse_after_fork(address)
        settings, seconds = _settings(address), min(CONNECT_SECONDS, self.seconds)
        self._client_class = _client_class()
        knock(address, seconds)
        with self.errors(_CONNECTING):
            self.client: Any = self._client_class(**settings, timeout=seconds)
        self.version = self._checked_version()
        self._behind = True

    def _checked_version(self) -> str:
        with self.errors("asking for the version"):
            version = str(self.client.get_server_version(timeout=self.seconds))
        numbers = re.match(r"v?(\d+)\.(\d+)", version)
        spoken = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
        if not OLDEST <= spoken <= NEWEST:
            raise GalleryEngineError(
                f"{self.address}: the server is Milvus {version}, and versions {OLDEST[0]}.{OLDEST[1]} to "
                f"{NEWEST[0]}.{NEWEST[1]} are supported: use one of those"
            )
        return version

    def errors(self, doing: str) -> Any:
        """Return a context in which the engine's errors become ours."""
        return our_errors(self.address, doing)

    def call(self, doing: str, method: str, *args: Any, seconds: float | None = None, **settings: Any) -> Any:
        """Call a method of the client within the time limit, or within more `seconds` as long as the server lives.

        Raises `GalleryEngineError`.
        """
        refuse_after_fork(self.address)
        limit = max(seconds or 0.0, self.seconds)

        def asked() -> Any:
            return getattr(self.client, method)(*args, timeout=limit, **settings)

        with self.errors(doing):
            return asked() if limit == self.seconds else self._watched(asked, limit)

    def _watched(self, asked: Callable[[], Any], limit: float) -> Any:
        """Wait for a long request, and check meanwhile that the server is alive."""
        done: Future[Any] = Future()

        def work() -> None:
            try:
                done.set_result(asked())
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=work, daemon=True).start()  # a request that hangs must not keep the program from ending
        until = time.monotonic() + limit + self.seconds
        while time.monotonic() < until:
            try:
                return done.result(timeout=min(_WATCH_SECONDS, self.seconds))
            except TimeoutError:
                if done.done():
                    return done.result()
            self.client.get_server_version(timeout=self.seconds)
        raise TimeoutError(f"it took more than {limit:.0f} s")

    def level(self) -> str:
        """Return the consistency of the next reading.

        The first one of a client, and the first after a delete, waits for all that was acknowledged to anybody
        (``Strong``, up to the server's time tick of 200 ms); those after it for what this client wrote (``Session``).
        """
        behind, self._behind = self._behind, False
        return "Strong" if behind else "Session"

    def fall_behind(self) -> None:
        """Make the next reading wait for everything acknowledged so far."""
        self._behind = True

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def refuse_after_fork(address: Address) -> None:
    """Refuse to ask a server in a forked child whose parent did: gRPC would wait for the parent's threads.

    Raises `UsageError`.
    """
    if _ASKED_IN.setdefault("first", forks.generation()) != forks.generation():
        raise UsageError(f"{address}: this process was forked after it had asked a server: {forks.ADVICE}")


def _client_class() -> Any:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC writes what fails to stderr, beside the one clear line
    client = require("pymilvus", extra="milvus", what="a gallery in Milvus").MilvusClient
    import logging

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return client


def knock(address: Address, seconds: float) -> None:
    """Fail at once when nothing listens: the client library would retry until its time limit.

    Raises `GalleryEngineError`.
    """
    try:
        socket.create_connection((address.host, address.port), timeout=seconds).close()
    except OSError as error:
        raise GalleryEngineError(
            f"{address}: nothing answers at {address.server} ({error.strerror or error}): start the server, or correct "
            "the address"
        ) from error


def _settings(address: Address) -> dict[str, Any]:
    token = os.environ.get("PLACEPRINT_MILVUS_TOKEN", "")
    password = os.environ.get("PLACEPRINT_MILVUS_PASSWORD", "")
    if address.user and not (password or token):
        raise UsageError(f"{address} names a user: set PLACEPRINT_MILVUS_PASSWORD (or PLACEPRINT_MILVUS_TOKEN)")
    if address.user and password:
        token = f"{address.user}:{password}"
    settings: dict[str, Any] = {"uri": f"{'https' if address.tls else 'http'}://{address.server}"}
    if token:
        settings["token"] = token
    if database := os.environ.get("PLACEPRINT_MILVUS_DATABASE", ""):
        if problem := name_problem(database):
            raise UsageError(f'PLACEPRINT_MILVUS_DATABASE is "{database:.60}", no name of a database: {problem}')
        settings["db_name"] = database
    if address.tls and (authority := os.environ.get("PLACEPRINT_MILVUS_CA", "")):
        settings["server_pem_path"] = authority
    return settings
