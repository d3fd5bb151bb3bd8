"""`POST /v1/recognize`: the same answer as `placeprint.recognize`, with what a page needs to show it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from placeprint.dataset.metadata.bare import without_metadata
from placeprint.errors import PlaceprintError, UsageError
from placeprint.gallery.filters import Filter, Selection, parse_near
from placeprint.gallery.trade_off import RATES
from placeprint.grouping.remembered import Remembered
from placeprint.options import DecisionOptions
from placeprint.recognition.combined_answer import combined_answer
from placeprint.recognition.explanation import Reason, reasons_for, what_is_missing
from placeprint.recognition.second_look import seen
from placeprint.records import Answer, Grade, Split
from placeprint.report.thumbnails import data_uri
from placeprint.web.catalogue import CatalogueImage
from placeprint.web.identity import Urls
from placeprint.web.middleware import LOG
from placeprint.web.previews import PREVIEW_SIDE, small_jpeg
from placeprint.web.problems import Json, Problem
from placeprint.web.route_descriptions import NEAR, photos_body, problems
from placeprint.web.schemas import DoubtfulList, Recognition
from placeprint.web.snapshots import Snapshot
from placeprint.web.state import State, state_of
from placeprint.web.uploads import Body, Upload

router = APIRouter(tags=["recognition"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about photos: how many matches, of which images, decided how, with reasons and previews or not."""

    k: int
    images: Filter
    decision: DecisionOptions
    explain: bool
    preview: bool

    def rows(self, snapshot: Snapshot) -> Selection | None:
        """Return the images that are asked; None for all of them."""
        if not self.images.given:
            return None
        try:
            return snapshot.gallery.where_images(self.images)
        except UsageError as error:
            if all(snapshot.catalogue.has_place(place) for place in self.images.places):
                raise
            raise Problem(404, str(error), error="UsageError") from error


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a photo, the images of its matches, and why they are there where that was asked."""

    answer: Answer
    shown: tuple[CatalogueImage, ...]
    reasons: tuple[Reason, ...] = ()
    missing: str = ""
    preview: str = ""


async def asked_images(
    place: Annotated[
        list[str] | None,
        Query(description="Ask only images of this place; may be repeated. Changes probabilities."),
    ] = None,
    near: Annotated[
        str | None,
        Query(
            description="Ask only images taken within a distance: latitude,longitude,metres.",
            json_schema_extra={"pattern": NEAR},
        ),
    ] = None,
    split: Annotated[
        str | None,
        Query(description="Ask only images of this split.", json_schema_extra={"enum": list(map(str, Split))}),
    ] = None,
) -> Filter:
    """Return which images of the gallery are asked."""
    return Filter(places=place or (), near=None if near is None else parse_near(near, "near"), split=split)


@router.post(
    "/v1/recognize",
    summary="Say which place photos show, or UNKNOWN",
    response_class=Json,
    responses={200: {"model": Recognition}, **problems(404, 408, 413, 415, 422, 503)},
    openapi_extra=photos_body("Photos of one place."),
)
async def recognize(
    request: Request,
    images: Annotated[Filter, Depends(asked_images)],
    k: Annotated[int, Query(ge=1, le=100, description="How many matches the answer lists.")] = 5,
    false_accept_rate: Annotated[
        float | None,
        Query(
            description="Decide at this rate instead of the one that the gallery was calibrated for, or at the next "
            "lower one that it keeps.",
            json_schema_extra={"minimum": RATES[0], "exclusiveMaximum": 1},
        ),
    ] = None,
    explain: Annotated[bool, Query(description="Say why each match is there: lines, and a heat map.")] = False,
    preview: Annotated[
        bool, Query(description="Send a small JPEG of each photo back, for those that a browser cannot draw.")
    ] = False,
) -> Json:
    """Answer photos of one place, in one of three grades: sure, likely or UNKNOWN.

    A sure answer has a `place`; a likely one has its `best_guess` and a `probability`.

    Send one photo or several in the multipart field `photos`, or one as the body. Several are answered each by
    itself (`photos` of the answer) and together: agreement makes an answer surer, a photo that could not tell takes
    nothing from it, and photos that do not agree are UNKNOWN, without a probability.
    """
    state = state_of(request)
    decision = DecisionOptions(false_accept_rate=false_accept_rate)
    asked = Question(k=k, images=images, decision=decision, explain=explain, preview=preview)
    state.recognizing.require_room()
    async with state.uploads.body(request) as body:
        snapshot = await state.snapshot()
        row, answer = await state.recognizing.run(_answer, state, snapshot, body, asked)
    state.metrics.answered(row["grade"])
    state.doubtful.note(row, request.scope["state"]["request_id"])
    return answer


def _answer(state: State, snapshot: Snapshot, body: Body, asked: Question) -> tuple[dict[str, Any], Json]:
    """Answer every photo, and all of them together; on a thread, where the answer is written out too."""
    uploads = body.photos()
    row = _answered(state, snapshot, uploads, asked)
    if state.unknown is not None and row["grade"] == Grade.UNKNOWN:
        _keep(uploads, state.unknown, whole=state.settings.keep_metadata)
    return row, Json(row)


def _keep(uploads: list[Upload], unknown: Remembered, *, whole: bool) -> None:
    """Keep photos that could not be told; the answer does not depend on whether there is room."""
    for upload in uploads:
        try:
            unknown.keep(upload.data if whole else without_metadata(upload.data), upload.name)
        except (OSError, PlaceprintError) as error:  # a damaged table in the folder is one, too
            LOG.warning("an unknown photo was not kept: %s", error)


def _answered(state: State, snapshot: Snapshot, uploads: list[Upload], asked: Question) -> dict[str, Any]:
    began = time.perf_counter()
    only = asked.rows(snapshot)
    until = began + state.settings.work_seconds
    found = state.in_turn(uploads, lambda upload: _one(snapshot, upload, asked, only), until=until)
    rows = [{"photo": upload.name, **_row(one, asked, state.urls)} for upload, one in zip(uploads, found, strict=True)]
    whole = rows[0]
    if len(rows) > 1:
        leader, answer = combined_answer([one.answer for one in found])
        whole = {**rows[leader], **_verdict(answer), "photos": rows}
        whole.pop("preview", None)
    if only is not None:
        whole["filter"] = asked.images.to_dict(only)
    return whole | {"milliseconds": round(1000 * (time.perf_counter() - began), 1)}


def _verdict(answer: Answer) -> dict[str, Any]:
    row = answer.to_dict()
    return {name: row[name] for name in ("answer", "place", "grade", "best_guess", "probability", "position", "why")}


def _one(snapshot: Snapshot, upload: Upload, asked: Question, only: Selection | None) -> Found:
    recognizer = snapshot.recognizer
    found = seen(recognizer, upload.data, k=asked.k, only=only, decision=asked.decision)
    preview = data_uri(small_jpeg(upload.data, PREVIEW_SIDE)) if asked.preview else ""
    answer, near, parts = found.answer, found.near, found.description.parts
    shown = tuple(snapshot.catalogue.matches_of(answer, near))
    whole = answer if near is None else near.renumbered(answer)
    if not asked.explain:
        return Found(whole, shown, preview=preview)
    reasons = reasons_for(recognizer.part(near), parts, answer.matches, turned=found.turned)
    return Found(whole, shown, reasons, what_is_missing(snapshot.gallery, parts), preview)


def _row(found: Found, asked: Question, urls: Urls) -> dict[str, Any]:
    row = found.answer.to_dict()
    for number, (match, shown) in enumerate(zip(row["matches"], found.shown, strict=True)):
        image, record = shown.image, shown.record
        match |= {
            "image": image,
            "url": urls.image(image),
            "thumbnail": urls.thumbnail(image),
            "width": record.width,
            "height": record.height,
            "latitude": record.latitude,
            "longitude": record.longitude,
        }
        if asked.explain:
            match["explanation"] = _explanation(found.reasons[number])
    small = {"preview": found.preview} if asked.preview else {}
    return row | small | ({"missing": found.missing or None} if asked.explain else {})


def _explanation(reason: Reason) -> dict[str, Any]:
    """Return a reason with its heat: rows of numbers from 0 to 1, the first row at the top."""
    heat = {"query": reason.heat, "match": reason.match_heat}
    return reason.to_dict() | {
        "heat": {side: [[round(v, 2) for v in row] for row in grid.tolist()] for side, grid in heat.items()}
    }


@router.get(
    "/v1/doubtful",
    summary="Recent answers that a person may want to look at",
    response_class=Json,
    responses={200: {"model": DoubtfulList}, **problems(422)},
)
async def doubtful(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Json:
    """List recent answers that were not accepted or barely so, the newest first: facts only, never the photo."""
    return Json({"answers": state_of(request).doubtful.newest(limit)})
