"""HTTP with one deadline for a whole answer: urllib alone waits anew for every byte that comes."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from types import TracebackType
from typing import Any, Self
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)


class Deadline:
    """Ends connections when time is up: whoever waits for one is told that it is closed.

    Parameters
    ----------
    seconds : float
        From now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds
        self._open: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @property
    def passed(self) -> bool:
        """True when time is up."""
        return time.monotonic() >= self._until

    def watch(self, connection: socket.socket) -> None:
        """End this connection too."""
        self._open.append(connection)
        if self.passed:
            self._end()

    def _end(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Watch no more."""
        self._timer.cancel()


class _Watched(HTTPConnection):
    """A connection that a deadline ends."""

    def __init__(self, host: str, *, deadline: Deadline, **settings: Any) -> None:
        super().__init__(host, **settings)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Handler(HTTPSHandler, HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> Any:
        return self.do_open(partial(_Watched, deadline=self._deadline), req)

    def https_open(self, req: Request) -> Any:
        return self.do_open(partial(_WatchedTls, deadline=self._deadline), req)


class _NoRedirect(HTTPRedirectHandler):
    """Sends an image only where it was to be sent."""

    def redirect_request(self, *_: Any) -> None:
        return None


def opener(deadline: Deadline, *, local: bool) -> OpenerDirector:
    """Return what sends requests over HTTP and HTTPS, follows no redirect, and asks no proxy for this machine."""
    proxies = [ProxyHandler({})] if local else []
    return build_opener(_Handler(deadline), _NoRedirect(), *proxies)
