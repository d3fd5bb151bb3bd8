"""Measure whether a stated false-accept rate holds when neighbours are ranked again.

    python benchmarks/calibration_presets.py balanced [--town FOLDER]

Places are dealt into folds; each fold is held out, the rest calibrates alone, and the queries of the held-out places
are asked. Three seeds; reads ../shared/data, and a town made by: python -m town FOLDER --places 60 --views 6
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint import Gallery
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.risk_coverage import reliability
from placeprint.options import BuildOptions
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.calibration.held_out import Asker, PlaceRows, Questions
from placeprint.recognition.gallery_model import probability_of
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Reranker

DATA = Path(__file__).parents[2] / "shared" / "data"
SEEDS = 3


def without(gallery: Gallery, places: set[str]) -> Gallery:
    """Return a gallery less some places."""
    rows = [i for i, r in enumerate(gallery.records) if places.isdisjoint(r.places)]
    return Gallery.in_memory(
        [gallery.records[i] for i in rows],
        np.asarray(gallery.vectors)[rows],
        spec=gallery.spec,
        preset=gallery.preset,
        parts={name: parts.kept(rows) for name, parts in gallery.parts.items()},
    )


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


def repetition(inputs: Inputs, seed: int) -> str:
    """Hold every place out once, and describe what became of it."""
    every = {p for r in (*inputs.gallery.records, *inputs.queries.records) for p in r.places}
    dealt = np.random.default_rng(seed).permutation(sorted(every)).tolist()
    folds = 5 if len(every) >= 10 else 3
    false, told = 0, ""
    probabilities: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    for out in [set(), *(set(dealt[i::folds]) for i in range(folds))]:
        gallery = without(inputs.gallery, out)
        learned = learn_calibration(gallery, seed=seed)
        questions = asked(gallery, inputs.queries, out or every)
        given = probability_of(learned)(questions.evidence)
        probabilities.append(given)
        right.append(questions.right)
        if out:
            false += int((given >= learned.threshold).sum())
        else:
            told = f"accepted {(given >= learned.threshold).mean():.2f} (expected {learned.accepted_share:.2f})"
    unknown = sum(len(p) for p in probabilities[1:])
    error = reliability(np.concatenate(probabilities), np.concatenate(right)).error
    return f"seed {seed}: {false} of {unknown} unknown got a place; known {told}; calibration error {error:.3f}"


def main() -> None:
    """Measure the preset on each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--town", type=Path)
    options = parser.parse_args()
    for path in (DATA / "poznan_bovw", DATA / "landmarks" / "landmarks", options.town):
        if path is not None and path.is_dir():
            inputs = gather(path, options=BuildOptions(preset=options.preset, index="exact"))
            for seed in range(SEEDS):
                print(path.name, repetition(inputs, seed), flush=True)


if __name__ == "__main__":
    main()
