"""In how few bytes: what a preset loses on every set of real photographs when a gallery keeps less of each.

    python benchmarks/short.py [--data FOLDER] [--sets NAME ...] [--queries 101] [SETTING ...]

A setting is a preset with what it keeps (``balanced:vector_bits=8:cell_bytes=28``). Prints Markdown, as in
docs/accuracy.md: Recall@1, mAP, the area under the curve of known queries against the same with their own place left
out, and the known queries whose score is above that of 95 % of the unknown ones. Of a set with more queries than
--queries as many are drawn. Embeddings come from the user's cache, and so do pairs of images that were matched.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accuracy import SETS, SHARED
from placeprint import Gallery
from placeprint.dataset.scan import read_dataset
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.open_set_rates import auroc
from placeprint.evaluation.metrics.retrieval import average_precision, mean_of, recall_at
from placeprint.evaluation.ranking import rank_queries
from placeprint.gallery.index.short_vectors import row_bytes
from placeprint.options import BuildOptions
from placeprint.presets import Preset, find_preset
from placeprint.recognition.dataset_embeddings import opened_cache

SETTINGS = (
    "balanced",
    "balanced:vector_bits=8",
    "balanced:vector_bits=8:point_bytes=19",
    "balanced:vector_bits=8:cell_bytes=28",
    "balanced:vector_bits=8:cell_bytes=56:point_bytes=19",
    "balanced:vector_bits=8:cell_bytes=28:point_bytes=19",
    "balanced:vector_bits=8:cell_bytes=28:point_bytes=19:kept_points=256",
    "balanced:vector_bits=8:cell_bytes=8:point_bytes=19:kept_points=256",
    "balanced:vector_bits=8:cell_bytes=8:point_bytes=19:kept_points=86",
    "balanced:vector_bits=8:cell_bytes=28:point_bytes=19:kept_cells=80:kept_points=128",
)
UNKNOWN_LET_IN = 0.05


class Row(NamedTuple):
    """What a setting reaches on a set."""

    kilobytes: float
    recall: float
    precision: float
    auroc: float
    share: float

    def __str__(self) -> str:
        """Return it as a line of a table."""
        return " | ".join([f"{self.kilobytes:.1f}", *(f"{value:.3f}" for value in self[1:])])


def as_kept(gallery: Gallery, preset: Preset) -> Gallery:
    """Return a gallery of the same images that keeps what a preset says."""
    vectors = np.asarray(gallery.vectors)
    return Gallery.in_memory(gallery.records, vectors, spec=gallery.spec, preset=preset, parts=gallery.parts)


def measure(inputs: Inputs, preset: Preset, most: int) -> Row:
    """Ask some queries twice, the second time without their own place."""
    gallery, queries = as_kept(inputs.gallery, preset), inputs.queries
    truth = choose_truth(gallery.records, queries.records)
    known = [row for row, query in enumerate(queries.records) if len(truth.positives(query))]
    drawn = np.random.default_rng(0).permutation(known)[:most]
    queries = queries.only(np.sort(drawn))
    ranking = rank_queries(gallery, queries, truth=truth, k=1)
    away = [truth.positives(query) for query in queries.records]
    scores = [
        each.top.scores[:, 0] for each in (ranking, rank_queries(gallery, queries, truth=truth, k=1, left_out=away))
    ]
    right, wrong = (each.astype(np.float64) for each in scores)
    parts = sum(kept.bytes_an_image for kept in gallery.parts.values())
    return Row(
        (row_bytes(gallery.spec.dim, preset.vector_bits) + parts) / 1000,
        recall_at(ranking.positives, 1),
        mean_of(average_precision(ranking.positives)),
        auroc(right, wrong),
        float((right > np.quantile(wrong, 1 - UNKNOWN_LET_IN)).mean()),
    )


def rows(data: Path, sets: list[str], settings: list[str], most: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| set | setting | KB an image | Recall@1 | mAP | AUROC | known above 95 % of unknown |"
    yield "|---|---|---|---|---|---|---|"
    for name in sets:
        gathered: dict[str, Inputs] = {}
        for setting in settings:
            base = setting.partition(":")[0]
            if base not in gathered:
                gathered[base] = gather(
                    read_dataset(data / SETS[name]), options=BuildOptions(index="exact", preset=base)
                )
            yield f"| {name} | {setting} | {measure(gathered[base], find_preset(setting), most)} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--queries", type=int, default=101)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"the real photographs are not here: {options.data}", file=sys.stderr)
        return 1
    with opened_cache(True):
        for line in rows(options.data, options.sets, options.settings, options.queries):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
