"""`placeprint serve`: run the application until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from placeprint.errors import UsageError
from placeprint.gallery.milvus_address import is_address
from placeprint.web.app import make_app
from placeprint.web.guard import JsonLines
from placeprint.web.settings import LOOPBACK, Settings
from placeprint.web.snapshots import Keeper, Snapshots

STOP_SECONDS = 30
"""How long requests that run may take to end when the server is stopped."""
KEEP_ALIVE_SECONDS = 15
HEAD_SECONDS = 10
"""How long the head of a request may take to come."""


def serve(
    gallery: Path | str,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    photos: Path | None = None,
    model: str | None = None,
    runner: str = "openvino",
    say: Callable[[str], None] = print,
) -> None:
    """Serve a gallery until SIGTERM or Ctrl-C; what runs then is finished first.

    Parameters
    ----------
    gallery : Path or str
        A folder, or an address of a server.
    settings : Settings
    host : str
        Address to listen on.
    port : int
        0 takes any that is free.
    photos : Path, optional
        Folder for the photos that are added to a gallery on a server; not kept without.
    model, runner
        As in `placeprint.recognition.loading.embedder_for`.
    say : callable
        Is told the address, once it is listened on.

    Raises
    ------
    GalleryError, ModelError
    UsageError
        When the address cannot be listened on.
    """
    log_to_stderr()
    config = configured(make_app(kept(gallery, photos=photos, model=model, runner=runner), settings))
    for stop in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when all is done: that is no failure
        signal.signal(stop, lambda *_: None)
    with _listening(host, port) as listener:
        name = f"[{host}]" if ":" in host else host
        say(f"serving {gallery} at http://{name}:{listener.getsockname()[1]} (Ctrl-C stops)")
        if host not in LOOPBACK:
            _warn(host, settings)
        uvicorn.Server(config).run(sockets=[listener])


def kept(
    gallery: Path | str, *, photos: Path | None = None, model: str | None = None, runner: str = "openvino"
) -> Keeper:
    """Open a gallery to be served; the parameters are those of `serve`.

    Raises
    ------
    GalleryError, ModelError
    UsageError
        When photos of a gallery in a folder are to be elsewhere: that keeps them itself.
    """
    if is_address(gallery):
        from placeprint.web.engine_snapshots import EngineSnapshots

        return EngineSnapshots(str(gallery), photos=photos, model=model, runner=runner)
    if photos is not None:
        raise UsageError("a gallery in a folder keeps the photos that are added in itself: leave --photos out")
    return Snapshots(Path(gallery), model=model, runner=runner)


def configured(app: ASGIApp) -> uvicorn.Config:
    """Return how an application is run: with bounded heads and waits, and no log but the application's."""
    return uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=32 * 1024,
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise UsageError(
            f"{host}, port {port}, cannot be listened on ({error.strerror}): choose others with --host and --port"
        ) from error


def _warn(host: str, settings: Settings) -> None:
    logging.getLogger("placeprint.web").warning(
        "listening on %s without TLS: everyone who reaches this address can ask the gallery and see its photos%s. "
        "Put a reverse proxy with TLS before it",
        host,
        ", and the token travels in the clear" if settings.writing else "",
    )


class _Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for the head of a request."""

    _slow: asyncio.TimerHandle | None = None
    _before: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override, unused-ignore]
        """Start to look at whether requests come."""
        super().connection_made(transport)
        self._look(first=True)

    def _look(self, *, first: bool = False) -> None:
        """Close the connection where no request was under way, and none came since the last look."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not first and self.cycle is self._before and self.timeout_keep_alive_task is None:
            self.transport.close()
            return
        self._before = self.cycle
        self._slow = self.loop.call_later(HEAD_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._slow is not None:
            self._slow.cancel()
        super().connection_lost(exc)


def log_to_stderr() -> None:
    """Write the log as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("placeprint.web", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == "placeprint.web" else logging.WARNING)
