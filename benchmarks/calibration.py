"""Measure what calibration promises: false accepts, calibration error, and UNKNOWN on the assignment's list.

    python benchmarks/calibration.py --towns FOLDER      # renders two towns there once, about 2 minutes

Reads ../shared/data. Nothing is learned from the queries that a line reports: the prior of poznan_bovw comes
from a town, that of the town from poznan_bovw, and the shipped one, used for the rest, from both (the town by
another seed).
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint import EvaluationResult, Gallery, ImageRecord, ModelSpec, calibrate, evaluate, index
from placeprint.embedding.imported import imported_spec, read_embeddings
from placeprint.evaluation.metrics.risk_coverage import reliability
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.calibration.held_out import Asker, PlaceRows, Questions
from placeprint.recognition.calibration.prior import Prior, shipped_priors
from placeprint.recognition.gallery_model import probability_of
from tools.prior_fit import SIZES, LabelledSet, labelled_set, learn_prior
from town import render_town

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
RATES = (0.05, 0.1)
REPETITIONS = 10


@dataclass(frozen=True)
class Repetition:
    """One seeded run over a set."""

    false_accepts: int
    unknown: int
    accepted_share: float
    expected_share: float
    calibration_error: float
    own_interval: tuple[float, float]


def binomial_interval(count: int, rate: float) -> tuple[int, int]:
    """Return the 2.5 % and 97.5 % quantiles of a binomial."""
    below = np.cumsum([comb(count, i) * rate**i * (1 - rate) ** (count - i) for i in range(count + 1)])
    return int(np.searchsorted(below, 0.025)), int(np.searchsorted(below, 0.975))


def gallery_of(whole: LabelledSet, rows: Sequence[int]) -> Gallery:
    """Make a gallery of some rows."""
    spec = ModelSpec(name="set", dim=whole.vectors.shape[1])
    return Gallery.in_memory([whole.records[i] for i in rows], whole.vectors[list(rows)], spec=spec)


def asked(gallery: Gallery, whole: LabelledSet, queries: Sequence[int]) -> Questions:
    """Ask some queries of the gallery."""
    asker = Asker(
        PlaceRows(gallery.records), np.asarray(gallery.vectors), whole.query_vectors, [q.places for q in whole.queries]
    )
    return asker.ask(queries, [np.empty(0, np.int64)] * len(queries))


def showing(records: Sequence[ImageRecord], places: set[str]) -> list[int]:
    """Return which records show one of these places."""
    return [i for i, r in enumerate(records) if not places.isdisjoint(r.places)]


def repetition(whole: LabelledSet, priors: Sequence[Prior] | None, *, rate: float, seed: int) -> Repetition:
    """Deal the places into folds; hold each fold out, calibrate on the rest, and ask its queries (unknown).

    Then ask every query of the whole gallery (known). The calibration error is over both, each query asked
    twice: as many known as unknown.
    """
    every = {p for r in whole.records for p in r.places}
    folds = 5 if len(every) >= 10 else 3
    dealt = np.random.default_rng(seed).permutation(sorted(every)).tolist()
    probabilities: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    false = 0
    intervals = []
    for out in [set(), *(set(dealt[i::folds]) for i in range(folds))]:
        gone = set(showing(whole.records, out))
        gallery = gallery_of(whole, [i for i in range(len(whole.records)) if i not in gone])
        learned = learn_calibration(gallery, false_accept_rate=rate, seed=seed, priors=priors)
        questions = asked(gallery, whole, showing(whole.queries, out or every))
        given = probability_of(learned)(questions.evidence)
        probabilities.append(given)
        right.append(questions.right)
        if out:
            false += int((given >= learned.threshold).sum())
            intervals.append(learned.rate_interval)
        else:
            accepted, expected = float((given >= learned.threshold).mean()), learned.accepted_share
    error = reliability(np.concatenate(probabilities), np.concatenate(right)).error
    low, high = np.mean(intervals, axis=0)
    unknown = sum(len(p) for p in probabilities[1:])
    return Repetition(false, unknown, accepted, expected, error, (float(low), float(high)))


def held_out_places(sets: dict[str, tuple[LabelledSet, Sequence[Prior] | None]]) -> None:
    """Print the false-accept rates with places held out in turn."""
    print("set | stated | false accepts in 10 repetitions | unknown | 95 % binomial | within | accepted | ECE")
    for name, (whole, priors) in sets.items():
        for rate in RATES:
            runs = [repetition(whole, priors, rate=rate, seed=seed) for seed in range(REPETITIONS)]
            low, high = binomial_interval(runs[0].unknown, rate)
            within = sum(low <= r.false_accepts <= high for r in runs)
            errors = [r.calibration_error for r in runs]
            print(
                f"{name} | {rate:g} | {', '.join(str(r.false_accepts) for r in runs)} | {runs[0].unknown} | "
                f"{low} to {high} | {within} of {len(runs)} | {np.mean([r.accepted_share for r in runs]):.2f} "
                f"(expected {np.mean([r.expected_share for r in runs]):.2f}) | "
                f"{np.mean(errors):.3f} (worst {max(errors):.3f})"
            )


def show_assignment(name: str, rate: float, result: EvaluationResult) -> None:
    """Print one line of UNKNOWN, with bootstrap intervals over the queries."""
    spans = {h.name: f"{h.over_queries.low:.2f} to {h.over_queries.high:.2f}" for h in result.headlines}
    found = result.open_set
    print(
        f"{name} | {rate:g} | {found.probability_threshold:.3f} | {found.unknown_precision:.3f} "
        f"({spans.get('unknown_precision')}) | {found.unknown_recall:.3f} ({spans.get('unknown_recall')}) | "
        f"{found.false_accepts} of {result.n_unknown} | {found.false_rejects} of {result.n_answerable} | "
        f"{found.recall_at_1:.3f}"
    )


def assignment(folder: Path) -> None:
    """Print UNKNOWN on the assignment's list, calibrated from its gallery alone."""
    manifest = DATA / "landmarks" / "manifest.csv"
    with manifest.open(newline="") as file:
        listed = {row["relpath"] for row in csv.DictReader(file)}
    print("\nvectors | stated | threshold | UNKNOWN precision | UNKNOWN recall | false accepts | false rejects | R@1")
    reference = DATA / "landmarks" / "reference"
    sides = []
    for side in ("gallery", "query"):
        done = read_embeddings(reference / f"resnet50_{side}.npy", reference / f"resnet50_{side}.csv")
        rows = [i for i, r in enumerate(done.records) if r.path in listed]
        sides.append(([done.records[i] for i in rows], done.vectors[rows]))
    (records, vectors), (queries, query_vectors) = sides
    np.save(folder / "q.npy", query_vectors)
    lines = "".join(f"{r.path},{r.place},query\n" for r in queries)
    (folder / "q.csv").write_text("path,place,split\n" + lines, encoding="utf-8")
    own = index(manifest, folder / "own.gallery").gallery
    spec = imported_spec("resnet50", vectors.shape[1])
    theirs = Gallery.build(folder / "ref.gallery", records=records, vectors=vectors, spec=spec)
    for rate in RATES:
        learned = calibrate(own, false_accept_rate=rate).gallery
        show_assignment("efficientnet-lite0", rate, evaluate(manifest, gallery=learned))
        learned = calibrate(theirs, false_accept_rate=rate).gallery
        result = evaluate(gallery=learned, embeddings=folder / "q.npy", records=folder / "q.csv")
        show_assignment("reference resnet50", rate, result)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--towns", type=Path, required=True, help="Where the two rendered towns are, or will be.")
    towns = parser.parse_args().towns
    for seed in (0, 7):
        if not (towns / f"town-{seed}").is_dir():
            render_town(towns / f"town-{seed}", seed=seed)
    poznan = labelled_set(DATA / "poznan_bovw" / "labels.csv")
    town, other_town = labelled_set(towns / "town-0"), labelled_set(towns / "town-7")
    sets: dict[str, tuple[LabelledSet, Sequence[Prior] | None]] = {
        "poznan_bovw": (poznan, [learn_prior([other_town], places=p) for p in SIZES]),
        "town": (town, [learn_prior([poznan], places=p) for p in SIZES]),
        "landmarks": (labelled_set(DATA / "landmarks" / "landmarks"), shipped_priors()),
        "cohog_sped_thumbs": (labelled_set(DATA / "cohog_sped_thumbs" / "labels.csv"), shipped_priors()),
    }
    held_out_places(sets)
    with tempfile.TemporaryDirectory() as folder:
        assignment(Path(folder))


if __name__ == "__main__":
    main()
