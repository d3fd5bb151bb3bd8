"""Unknown photos that a server keeps: grouped, looked through on a page, corrected. Off unless a folder is named."""

from __future__ import annotations

import functools
import json
import threading
from asyncio import to_thread
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import HTMLResponse, Response

from placeprint.errors import UsageError, in_brief
from placeprint.grouping.contradictions import contradictions
from placeprint.grouping.corrections import MOST_BYTES, checked_name, corrections_of
from placeprint.grouping.gallery_places import gallery_places, in_gallery
from placeprint.grouping.remembered import Remembered, group_of, remembered
from placeprint.grouping.result import Grouping
from placeprint.report.groups_page import Served, render_groups
from placeprint.report.templates import environment, script, script_hash
from placeprint.report.translation import Translation, translations
from placeprint.storage.regular_files import read_regular
from placeprint.web.additions import Told, checked_place, described
from placeprint.web.gallery_changes import Addition
from placeprint.web.page_language import translation_for
from placeprint.web.problems import Json, Problem, busy
from placeprint.web.route_descriptions import problems
from placeprint.web.snapshots import Snapshot
from placeprint.web.state import state_of
from placeprint.web.uploads import Upload, spoken_bytes
from placeprint.web.write_queue import WriteQueue
from placeprint.web.writers import Writer

T = TypeVar("T")
CORRECTIONS, ACCEPT = "v1/group/corrections", "v1/group/accept"
AT_ONCE = 16
"""Photos that are added in one change of the gallery, and held in memory."""
_SENT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
_GROUPING = threading.Lock()


router = APIRouter(tags=["unknown photos"])
"""All but the empty page need the token."""


def _kept(request: Request) -> Remembered:
    kept = state_of(request).unknown
    assert kept is not None  # else there are no such routes
    try:
        return remembered(kept.folder, limit=kept.limit)
    except (UsageError, OSError) as error:
        raise Problem(503, "the folder of unknown photos is gone: who runs the server starts it again") from error


Kept = Annotated[Remembered, Depends(_kept)]


