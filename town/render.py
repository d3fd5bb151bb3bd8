"""Render a whole town: photographs, near duplicates, broken files, and the manifest that tells the truth."""

from __future__ import annotations

import csv
import secrets
import shutil
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.progress import Progress, Stretch
from placeprint.storage.atomic import write_atomic, write_json
from town.crew import render_all
from town.places import Plan, plan_town
from town.shoot import Job, Made, Row
from town.standing import NOTES, files_in, require_room, swap

FORMAT = 3
COLUMNS = (
    "path",
    "split",
    "place",
    "view",
    "hour",
    "season",
    "weather",
    "people",
    "jpeg_quality",
    "near_duplicate_of",
    "broken",
    "latitude",
    "longitude",
    "exif_position",
)
# The first four known places each get one of these.
BROKEN = ("empty", "truncated", "text", "missing")


@dataclass(frozen=True)
class TownResult:
    """What was written.

    Attributes
    ----------
    folder, manifest : Path
    places, unknown_places : int
        All places, and those of them that only queries show.
    gallery, queries : int
        Rows of the manifest in each split; they include near duplicates and broken files.
    unknown_queries : int
        Queries that show a place the gallery does not know.
    near_duplicates, broken : int
        Copies of another photograph; files that cannot be decoded or are not there.
    """

    folder: Path
    manifest: Path
    places: int
    unknown_places: int
    gallery: int
    queries: int
    unknown_queries: int
    near_duplicates: int
    broken: int


def render_town(
    out: Path,
    *,
    places: int = 20,
    views: int = 8,
    seed: int = 0,
    size: tuple[int, int] = (480, 360),
    progress: Progress | None = None,
    workers: int | None = None,
) -> TownResult:
    """Render photographs of made-up places into a folder, with a manifest.

    The same arguments give the same bytes, whatever the number of workers: each place and each view
    has a seed of its own.

    Parameters
    ----------
    out : Path
        Is made; an older town there is replaced in one step, where it holds only what was rendered.
    places : int
        How many places, at least 1. From 4 on, about one in eight is in the queries only.
    views : int
        Photographs of each place, at least 2; about three in five go to the gallery.
    seed : int
        Another seed gives another town.
    size : (int, int)
        Width and height of a photograph, in pixels, 64 to 4096 each.
    progress : Progress or None
        Told of each place.
    workers : int or None
        Processes to use; None takes one for each CPU, and 1 stays in this process. A script that asks for
        more than one needs the usual ``if __name__ == "__main__":`` round its work.

    Returns
    -------
    TownResult

    Raises
    ------
    UsageError
        When an argument is out of range, or `out` holds something that is not of a town.
    """
    _check(out, places, views, seed, size, workers)
    plans = plan_town(places, seed)
    jobs = [Job(plan, seed, views, size, _breakage(plan, plans), _copy_to(plan, plans)) for plan in plans]
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        fresh.mkdir()  # inside: an interruption may come as soon as it is there
        rows: list[Row] = []
        with Stretch(progress, "rendering", places) as step:
            for made in render_all(jobs, workers):
                rows += _write(fresh, made)
                step()
        result = _finish(fresh, out, rows, plans)
        write_json(
            fresh / NOTES,
            {
                "format": FORMAT,
                "places": places,
                "views": views,
                "seed": seed,
                "size": list(size),
                "counts": _counts(result),
                "files": files_in(fresh),
            },
        )
        swap(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return result


def _check(out: Path, places: int, views: int, seed: int, size: tuple[int, int], workers: int | None) -> None:
    limits = [
        ("places", places, 1, 10_000),
        ("views", views, 2, 99),
        ("seed", seed, 0, 2**31),
        ("width", size[0], 64, 4096),
        ("height", size[1], 64, 4096),
        ("workers", 1 if workers is None else workers, 1, 256),
    ]
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}: it must be between {low} and {high}")
    require_room(out)


def _breakage(plan: Plan, plans: list[Plan]) -> str:
    known = [p.number for p in plans if p.known]
    position = known.index(plan.number) if plan.known else len(BROKEN)
    return BROKEN[position] if position < len(BROKEN) else ""


def _copy_to(plan: Plan, plans: list[Plan]) -> str:
    """Return the split that gets a near duplicate: of every ten known places, one each."""
    known = [p.number for p in plans if p.known]
    return {0: "gallery", 1: "query"}.get(known.index(plan.number) % 10, "") if plan.known else ""


def _write(folder: Path, made: Made) -> list[Row]:
    for row, data in made:
        path = folder / row.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is not None:
            path.write_bytes(data)
    return [row for row, _ in made]


def _finish(fresh: Path, out: Path, rows: list[Row], plans: list[Plan]) -> TownResult:
    """Write the manifest and count."""
    text = StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    write_atomic(fresh / "manifest.csv", text.getvalue().encode())
    unknown = {p.name for p in plans if not p.known}
    queries = [r for r in rows if r.split == "query"]
    return TownResult(
        folder=out,
        manifest=out / "manifest.csv",
        places=len(plans),
        unknown_places=len(unknown),
        gallery=len(rows) - len(queries),
        queries=len(queries),
        unknown_queries=sum(r.place in unknown for r in queries),
        near_duplicates=sum(bool(r.near_duplicate_of) for r in rows),
        broken=sum(bool(r.broken) for r in rows),
    )


def _counts(result: TownResult) -> dict[str, int]:
    return {key: value for key, value in asdict(result).items() if isinstance(value, int)}
