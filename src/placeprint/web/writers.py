"""Who may write: those who send the token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from placeprint.web.problems import Problem
from placeprint.web.state import state_of
from placeprint.web.write_queue import WriteQueue

bearer = HTTPBearer(auto_error=False, description="The token that the server was started with.")


async def write_queue_of(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None
) -> WriteQueue:
    """Return what writes, for those who may.

    Raises `Problem`: 403 when nobody may, 401 for a token that is missing or wrong.
    """
    state = state_of(request)
    if state.write_queue is None:
        raise Problem(403, "this server only answers: start it with --token-file or PLACEPRINT_TOKEN to let it write")
    if given is None or not state.settings.allows(given.credentials):
        said = "the token is wrong" if given else "send the token: Authorization: Bearer TOKEN"
        raise Problem(401, said, headers={"WWW-Authenticate": 'Bearer realm="placeprint"'}, closes=True)
    return state.write_queue


Writer = Annotated[WriteQueue, Depends(write_queue_of)]
