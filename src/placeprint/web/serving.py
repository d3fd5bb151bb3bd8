"""`placeprint serve`: run the application until it is told to stop."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import uvicorn

from placeprint.web.app import make_app
from placeprint.web.guard import JsonLines
from placeprint.web.settings import LOOPBACK, Settings
from placeprint.web.snapshots import Snapshots

STOP_SECONDS = 10
KEEP_ALIVE_SECONDS = 15


def serve(
    gallery: Path,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    model: str | None = None,
    runner: str = "openvino",
) -> None:
    """Serve a gallery until SIGTERM or Ctrl-C; what runs then is finished first.

    Parameters
    ----------
    gallery : Path
    settings : Settings
    host : str
        Address to listen on.
    port : int
        0 takes any that is free.
    model, runner
        As in `placeprint.recognition.loading.embedder_for`.

    Raises
    ------
    GalleryError, ModelError
    """
    log_to_stderr()
    snapshots = Snapshots(gallery, model=model, runner=runner)
    log = logging.getLogger("placeprint.web")
    if host not in LOOPBACK:
        log.warning(
            "listening on %s without TLS: everyone who reaches this address can ask the gallery and see its photos%s. "
            "Put a reverse proxy with TLS before it",
            host,
            ", and the token travels in the clear" if settings.writing else "",
        )
    config = uvicorn.Config(
        make_app(snapshots, settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=32 * 1024,
    )
    uvicorn.Server(config).run()


def log_to_stderr() -> None:
    """Write the log as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("placeprint.web", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == "placeprint.web" else logging.WARNING)
