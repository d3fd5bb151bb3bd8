"""Measure what several photos of one place make of an answer: groups of 1, 2, 3 and 5 queries of every set.

    python benchmarks/groups.py [--town FOLDER] [--preset balanced] [--answers FILE]

Reads ../shared/data, and a town made by: python -m town FOLDER --places 40 --views 8 --seed 5. Every query is answered
alone, once as it is and once with its place held out of the gallery and of its calibration; then groups of queries of
one place are drawn, five times over, and their answers combined. Frames of
the corridor, each of which shows several places, are asked in rows of neighbours; its gallery has one image a place, so
every other stretch of ten frames calibrates, and the others are asked.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration_presets import DATA, without
from placeprint import Answer, Gallery, Grade, Recognizer
from placeprint.dataset.scan import read_dataset
from placeprint.errors import CalibrationError
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.risk_coverage import reliability
from placeprint.options import BuildOptions
from placeprint.recognition.answer_json import answer_of
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.combined_answer import combined_answer
from placeprint.recognition.queries import Queries
from placeprint.storage.ragged import parts_at

SETS = {
    "landmarks": "landmarks/landmarks",
    "poznan_bovw": "poznan_bovw",
    "vprbench_corridor": "vprbench_corridor",
    "smvs_landmarks": "smvs_landmarks",
    "cohog_sped_thumbs": "cohog_sped_thumbs",
}
SIZES = (1, 2, 3, 5)
DRAWS = 5
STRETCH = 10
"""Consecutive frames of a route: every other stretch teaches, the others are asked."""


@dataclass(frozen=True)
class Asked:
    """One query, and its answers with its place in the gallery and without."""

    places: tuple[str, ...]
    number: int
    known: Answer
    unknown: Answer


def answers(gallery: Gallery, queries: Queries, rows: Sequence[int], out: set[str]) -> Iterator[tuple[int, Answer]]:
    """Answer some queries alone; images of the places `out` are not asked."""
    only = np.array([out.isdisjoint(r.places) for r in gallery.records], np.bool_)
    recognizer = Recognizer(gallery, only=only if out else None)
    for row in rows:
        yield row, recognizer.answer(queries.vectors[row], parts=parts_at(queries.parts, row), k=3)


def from_gallery(inputs: Inputs) -> list[Asked]:
    """Deal the places into folds, and calibrate without each of them, from the gallery alone."""
    queries = inputs.queries
    every = sorted({p for r in queries.records for p in r.places})
    dealt = np.random.default_rng(0).permutation(every).tolist()
    folds = 5 if len(every) >= 10 else 3
    found: dict[bool, dict[int, Answer]] = {True: {}, False: {}}
    for out in [set[str](), *(set(dealt[i::folds]) for i in range(folds))]:
        part = without(inputs.gallery, out)
        part = part.with_calibration(learn_calibration(part))
        rows = [i for i, q in enumerate(queries.records) if q.places and (not out or out & set(q.places))]
        found[not out] |= dict(answers(part, queries, rows, set()))
    return [Asked(queries.records[i].places, i, found[True][i], found[False][i]) for i in sorted(found[True])]


def from_queries(inputs: Inputs) -> list[Asked]:
    """Calibrate from every other stretch of a route, and ask the others; one image a place teaches nothing alone."""
    queries, stretches = inputs.queries, np.arange(len(inputs.queries)) // STRETCH
    learned = learn_calibration(inputs.gallery, queries=queries.only(np.flatnonzero(stretches % 2 == 0)))
    gallery = inputs.gallery.with_calibration(learned)
    found = []
    for stretch in range(1, int(stretches[-1]) + 1, 2):
        rows = np.flatnonzero(stretches == stretch).tolist()
        out = {p for row in rows for p in queries.records[row].places}
        known, unknown = dict(answers(gallery, queries, rows, set())), dict(answers(gallery, queries, rows, out))
        found += [Asked(queries.records[row].places, row, known[row], unknown[row]) for row in rows]
    return found


def single_answers(name: str, path: Path, preset: str, kept: Path | None) -> list[Asked]:
    """Answer every query alone, or read the answers of an earlier run."""
    file = None if kept is None else kept / f"{name}-{preset}.json"
    if file is not None and file.is_file():
        rows = json.loads(file.read_text())
        return [Asked(tuple(r["places"]), r["number"], answer_of(r["known"]), answer_of(r["unknown"])) for r in rows]
    inputs = gather(path, options=BuildOptions(preset=preset, index="exact"))
    try:
        found = from_gallery(inputs)
    except CalibrationError:
        found = from_queries(inputs)
    if file is not None:
        told = [[one.places, one.number, one.known.to_dict(), one.unknown.to_dict()] for one in found]
        file.write_text(
            json.dumps([dict(zip(("places", "number", "known", "unknown"), row, strict=True)) for row in told])
        )
    return found


def groups_of(asked: Sequence[Asked], size: int) -> list[list[Asked]]:
    """Draw groups of one place; of a route, all rows of neighbours that show a common place."""
    if any(len(one.places) > 1 for one in asked):
        rows = [list(asked[at : at + size]) for at in range(len(asked) - size + 1)]
        return [row for row in rows if row[-1].number - row[0].number == size - 1]
    rng, of = np.random.default_rng(0), dict[str, list[Asked]]()
    for one in asked:
        of.setdefault(one.places[0], []).append(one)
    drawn = [[some[i] for i in rng.permutation(len(some))] for _ in range(DRAWS) for some in of.values()]
    return [some[at : at + size] for some in drawn for at in range(0, len(some) - size + 1, size)]


def told(groups: Sequence[Sequence[Asked]]) -> str:
    """Return what became of the groups, as cells of a table."""
    known = [combined_answer([one.known for one in group])[1] for group in groups]
    unknown = [combined_answer([one.unknown for one in group])[1] for group in groups]
    right = [a.best_guess in {p for one in g for p in one.places} for a, g in zip(known, groups, strict=True)]
    sure = np.array([a.grade is Grade.SURE for a in known])
    likely = np.array([a.grade is Grade.LIKELY for a in known])
    correct = np.array(right)
    shares = [sure & correct, likely & correct, (sure | likely) & ~correct, [a.grade is Grade.SURE for a in unknown]]
    scored = [(a.probability, r) for a, r in zip([*known, *unknown], [*right, *[False] * len(unknown)], strict=True)]
    given = np.array([(p, r) for p, r in scored if p is not None], np.float64)
    error = reliability(given[:, 0], given[:, 1].astype(np.bool_)).error
    parted = sum("do not agree" in a.why for a in (*known, *unknown))
    cells = [str(len(groups)), *(f"{np.mean(share):.2f}" for share in shares), f"{error:.3f}", str(parted)]
    return " | ".join(cells)


def main() -> None:
    """Print a table: one line for each set and size of group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--town", type=Path)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--answers", type=Path, help="A folder that keeps the single answers.")
    options = parser.parse_args()
    sets = {name: DATA / path for name, path in SETS.items()} | ({"town": options.town} if options.town else {})
    print(
        "set | photos | groups | sure and right | likely and right | a wrong place | sure of a place that is not there "
        "| error | do not agree"
    )
    for name, path in sets.items():
        if not path.is_dir():
            print(f"{name}: skipped, {path} is not there")
            continue
        records = [record for record in read_dataset(path).queries() if record.places]
        if len({record.places for record in records}) == len(records) and all(len(r.places) == 1 for r in records):
            print(f"{name}: one query a place, so no group can be asked")
            continue
        asked = single_answers(name, path, options.preset, options.answers)
        for size in SIZES:
            if groups := groups_of(asked, size):
                print(f"{name} | {size} | {told(groups)}", flush=True)


if __name__ == "__main__":
    main()
