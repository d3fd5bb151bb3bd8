"""Measure how photos fare that come turned, cut, written over or framed: changed queries, the gallery as it is.

    python benchmarks/robustness.py [balanced fast ...] [--data FOLDER] [--only NAME ...] [--json FILE]

Known: a query is asked in the whole gallery. Unknown: its place is held out with a fifth of the places, and the rest
calibrates alone (`calibration_presets.py`). Prints Markdown, as in docs/robustness.md. Every query goes all the way
through a `Recognizer`, from its pixels; what one look found is remembered, so that a query is looked at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from calibration_presets import DATA, without
from changed_queries import CHANGES
from placeprint import Gallery, Recognizer
from placeprint.cores import available_cores
from placeprint.dataset.query_image import prepare_image
from placeprint.embedding.embedder import AnyEmbedder, Description
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.evaluation.inputs import gather
from placeprint.options import BuildOptions
from placeprint.presets import find_preset
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.gallery_model import model_for
from placeprint.records import ImageRecord

SETS = {"landmarks": "landmarks/landmarks", "poznan_bovw": "poznan_bovw"}
FOLDS = 5
SIDE = 1200
"""Pixels of the shorter side that a query is decoded at, at least, before it is changed."""


class Remembered:
    """An embedder that looks at the same pixels once, and counts its looks."""

    def __init__(self, embedder: AnyEmbedder) -> None:
        self._embedder, self._seen = embedder, dict[bytes, Description]()
        self._coarser: dict[int, Remembered] = {}
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def coarser(self, cells: int) -> Remembered:
        """Remember what looks at fewer pixels found too."""
        if cells not in self._coarser:
            self._coarser[cells] = Remembered(self._embedder.coarser(cells))
        return self._coarser[cells]

    def describe(self, image: Image.Image) -> Description:
        """Describe an image that was prepared before."""
        self.asked += 1
        key = hashlib.blake2b(image.tobytes() + str(image.size).encode()).digest()
        if key not in self._seen:
            self._seen[key] = self._embedder.describe(image)
        return self._seen[key]


@dataclass(frozen=True)
class Row:
    """How the queries of a set fared, changed in one way."""

    set: str
    preset: str
    change: str
    queries: int
    first_right: int
    known_right: int
    known_wrong: int
    unknown_accepted: int
    looks_a_query: float

    def line(self) -> str:
        """Return a line of the table."""
        cells = (f"{self.first_right / self.queries:.3f}", f"{self.known_right} ({self.known_wrong} wrong)")
        rest = (f"{self.unknown_accepted} of {self.queries}", f"{self.looks_a_query:.2f}")
        return f"| {' | '.join((self.set, self.preset, self.change, *cells, *rest))} |"


def folds_of(gallery: Gallery, queries: tuple[ImageRecord, ...]) -> Iterator[tuple[Gallery, set[str]]]:
    """Yield galleries that lack a fifth of the places, calibrated, with those places; first one that lacks none."""
    every = {p for r in (*gallery.records, *queries) for p in r.places}
    dealt = np.random.default_rng(0).permutation(sorted(every)).tolist()
    for out in [set[str](), *(set(dealt[i::FOLDS]) for i in range(FOLDS))]:
        less = without(gallery, out)
        yield less.with_calibration(learn_calibration(less, automatic=True)), out


def measured(name: str, path: Path, preset: str, only: list[str]) -> Iterator[Row]:
    """Measure one preset on one set, change by change."""
    inputs = gather(path, options=BuildOptions(preset=preset, index="exact"))
    records = tuple(inputs.queries.records)
    embedder = Remembered(model_for(DEFAULT_MODEL, preset=find_preset(preset)))
    asked = [(Recognizer(g, embedder), out) for g, out in folds_of(inputs.gallery, records)]
    images = [prepare_image(path / r.path, min_side=SIDE) for r in records]
    for change, function in CHANGES.items():
        if only and change not in only:
            continue
        embedder.asked, times = 0, 0
        first = right = wrong = accepted = 0
        changed = [function(image) for image in images]
        for recognizer, out in asked:
            rows = [i for i, r in enumerate(records) if not out or out & set(r.places)]
            with ThreadPoolExecutor(available_cores()) as pool:
                answers = list(pool.map(lambda i: recognizer.recognize(changed[i]), rows))  # noqa: B023 - used at once
            times += len(rows)
            if out:
                accepted += sum(a.place is not None for a in answers)
                continue
            truth = [set(records[i].places) for i in rows]
            first = sum(bool(a.places) and a.places[0].place in t for a, t in zip(answers, truth, strict=True))
            right = sum(a.place in t for a, t in zip(answers, truth, strict=True))
            wrong = sum(a.place is not None for a in answers) - right
        yield Row(name, preset, change, len(records), first, right, wrong, accepted, embedder.asked / times)


def main() -> None:
    """Print a table of each preset on each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=["balanced"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="*", default=[], help="Names of changes.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print("| set | preset | queries | Recall@1 | known that get their place | unknown that get one | looks a query |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for preset in options.presets:
        for name, place in SETS.items():
            for row in measured(name, options.data / place, preset, options.only):
                rows.append(row)
                print(row.line(), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
