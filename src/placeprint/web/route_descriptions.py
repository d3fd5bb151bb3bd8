"""What routes take and refuse, for the OpenAPI description: bodies with photos, problems, and forms of parameters."""

from __future__ import annotations

from typing import Any

from placeprint.web.problems import PROBLEM
from placeprint.web.uploads import FIELD

_SAYS = {
    401: "The token is missing or wrong.",
    403: "Nobody may write to this server.",
    404: "It is not there.",
    408: "The photo came too slowly.",
    409: "The photo is in the gallery under another place.",
    412: "It was changed since it was seen.",
    413: "Too many bytes or pixels.",
    415: "This kind of body holds no photo.",
    422: "Something that was sent cannot be used.",
    503: "Too much to do, or the server that keeps the gallery is away: try again after Retry-After seconds.",
}


DEGREES = r"-?(90(\.0+)?|[0-8]?[0-9](\.[0-9]+)?),-?(180(\.0+)?|(1[0-7][0-9]|[0-9]{1,2})(\.[0-9]+)?)"
NEAR = f"^{DEGREES}" + r",([1-9][0-9]{0,7}(\.[0-9]+)?|0\.[0-9]{0,6}[1-9])$"
POSITION = f"^{DEGREES}$"
_CONTROL = r"|\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd"
PLACE = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$"
"""Names that a new place may have."""
LONGEST_PLACE = 200


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route answers with."""
    schema = {"$ref": "#/components/schemas/ProblemDetail"}
    return {status: {"description": _SAYS[status], "content": {PROBLEM: {"schema": schema}}} for status in statuses}


def photos_body(about: str) -> dict[str, Any]:
    """Describe a body that holds photos: multipart, or one image as it is."""
    one = {"type": "string", "format": "binary", "minLength": 1}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": 8}
    form = {"type": "object", "properties": {FIELD: several}, "required": [FIELD]}
    kinds = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
    encoding = {FIELD: {"contentType": ", ".join(kinds[:3])}}
    multipart = {"schema": form, "encoding": encoding}
    content = {"multipart/form-data": multipart, **{kind: {"schema": one} for kind in kinds}}
    return {"requestBody": {"description": about, "required": True, "content": content}}