@functools.cache
def _shell(language: str, *, writing: bool) -> tuple[str, str]:
    """Return the empty page in a language, and the policy of what it loads."""
    tr = translations()[language]
    shell = environment().get_template("unknown.html.j2").render(tr=tr, writing=writing)
    allowed = " ".join(f"'{script_hash(script(name, tr))}'" for name in ("unknown.js", "groups.js"))
    return shell, (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@router.get("/unknown", include_in_schema=False)
async def page(request: Request) -> Response:
    """Send the page that asks for the token, or says that there is none."""
    tr = translation_for(request.headers)
    shell, policy = _shell(tr.language, writing=state_of(request).settings.writing)
    told = {"Content-Security-Policy": policy, "Content-Language": tr.language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(shell, headers=told)


@router.post("/unknown", include_in_schema=False)
async def groups_page(request: Request, kept: Kept, _: Writer) -> Response:
    """Send the page of the groups, which takes its place."""
    return HTMLResponse(await to_thread(_page, kept, translation_for(request.headers)))


@router.post(
    "/v1/group",
    summary="Group the unknown photos that are kept",
    response_class=Json,
    responses=problems(401, 403, 503),
)
async def group(request: Request, kept: Kept, _: Writer) -> Json:
    """Find out which of the unknown photos show one place, and whether the gallery has it.

    See `placeprint remembered --json`. The header ETag is the version of what was corrected.
    """
    snapshot = await state_of(request).snapshot()
    version = kept.version
    found, places = await to_thread(_grouped, kept, snapshot)
    told = {"groups": found.to_dict() if found else None, "gallery": places, "accepted": dict(kept.accepted)}
    return Json(told, headers={"ETag": f'"{version}"'})


@router.put(
    f"/{CORRECTIONS}",
    summary="Replace what was corrected",
    response_class=Json,
    responses=problems(401, 403, 408, 412, 413, 422, 503),
    openapi_extra=_SENT,
)
async def correct(
    request: Request,
    kept: Kept,
    _: Writer,
    if_match: Annotated[str | None, Header(description="The ETag that was seen: refused when it is old.")] = None,
) -> Json:
    """Keep corrections, as the page saves them; answered when they are on disk, with those that others contradict."""
    said = _understood(await _sent(request), corrections_of, "the corrections")
    seen = None if if_match in (None, "*") else if_match.strip().removeprefix("W/").strip('"')
    version = await to_thread(lambda: kept.replace(said, seen=seen))
    if version is None:
        raise Problem(412, "somebody else corrected these photos in between: load them again, then correct them")
    saved = {"saved": len(said.constraints) + len(said.names), "contradictions": contradictions(said)}
    return Json(saved, headers={"ETag": f'"{version}"'})


@router.post(
    f"/{ACCEPT}",
    summary="Add a new place to the gallery",
    response_class=Json,
    responses=problems(401, 403, 408, 409, 413, 422, 503),
    openapi_extra=_SENT,
)
async def accept(request: Request, kept: Kept, writer: Writer) -> Json:
    """Add unknown photos to the gallery as one place, `{"photos": [...], "place": "Old Mill"}`.

    With `"photo": "mill-….jpg"` instead of `photos`: those that are found to show the place of this one, now. They are
    no unknown ones then. What was interrupted is completed by asking again with the same photos.
    """
    photos, place = _understood(await _sent(request), _place_of, "the new place")
    if isinstance(photos, str):
        photos = list(group_of((await to_thread(_grouped, kept))[0], photos).photos)
    files, added = list((await to_thread(kept.files, photos)).items()), 0
    for start in range(0, len(files), AT_ONCE):
        some = dict(files[start : start + AT_ONCE])
        added += await _add(request, writer, some, place)
        await to_thread(kept.accept, some, place)
    return Json({"place": place, "photos": len(files), "added": added})


@router.post(
    "/v1/group/forget",
    summary="Delete unknown photos",
    response_class=Json,
    responses=problems(401, 403, 408, 413, 422, 503),
    openapi_extra=_SENT,
)
async def forget(request: Request, kept: Kept, _: Writer) -> Json:
    """Delete unknown photos, `{"photos": [...]}`; those that were accepted stay."""
    photos = _understood(await _sent(request), _photos_of, "what is to be deleted")
    return Json({"forgotten": await to_thread(kept.forget, photos)})


async def _sent(request: Request) -> bytes:
    async with state_of(request).uploads.body(request, photo=False) as body:
        if body.bytes > MOST_BYTES:
            raise Problem(413, f"corrections may have {spoken_bytes(MOST_BYTES)}: send those of these photos alone")
        return b"".join(body.pieces)


def _understood(data: bytes, read: Callable[[Any], T], what: str) -> T:
    try:
        return read(json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError, UsageError) as error:
        raise Problem(422, f"{what} cannot be read: {in_brief(error)}") from error


def _photos_of(row: Any) -> list[str]:
    if not isinstance(row, Mapping) or not isinstance(photos := row.get("photos"), list) or not photos:
        raise TypeError('it is no object with "photos", a list of names')
    if row.get("photo") is not None:
        raise TypeError('it has "photo" beside "photos": send one of them')
    if not all(isinstance(photo, str) for photo in photos):
        raise TypeError("a photo is given by its name, a text")
    return photos


def _place_of(row: Any) -> tuple[list[str] | str, str]:
    """Return all photos, or the one of them whose group is meant, and the place."""
    one = row.get("photo") if isinstance(row, Mapping) and "photos" not in row else None
    photos, place = one if isinstance(one, str) else _photos_of(row), row.get("place")
    if not isinstance(place, str):
        raise TypeError('it has no "place", a text')
    return photos, checked_place(checked_name(place))


async def _add(request: Request, writer: WriteQueue, files: Mapping[str, Path], place: str) -> int:
    """Add photos to the gallery as those that are sent are added; return how many are new there."""
    state, snapshot = state_of(request), await state_of(request).snapshot()
    made = []
    for name, file in files.items():
        upload = Upload(name, await to_thread(_bytes_of, file, state.settings.max_bytes))
        made.append(await state.recognizing.run(described, snapshot, upload, Told(place, None), state.settings))
    done = await writer.write(Addition(tuple(made), snapshot.gallery.spec))
    return done.changed


def _bytes_of(file: Path, most: int) -> bytes:
    try:
        return read_regular(file, most)
    except OSError as error:
        raise Problem(422, f"{file.name} cannot be read: {in_brief(error)}") from error


def _grouped(kept: Remembered, snapshot: Snapshot | None = None) -> tuple[Grouping | None, dict[str, Any]]:
    """Group one at a time: it takes the processor and some memory. With a gallery, ask it about the groups."""
    if not _GROUPING.acquire(blocking=False):
        raise busy("the photos are being grouped for somebody else: try again shortly")
    try:
        found = kept.groups()
        places = {} if snapshot is None else gallery_places(found, snapshot.recognizer.recognize)
        return found, {photo: in_gallery(answer) for photo, answer in places.items()}
    finally:
        _GROUPING.release()


def _page(kept: Remembered, tr: Translation) -> str:
    version = kept.version
    found, _ = _grouped(kept)
    if found is None:
        raise Problem(404, "no unknown photos are kept yet: what is asked and answered UNKNOWN comes here")
    served = Served(CORRECTIONS, ACCEPT, version)
    return render_groups(found, served=served, said=kept.corrections(), tr=tr)
