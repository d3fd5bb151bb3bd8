"""What the landmark photographs teach: the published gain from 37 to 67 gallery photos, in kind."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placeprint import Gallery, check, evaluate, imported_spec, read_dataset, read_embeddings
from placeprint.evaluation.diagnosis.coverage import gallery_coverage
from placeprint.evaluation.diagnosis.failure_kinds import Kind, failed_paths, sort_failures
from placeprint.evaluation.diagnosis.image_quality import measure_quality
from placeprint.evaluation.diagnosis.impostors import find_impostors
from placeprint.evaluation.diagnosis.leaks import compare_leaks, twins_of_queries
from placeprint.evaluation.diagnosis.learning_curve import forecast_place
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.inputs import Inputs
from placeprint.recognition.queries import Queries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Inputs:
    folder = shared_data / "landmarks" / "reference"
    gallery, queries = (
        read_embeddings(folder / f"resnet50_{side}.npy", folder / f"resnet50_{side}.csv")
        for side in ("gallery", "query")
    )
    made = Gallery.in_memory(gallery.records, gallery.vectors, spec=imported_spec("resnet50", gallery.vectors.shape[1]))
    return Inputs(made, Queries(queries.records, queries.vectors))


def only(gallery: Gallery, rows: np.ndarray) -> Gallery:
    return Gallery.in_memory([gallery.records[i] for i in rows], np.asarray(gallery.vectors)[rows], spec=gallery.spec)


def right(gallery: Gallery, inputs: Inputs) -> int:
    found = find_impostors(gallery.vectors, inputs.queries, truth=ByPlace.of(gallery.records))
    return int((found.better > 0).sum())


def test_the_listed_gallery_lacks_four_places(reference: Inputs, shared_data: Path) -> None:
    listed = {Path(r.path).name for r in read_dataset(shared_data / "landmarks" / "manifest.csv").gallery()}
    # Rows that are listed but whose file is missing are no records: take the two places whole, as the list does.
    places = {p for r in reference.gallery.records if Path(r.path).name in listed for p in r.places}
    rows = np.array([i for i, r in enumerate(reference.gallery.records) if set(r.places) & places])
    small = only(reference.gallery, rows)
    assert (len(small), len(places)) == (34, 2)
    assert (right(small, reference), right(reference.gallery, reference)) == (18, 29)  # 0.529 and 0.853 of 34
    coverage = gallery_coverage(small, reference.queries)
    missing = [row for row in coverage.places if not row.images]
    assert coverage.places[:4] == tuple(missing)
    assert sum(row.queries for row in missing) == 14
    assert coverage.says.endswith("; 14 queries show 4 places that it does not have")
    assert all(row.says.endswith("show it") for row in missing)


def test_more_photos_of_the_six_places_help(reference: Inputs) -> None:
    coverage = gallery_coverage(reference.gallery, reference.queries)
    recalls = [p.recall for p in coverage.curve]
    assert [p.photos for p in coverage.curve] == [19, 35, 52, 67]
    assert recalls == sorted(recalls)
    assert recalls[-1] == pytest.approx(29 / 34)
    assert recalls[0] < 0.78
    assert coverage.forecast is not None
    assert recalls[-1] < coverage.forecast.recall < 1
    buckingham = next(row for row in coverage.places if row.place.startswith("Buckingham"))
    assert (buckingham.images, buckingham.recall, buckingham.forecast.photos) == (7, 0.8, 14)
    assert 0.8 < buckingham.forecast.recall < 1
    grand = next(row for row in coverage.places if row.place.startswith("Grand"))
    assert grand.says.endswith("more photos could not improve it")


def test_forecasts_from_half_of_the_photos_hold(reference: Inputs) -> None:
    """Halve one place's photos, forecast, and look at what the other half brought."""
    gallery, rng = reference.gallery, np.random.default_rng(0)
    truth = ByPlace.of(gallery.records)
    whole = find_impostors(gallery.vectors, reference.queries, truth=truth)
    errors, stay, held = [], [], []
    for place, asked in whole.rows_of_places().items():
        mine = truth.rows_of[place]
        for _ in range(10 if len(asked) >= 5 else 0):
            kept = rng.permutation(mine)[: len(mine) // 2]
            half = only(gallery, np.setdiff1d(np.arange(len(gallery)), np.setdiff1d(mine, kept)))
            seen = find_impostors(half.vectors, reference.queries.only(asked), truth=ByPlace.of(half.records))
            found = forecast_place(seen.better, seen.photos, len(mine) - len(kept), rng)
            if found is not None:
                now, then = (seen.better > 0).mean(), (whole.better[asked] > 0).mean()
                errors.append(abs(found.recall - then))
                stay.append(abs(now - then))
                held.append(found.low - 1e-9 <= then <= found.high + 1e-9)
    assert len(errors) >= 15
    assert np.mean(errors) < np.mean(stay)
    assert np.mean(held) >= 0.9


def test_every_miss_of_the_photographs_has_a_kind(shared_data: Path) -> None:
    manifest = read_dataset(shared_data / "landmarks" / "manifest.csv")
    result = evaluate(manifest, threshold=0.0, preset="fast")
    twins = twins_of_queries(result, check(manifest))
    kinds = {
        k.kind: k
        for k in sort_failures(result, quality=measure_quality(manifest.root, failed_paths(result)), twins=twins)
    }
    assert all(k.checked for k in kinds.values())
    assert kinds[Kind.NOT_IN_GALLERY].count == 9
    assert sum(k.count for k in kinds.values()) == 9 + len(result.failures)
    assert compare_leaks(result, twins).leaked == 0


def test_changed_labels_are_suspected_and_right_ones_are_not(shared_data: Path) -> None:
    manifest = read_dataset(shared_data / "poznan_bovw")
    places = sorted({p for r in manifest.gallery() for p in r.places})
    changed = {r.path: places[places.index(r.places[0]) - 1] for r in manifest.queries()[::7]}
    records = tuple(
        replace(r, places=(changed[r.path],)) if r.split == "query" and r.path in changed else r
        for r in manifest.records
    )
    kinds = {k.kind: k for k in sort_failures(evaluate(replace(manifest, records=records), preset="fast"))}
    suspected = {f.query for f in kinds[Kind.WRONG_LABEL].failures}
    assert suspected <= set(changed)
    assert len(suspected) >= len(changed) / 2


@pytest.mark.usefixtures("shared_data")
def test_the_benchmark_prints_the_finding() -> None:
    script = ROOT / "benchmarks" / "learning_curve.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "18 of 34 = 0.529" in done.stdout
    assert "29 of 34 = 0.853" in done.stdout
