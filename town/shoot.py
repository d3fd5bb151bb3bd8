"""All photographs of one place, its near duplicates and its broken file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np

from town.photograph import take
from town.places import Plan, build
from town.receiver import NONE, degrees_of, fix_of, with_position
from town.sites import Site

QUERY_SHARE = 0.4


@dataclass(frozen=True)
class Row:
    """One line of the manifest, and the bytes of its file (None: no file is written)."""

    path: str
    split: str
    place: str
    view: int
    hour: float | str = ""
    season: str = ""
    weather: str = ""
    people: int | str = ""
    jpeg_quality: int | str = ""
    near_duplicate_of: str = ""
    broken: str = ""
    latitude: float = 0.0
    longitude: float = 0.0
    exif_position: str = NONE


@dataclass(frozen=True)
class Job:
    """All that the photographs of one place depend on.

    Attributes
    ----------
    plan : Plan
    seed, views : int
    size : (int, int)
        Width and height in pixels.
    broken : str
        The kind of broken file to add: empty, truncated, text, missing, or nothing.
    copy_to : str
        The split that gets a near duplicate of the first photograph, or nothing.
    """

    plan: Plan
    seed: int
    views: int
    size: tuple[int, int]
    broken: str
    copy_to: str


Made = list[tuple[Row, bytes | None]]


def render_place(job: Job) -> Made:
    """Render all photographs of one place, then its copies and its broken file."""
    site, name = build(job.plan, job.seed), job.plan.name
    queries = max(round(job.views * QUERY_SHARE), 1) if job.plan.known else job.views
    made = [_photograph(site, job, view, query=view >= job.views - queries) for view in range(job.views)]
    extra: Made = []
    if job.copy_to:
        extra.append(_near_copy(made[0], job.copy_to, name, job.views + 1))
    if job.broken:
        whole = made[-1 if job.broken in {"truncated", "missing"} else 0]
        extra.append(_broken(whole, job.broken, name, job.views + 1 + len(extra)))
    return made + extra


def _photograph(site: Site, job: Job, view: int, *, query: bool) -> tuple[Row, bytes | None]:
    plan, split = job.plan, "query" if query else "gallery"
    rng = np.random.default_rng([job.seed, 3, plan.number, view])
    data, shot = take(site, rng, size=job.size, query=query)
    east, north = float(shot.camera.position[0]), float(shot.camera.position[1])
    latitude, longitude = degrees_of(plan.number, east, north)
    fix = fix_of(plan.number, east, north, np.random.default_rng([job.seed, 9, plan.number, view]))
    row = Row(
        path=f"{split}/{plan.name}/{view + 1:02d}.jpg",
        split=split,
        place=plan.name,
        view=view + 1,
        hour=shot.conditions.hour,
        season=shot.conditions.season,
        weather=shot.conditions.weather,
        people=shot.people,
        jpeg_quality=shot.quality,
        latitude=round(latitude, 7),
        longitude=round(longitude, 7),
        exif_position=fix.kind,
    )
    return row, with_position(data, fix)


def _near_copy(original: tuple[Row, bytes | None], split: str, place: str, number: int) -> tuple[Row, bytes | None]:
    """Make what a second upload of the same photograph looks like: smaller, brighter, saved again."""
    from PIL import Image, ImageEnhance

    row, data = original
    image = Image.open(BytesIO(data or b""))
    smaller = image.resize((image.width * 9 // 10, image.height * 9 // 10), Image.Resampling.LANCZOS)
    out = BytesIO()
    ImageEnhance.Brightness(smaller).enhance(1.04).save(out, "JPEG", quality=80)
    path = f"{split}/{place}/{number:02d}.jpg"
    made = replace(row, path=path, split=split, jpeg_quality=80, near_duplicate_of=row.path, exif_position=NONE)
    return made, out.getvalue()


def _broken(original: tuple[Row, bytes | None], kind: str, place: str, number: int) -> tuple[Row, bytes | None]:
    row, data = original
    whole = data or b""
    contents = {
        "empty": b"",
        "truncated": whole[: len(whole) * 2 // 5],
        "text": b"This is not a photograph.\n",
        "missing": None,
    }
    path = f"{row.split}/{place}/{number:02d}.jpg"
    said = row.exif_position if kind == "truncated" else NONE
    broken = Row(path, row.split, place, number, broken=kind, exif_position=said)
    return replace(broken, latitude=row.latitude, longitude=row.longitude), contents[kind]
