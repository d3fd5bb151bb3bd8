"""HTTP with one deadline for the whole answer; urllib's own timeout starts again with every byte."""

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
    """Closes its connections when time is up, so that whoever waits for one gets an error.

    `seconds`: From now on.
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
        """Close this connection too when time is up."""
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
    """A connection that a deadline closes."""

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
    """Refuses redirects: an image goes only to the address that was given."""

    def redirect_request(self, *_: Any) -> None:
        return None


def opener(deadline: Deadline, *, local: bool) -> OpenerDirector:
    """Return an opener for HTTP and HTTPS that follows no redirect and uses no proxy for this machine."""
    proxies = [ProxyHandler({})] if local else []
    return build_opener(_Handler(deadline), _NoRedirect(), *proxies)
