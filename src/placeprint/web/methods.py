"""HEAD and OPTIONS for every route with a GET, and 405 with the methods that an address takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placeprint.web.problems import response_of


class MethodMiddleware:
    """Answers HEAD, OPTIONS and methods that an address does not take; routes name only their own.

    `routers`: All that the application includes.
    `prefix`: The path that the server is under behind a proxy: with or without it, an address is the same.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], prefix: str = "") -> None:
        self._app, self._prefix = app, prefix
        self._routes = [route for router in routers for route in router.routes if isinstance(route, Route)]

    def allowed(self, path: str, raw: str) -> Sequence[str]:
        """Return the methods that an address takes, sorted; none where there is no such address.

        `path`: The address, decoded.
        `raw`: The address as it was sent. A slash that is encoded there belongs to a name: ``a%2Fimages`` is the place
        "a/images", while ``a/images`` is where images are added to the place "a".
        """
        fitting = [route for route in self._routes if route.path_regex.match(path)]
        as_sent = [route for route in fitting if route.path_regex.match(raw)] or fitting
        found = {m for route in as_sent if route.path == as_sent[0].path for m in route.methods or ()}
        if not found:
            return ()
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        raw = scope.get("raw_path", b"").decode("latin-1")
        if self._prefix and scope["type"] == "http" and scope["path"].startswith(f"{self._prefix}/"):
            scope["path"] = scope["path"].removeprefix(self._prefix)
            raw = raw.removeprefix(self._prefix)
        method = scope["method"] if scope["type"] == "http" else ""
        allowed = self.allowed(scope["path"], raw) if method else ()
        if not allowed or (method in allowed and method not in ("HEAD", "OPTIONS")):
            await self._app(scope, receive, send)
        elif method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        elif method == "HEAD" and "HEAD" in allowed:
            await self._head(scope, receive, send)
        else:
            said = ", ".join(allowed)
            response = response_of(405, f"this address takes {said}", headers={"Allow": said})
            await response(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as to GET, without the body."""

        async def headed(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, headed)
        finally:
            scope["route"] = asked.get("route")
