"""One honest table: named settings on every set of real photographs, with intervals, time and bytes.

    python benchmarks/accuracy.py [--data FOLDER] [--settings fast balanced best ...] [--json FILE]

A setting is a preset (``balanced:verified=20`` changes one) or ``MODEL/PRESET``. Prints Markdown, as in
docs/accuracy.md. Embeddings come from the cache of an earlier run; the time a query is of search and re-ranking,
measured in this run on one core; the time to look at a photo is measured apart, on the first photos of the set.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import PlaceprintError
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.result import EvaluationResult
from placeprint.options import BuildOptions
from placeprint.progress import on_stderr
from placeprint.recognition.gallery_model import embedder_for
from placeprint.recognition.recognizer import Recognizer

SHARED = Path(__file__).parents[2] / "shared" / "data"
SETS = {
    "landmarks": "landmarks/landmarks",
    "landmarks, assignment": "landmarks/manifest.csv",
    "smvs_landmarks": "smvs_landmarks",
    "poznan_bovw": "poznan_bovw",
    "vprbench_corridor": "vprbench_corridor",
    "cohog_sped_thumbs": "cohog_sped_thumbs",
}
SETTINGS = ("fast", "balanced", "best")
LOOKS = 20
"""Photos that the time to look at one is measured on."""


def measure(path: Path, setting: str) -> dict[str, Any]:
    """Run one setting on one set."""
    model, _, preset = setting.rpartition("/")
    manifest = read_dataset(path)
    options = BuildOptions(model=model or DEFAULT_MODEL, index="exact", preset=preset)
    inputs = gather(manifest, options=options, progress=on_stderr(quiet=not sys.stderr.isatty()))
    result = evaluate_inputs(inputs)
    found = {h.name: h.over_queries for h in result.headlines}
    return {
        "recall_at_1": result.recall[1],
        "recall_interval": [found["recall_at_1"].low, found["recall_at_1"].high],
        "recall_at_5": result.recall[5],
        "map": result.map,
        "map_interval": [found["map"].low, found["map"].high],
        "auroc": result.open_set.auroc if result.n_unknown else None,
        "unknown": _unknown(result),
        "search_ms": 1000 * result.seconds.search_per_query,
        "look_ms": _look_ms(inputs, manifest),
        "bytes_an_image": _bytes(inputs),
        "queries": result.n_answerable,
    }


def _unknown(result: EvaluationResult) -> list[float | None] | None:
    opened = result.open_set
    return [opened.unknown_precision, opened.unknown_recall] if result.n_unknown and opened.recall_at_1 else None


def _bytes(inputs: Inputs) -> float:
    gallery = inputs.gallery
    return 4.0 * gallery.spec.dim + sum(part.bytes_an_image for part in gallery.parts.values())


def _look_ms(inputs: Inputs, manifest: Manifest) -> float:
    """Return the median time to decode a query photo and take its embedding and parts, milliseconds."""
    recognizer = Recognizer(inputs.gallery, embedder_for(inputs.gallery))
    times = []
    for record in inputs.queries.records[:LOOKS]:
        began = time.perf_counter()
        recognizer.describe(manifest.root / record.path)
        times.append(1000 * (time.perf_counter() - began))
    return sorted(times)[len(times) // 2]


def table(rows: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Write the results as Markdown."""
    lines = [
        "| set | setting | Recall@1 (95 %) | Recall@5 | mAP (95 %) | AUROC | ms: photo + search | KB an image |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, settings in rows.items():
        for setting, r in settings.items():
            auroc = "" if r["auroc"] is None else f"{r['auroc']:.3f}"
            lines.append(
                f"| {name} | {setting} | {r['recall_at_1']:.3f} ({r['recall_interval'][0]:.2f}–"
                f"{r['recall_interval'][1]:.2f}) | {r['recall_at_5']:.3f} | {r['map']:.3f} "
                f"({r['map_interval'][0]:.2f}–{r['map_interval'][1]:.2f}) | {auroc} | "
                f"{r['look_ms']:.0f} + {r['search_ms']:.1f} | {r['bytes_an_image'] / 1000:.1f} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and say which of the promises between presets do not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"the real photographs are not here: {options.data}", file=sys.stderr)
        return 1
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for name, path in SETS.items():
        rows[name] = {}
        for setting in options.settings:
            try:
                rows[name][setting] = measure(options.data / path, setting)
            except PlaceprintError as error:
                print(f"{name}, {setting}: {error}", file=sys.stderr)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="ascii")
    losses = _losses(rows)
    print("\n" + ("\n".join(losses) if losses else "balanced is nowhere more than 0.01 below fast"))
    return 0


def _losses(rows: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return where balanced is more than 0.01 below fast."""
    found = []
    for name, settings in rows.items():
        if not {"fast", "balanced"} <= set(settings):
            continue
        for what in ("recall_at_1", "map", "auroc"):
            fast, balanced = settings["fast"][what], settings["balanced"][what]
            if fast is not None and balanced < fast - 0.01:
                found.append(f"balanced loses {what} on {name}: {balanced:.3f} against {fast:.3f}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
