"""Measure `locate` and `find_contradictions`: the error, what the radius covers, what is given to photos of elsewhere.

``python benchmarks/positions.py TOWN [SMVS_LANDMARKS]``: a rendered town (``python -m town``), whose manifest has the
truth, and photographs on a made-up street plan, 300 m from place to place.
"""

from __future__ import annotations

import csv
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

import placeprint
from placeprint.dataset.distances import metres_apart
from placeprint.records import ImageRecord, Split

Truth = dict[str, tuple[float, float] | None]
BARE = {"latitude": None, "longitude": None, "position_source": None, "position_error": None, "taken": None}


def located(name: str, gallery: Path, photos: placeprint.Manifest, truth: Truth) -> None:
    """Print how photos without a position were located; those whose truth is None are of elsewhere."""
    found = placeprint.locate(gallery, photos)
    asked = [photo for photo in found.photos if photo.how != "known"]
    away, errors, here = [], [], 0
    for photo in asked:
        there = truth[photo.path]
        if there is None:
            away.append(photo.located)
            continue
        here += 1
        if photo.latitude is not None and photo.longitude is not None:
            errors.append(metres_apart((photo.latitude, photo.longitude), there))
    if found.limits is None or not errors:
        print(f"{name}: none located of {here}: {found.unlearned}")
        return
    covered = np.mean(np.array(errors) <= found.limits.radius)
    print(
        f"{name}: {len(errors)} of {here} located, median error {np.median(errors):.0f} m, "
        f"radius {found.limits.radius:.0f} m covers {100 * covered:.0f} % (stated 90 %); "
        f"{sum(away)} of {len(away)} of elsewhere located (stated 5 %)"
    )


def bare(record: ImageRecord) -> ImageRecord:
    """Return a record without a position and a time."""
    return dataclasses.replace(record, **BARE)  # type: ignore[arg-type]


def town(folder: Path, work: Path, preset: str) -> None:
    """Measure on a town: its queries located, and 5 % of all positions planted wrong."""
    rows = {r["path"]: r for r in csv.DictReader((folder / "manifest.csv").open(newline=""))}
    known = {r["place"] for r in rows.values() if r["split"] == "gallery"}
    where = {path: (float(r["latitude"]), float(r["longitude"])) for path, r in rows.items()}
    manifest = placeprint.read_dataset(folder, layout="split-first")
    gallery = work / f"town-{preset}"
    placeprint.index(manifest, gallery, preset=preset)
    asked = dataclasses.replace(manifest, records=tuple(bare(r) for r in manifest.records if r.split is Split.QUERY))
    located(f"town, {preset}", gallery, asked, {p: where[p] if rows[p]["place"] in known else None for p in where})
    chance = np.random.default_rng(11)
    whole = [r for r in manifest.records if not rows[r.path]["broken"] and rows[r.path]["place"] in known]
    wrong = {whole[n].path for n in chance.choice(len(whole), round(0.05 * len(whole)), replace=False)}
    moved = {path: where[whole[int(chance.integers(len(whole)))].path] for path in wrong}
    wrong = {path for path in wrong if metres_apart(moved[path], where[path]) > 300}
    placed = []
    for record in whole:
        latitude, longitude = moved[record.path] if record.path in wrong else where[record.path]
        placed.append(dataclasses.replace(record, split=Split.NONE, latitude=latitude, longitude=longitude))
    planted = dataclasses.replace(manifest, records=tuple(placed), failures=())
    placeprint.index(planted, work / f"planted-{preset}", preset=preset)
    contradictions(f"town, {preset}", work / f"planted-{preset}", planted, wrong)


def contradictions(name: str, gallery: Path, photos: placeprint.Manifest, wrong: set[str]) -> None:
    """Print how many planted positions are found, at two false-alarm rates."""
    for rate in (0.05, 0.02):
        result = placeprint.find_contradictions(gallery, photos, false_alarm_rate=rate)
        found = {one.path for one in result.contradictions}
        hits, alarms = len(found & wrong), len(found - wrong)
        print(
            f"{name}, planted: {hits} of {len(wrong)} wrong positions found among {result.asked}, {alarms} right ones "
            f"({100 * alarms / (result.asked - len(wrong)):.1f} %, stated {100 * rate:g} %)"
        )


def landmarks(folder: Path, work: Path, preset: str) -> None:
    """Measure on photographs with one gallery image a place; every fourth place is not in the gallery."""
    manifest = placeprint.read_dataset(folder)
    numbers = {place: n for n, place in enumerate(sorted({p for r in manifest.records for p in r.places}))}
    at = {p: (45 + 0.0027 * (n // 10), 7 + 0.0038 * (n % 10)) for p, n in numbers.items()}
    placed = [
        dataclasses.replace(r, latitude=at[r.places[0]][0], longitude=at[r.places[0]][1]) for r in manifest.records
    ]
    there = [r for r in placed if r.split is Split.GALLERY and numbers[r.places[0]] % 4]
    gallery = work / f"landmarks-{preset}"
    placeprint.index(dataclasses.replace(manifest, records=tuple(there)), gallery, preset=preset)
    queries = [r for r in placed if r.split is Split.QUERY]
    asked = [record if n % 2 else bare(record) for n, record in enumerate(queries)]
    truth = {r.path: at[r.places[0]] if numbers[r.places[0]] % 4 else None for r in queries}
    located(f"smvs_landmarks, {preset}", gallery, dataclasses.replace(manifest, records=tuple(asked)), truth)


def main() -> None:
    """Measure every preset on what was given."""
    with tempfile.TemporaryDirectory() as work:
        for preset in ("fast", "balanced"):
            if len(sys.argv) > 2:
                landmarks(Path(sys.argv[2]), Path(work), preset)
            town(Path(sys.argv[1]), Path(work), preset)


if __name__ == "__main__":
    main()
