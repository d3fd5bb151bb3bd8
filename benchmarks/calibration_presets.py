"""Measure whether a stated false-accept rate holds, and what the probabilities are worth.

    python benchmarks/calibration_presets.py balanced [--photos 1] [--places 2] [--seeds 3] [DATASET ...]

Places are dealt into folds; each fold is held out, the rest calibrates alone, and the queries of the held-out places
are asked. Photos of one place are accepted or turned away together, so the interval of a rate is a bootstrap over
places. With --photos so many images of each place are kept, drawn by the seed. With --places ten galleries of that
many places are drawn instead of folds, and all queries are asked: those of other places are unknown. Pairs of images
that are matched are kept in the user's cache. Without datasets it reads poznan_bovw and landmarks in ../shared/data;
a town is made by: python -m town FOLDER --places 60 --views 6
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint import Gallery
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.open_set_rates import auroc
from placeprint.evaluation.metrics.risk_coverage import reliability
from placeprint.options import BuildOptions
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.calibration.held_out import Asker, PlaceRows, Questions
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.recognition.decision.rules import LIKELY
from placeprint.recognition.gallery_model import probability_of
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Reranker

DATA = Path(__file__).parents[2] / "shared" / "data"
RATES = (0.05, 0.1, 0.15, 0.2)
DRAWS = 10
RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Answers:
    """What some queries got.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n,)
    known, right : ndarray of bool, shape (n,)
        Whether their place is in the gallery, and whether the best place is theirs.
    places : ndarray of int64, shape (n,)
        The place of each, as a number.
    accepted : ndarray of bool, shape (n, len(RATES))
    """

    probabilities: NDArray[np.float64]
    known: NDArray[np.bool_]
    right: NDArray[np.bool_]
    places: NDArray[np.int64]
    accepted: NDArray[np.bool_]

    @classmethod
    def joined(cls, some: Sequence[Answers]) -> Answers:
        """Put answers one after another."""
        names = ("probabilities", "known", "right", "places", "accepted")
        return cls(*(np.concatenate([getattr(one, name) for one in some]) for name in names))


def kept(gallery: Gallery, rows: Sequence[int]) -> Gallery:
    """Return a gallery of some rows."""
    return Gallery.in_memory(
        [gallery.records[i] for i in rows],
        np.asarray(gallery.vectors)[rows],
        spec=gallery.spec,
        preset=gallery.preset,
        parts={name: parts.kept(rows) for name, parts in gallery.parts.items()},
    )


def without(gallery: Gallery, places: set[str]) -> Gallery:
    """Return a gallery less some places."""
    return kept(gallery, [i for i, r in enumerate(gallery.records) if places.isdisjoint(r.places)])


def thinned(gallery: Gallery, photos: int, rng: np.random.Generator) -> Gallery:
    """Keep so many images of each place."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for row in rng.permutation(len(gallery)).tolist():
        rows.setdefault(gallery.records[row].places, []).append(row)
    return kept(gallery, sorted(row for some in rows.values() for row in some[:photos]))


def asked(gallery: Gallery, queries: Queries, places: set[str]) -> Questions:
    """Ask the queries of some places."""
    rows = [i for i, q in enumerate(queries.records) if places & set(q.places)]
    asker = Asker(
        PlaceRows(gallery.records),
        np.asarray(gallery.vectors),
        queries.vectors,
        [q.places or (q.path,) for q in queries.records],
        again=Reranker(gallery) if gallery.preset.reranks else None,
        parts=queries.parts,
    )
    return asker.ask(rows, [np.empty(0, np.int64)] * len(rows))


def galleries(inputs: Inputs, rng: np.random.Generator, photos: int, places: int) -> Iterator[tuple[Gallery, set[str]]]:
    """Yield galleries, and the places whose queries each is asked."""
    whole = thinned(inputs.gallery, photos, rng) if photos else inputs.gallery
    here = sorted({p for r in whole.records for p in r.places})
    every = {*here, *(p for r in inputs.queries.records for p in r.places)}
    if places:
        for _ in range(DRAWS):
            yield without(whole, set(here).difference(rng.choice(here, places, replace=False).tolist())), every
        return
    yield whole, set(here)
    dealt = rng.permutation(sorted(every)).tolist()
    folds = 5 if len(every) >= 10 else 3
    for i in range(folds):
        out = set(dealt[i::folds])
        yield without(whole, out), out


def answers(gallery: Gallery, queries: Queries, places: set[str], seed: int) -> Answers:
    """Calibrate a gallery by itself, and ask it."""
    learned = learn_calibration(gallery, automatic=True, seed=seed)
    questions = asked(gallery, queries, places)
    rows = [q for q in queries.records if places & set(q.places)]
    known = np.array([not set(gallery.places).isdisjoint(q.places) for q in rows])
    numbers = {name: number for number, name in enumerate(sorted({q.places for q in queries.records}))}
    asked_for = np.array([numbers[q.places] for q in rows], np.int64)
    given = probability_of(learned)(questions.evidence)
    limits = np.array([learned.at(rate)[0] for rate in RATES])
    return Answers(given, known, questions.right, asked_for, given[:, None] >= limits)


def over_places(accepted: NDArray[np.bool_], places: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 95 % interval of a share, over the places that could have been drawn instead."""
    _, which = np.unique(places, return_inverse=True)
    hits, counts = np.bincount(which, accepted), np.bincount(which)
    drawn = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def at_rate(found: Answers, column: int) -> str:
    """Describe what became of known and unknown queries at one stated rate; places below one half may be likely."""
    known, accepted = found.known, found.accepted[:, column]
    low, high = over_places(accepted[~known], found.places[~known])
    likely = found.right & (accepted | (found.probabilities >= LIKELY))
    return (
        f"at {100 * RATES[column]:g} %: {accepted[~known].sum()} unknown got a place "
        f"({100 * low:.1f} to {100 * high:.1f} %), known named right {(found.right & accepted)[known].mean():.2f}, "
        f"with likely ones {likely[known].mean():.2f}"
    )


def told(found: Answers) -> str:
    """Describe what became of known and unknown queries."""
    known, unknown = found.known, ~found.known
    rates = "; ".join(at_rate(found, column) for column in range(len(RATES)))
    sorting = auroc(found.probabilities[known], found.probabilities[unknown])
    error = reliability(found.probabilities, found.right & known).error
    return f"{unknown.sum()} unknown, {known.sum()} known. {rates}. AUROC {sorting:.3f}, calibration error {error:.3f}"


def curve(found: Answers) -> str:
    """Return claimed and observed probabilities of ten bins, and how many answers each has."""
    bins = reliability(found.probabilities, found.right & found.known).bins
    return ", ".join(f"{b.probability:.2f} {b.right:.2f} ({b.count})" for b in bins if b.count)


def main() -> None:
    """Measure the preset on each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument(
        "datasets", type=Path, nargs="*", default=[DATA / "poznan_bovw", DATA / "landmarks" / "landmarks"]
    )
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--places", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_intermixed_args()
    with opened_cache(True):  # keeps what is matched
        for path in options.datasets:
            inputs = gather(path, options=BuildOptions(preset=options.preset, index="exact"))
            every = []
            for seed in range(options.seeds):
                rng = np.random.default_rng(seed)
                some = galleries(inputs, rng, options.photos, options.places)
                every.append(Answers.joined([answers(one, inputs.queries, places, seed) for one, places in some]))
                print(f"{path.name} seed {seed}: {told(every[-1])}", flush=True)
            print(f"{path.name} claimed, observed (answers): {curve(Answers.joined(every))}", flush=True)


if __name__ == "__main__":
    main()
