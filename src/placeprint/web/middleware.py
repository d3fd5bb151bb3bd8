"""What is done around every request: an id, the check of its Host header, security headers, a line of log."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placeprint.web.metrics import Metrics
from placeprint.web.problems import response_of
from placeprint.web.settings import Settings

LOG = logging.getLogger("placeprint.web")
_REQUEST_ID = re.compile(rb"[0-9A-Za-z_-]{1,64}")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), camera=(self)",
    "cache-control": "no-store",
}
"""Defaults: a response may set its own."""


class RequestMiddleware:
    """Refuses requests for other hosts and from pages of other sites; adds headers; logs and counts."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message["headers"], request_id)
            await send(message)

        try:
            refused = self._refusal(scope, headers)
            if refused:
                await response_of(*refused, headers={"Connection": "close"})(scope, receive, with_headers)
            else:
                await self._app(scope, receive, with_headers)
        except EOFError as error:  # the connection ends, which tells the client
            LOG.error("the answer broke off: %s", error, extra={"facts": {"request": request_id}})
        except Exception:
            LOG.exception("the request failed", extra={"facts": {"request": request_id}})
        finally:
            self._note(scope, request_id, status, time.perf_counter() - began)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Return the status and reason to refuse a request: another host's name, another site's page, no UTF-8."""
        name = _host(headers.get(b"host", b"").decode("latin-1"))
        named = b"host" in headers  # a page always makes a browser say it, a probe by HTTP/1.0 may not
        if named and name not in self._settings.hosts and not _is_address(name):
            return 421, f'this server does not answer to "{name[:100]}": start it with --allow-host {name[:100]}'
        if headers.get(b"sec-fetch-site") == b"cross-site" and headers.get(b"sec-fetch-mode") != b"navigate":
            return 403, "a page of another site may not ask this server"
        if not _is_utf8(scope.get("raw_path", b"")):
            return 400, "the address is not UTF-8: encode the name of a place as UTF-8, then by percent signs"
        return None

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        """Log and count the route, not the address, which may hold names and coordinates."""
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requested(route, method, status, seconds)
        facts = {
            "request": request_id,
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "client": (scope.get("client") or ("",))[0],
        }
        LOG.info("request", extra={"facts": facts})


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _host(header: str) -> str:
    """Return the name of a Host header without its port: ``[::1]:8000`` is ``::1``."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_utf8(path: bytes) -> bool:
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False
    return True


def _with_headers(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    own = list(headers)
    there = {name.lower() for name, _ in own}
    more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
    return [*own, *more, (b"x-request-id", request_id.encode())]


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        row: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return json.dumps(row)
