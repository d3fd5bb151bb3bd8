"""What training brings: a head on several sets, and the whole network on a rendered town; both as tables.

    python benchmarks/training.py head [--data FOLDER] [--out FOLDER] [SETTING=VALUE ...]
    python benchmarks/training.py full [--out FOLDER] [SETTING=VALUE ...]
    python benchmarks/training.py choose [--data FOLDER] [--out FOLDER] SETTING=VALUE ...
    python benchmarks/training.py elsewhere [--data FOLDER] [--out FOLDER] [SETTING=VALUE ...]

`head` trains on smvs_landmarks, poznan_bovw and a town of 50 places, and measures the result and the base on three sets
that nothing was chosen on. `full` trains on a town of 200 places and measures on 50 places of another town, where the
gallery of that town is searched, and on the real sets. `choose` says what settings of a head gain on its validation
places, by which the defaults were chosen: the mean of seeds 0, 1 and 2. `elsewhere` trains heads on two of the three
sets of `head` and measures them on the third, with a spread of cosines as training left it, and with that of the base.
Prints Markdown, as in docs/training.md. Towns are rendered once, into `--out`.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.metrics.paired_tests import mcnemar, paired_difference
from placeprint.evaluation.result import EvaluationResult
from placeprint.presets import find_preset
from placeprint.progress import on_stderr
from placeprint.recognition.gallery_model import model_for
from placeprint.training.held_out import HeldOut
from placeprint.training.learners import HeadLearner
from placeprint.training.loop import Trained, Training
from placeprint.training.pool import Parts, Pool, divide, gather_pool
from placeprint.training.result import TrainingResult
from placeprint.training.settings import TrainSettings
from placeprint.training.spread import constant_for, with_constant
from placeprint.training.train import train
from town.render import render_town

SHARED = Path(__file__).parents[2] / "shared" / "data"
REPORTED = {
    "landmarks": "landmarks/landmarks",
    "vprbench_corridor": "vprbench_corridor",
    "cohog_sped_thumbs": "cohog_sped_thumbs",
}
LEARNED = {name: name for name in ("smvs_landmarks", "poznan_bovw")}
PRESETS = ("fast", "balanced")
SEEDS = range(3)


def town(out: Path, *, places: int, seed: int) -> Path:
    """Render a town, once."""
    folder = out / f"town-{places}-{seed}"
    if not folder.exists():
        render_town(folder, places=places, views=8, seed=seed, progress=on_stderr())
    return folder


def show(result: TrainingResult) -> None:
    """Print what the training itself measured."""
    before, after = result.test_base, result.test
    print(f"| own test places ({result.places[2]}, {result.images[2]} photos) | Recall@1 | mAP |\n|---|---|---|")
    print(f"| {result.base.name} | {before.recall_at_1:.3f} | {before.map:.3f} |")
    print(f"| trained, epoch {result.best_epoch} of {result.epochs} | {after.recall_at_1:.3f} | {after.map:.3f} |")
    print(f"\n{result.verdict.says}; {result.seconds:.0f} s on {result.device}, cosine {result.cosine:.7f}\n")


def compare(name: str, folder: Path, result: TrainingResult) -> None:
    """Print base and trained model on a set that took no part."""
    for preset in PRESETS:
        base, ours = (evaluate(folder, model=m, preset=preset) for m in (result.base.name, str(result.path)))
        one, two = (np.array([q.average_precision for q in r.queries]) for r in (ours, base))
        gain = paired_difference(one, two, rng=np.random.default_rng(0)).interval
        test = mcnemar(*(_hits(r) for r in (ours, base)))
        print(
            f"| {name} | {preset} | {base.recall[1]:.3f} | {ours.recall[1]:.3f} | {base.map:.3f} | {ours.map:.3f} | "
            f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] | {test.first_only}, {test.second_only} |"
        )


def _hits(result: EvaluationResult) -> Any:
    return np.array([float(q.right) if q.known else np.nan for q in result.queries])


def choose(datasets: list[Path], given: dict[str, Any]) -> None:
    """Print what settings gain on validation places; the test places are not looked at."""
    gains = []
    asked = [TrainSettings(**{**given, "seed": seed}) for seed in SEEDS]
    pool = gather_pool(datasets, model_for(DEFAULT_MODEL, preset=asked[0].preset), cache=True, progress=on_stderr())
    for settings in asked:
        parts = divide(pool, validation=settings.validation, test=settings.test, seed=settings.seed)
        done = head(pool, parts, settings)
        first, best = done.history[0], done.history[done.best]
        gains.append((best["map"] - first["map"], best["recall_at_1"] - first["recall_at_1"], done.best))
    means = [sum(column) / len(gains) for column in zip(*gains, strict=True)]
    print(f"| {given} | {means[0]:+.3f} | {means[1]:+.3f} | {', '.join(str(gain[2]) for gain in gains)} |")


def head(pool: Pool, parts: Parts, settings: TrainSettings) -> Trained:
    """Train a head, without a file."""
    with tempfile.TemporaryDirectory() as folder:
        return Training(HeadLearner(pool), pool, parts, settings).run(Path(folder) / "x", "", progress=on_stderr())


def elsewhere(datasets: dict[str, Path], given: dict[str, Any]) -> None:
    """Print what heads do to a set that none of their places is of, as the preset asks."""
    print("| set | seed | mAP: base | head | head, spread kept | the constant |\n|---|---|---|---|---|---|")
    for name, folder in datasets.items():
        for seed in SEEDS:
            settings = TrainSettings(**{**given, "seed": seed})
            preset = find_preset(settings.preset)
            embedder = model_for(DEFAULT_MODEL, preset=preset)
            others = [path for other, path in datasets.items() if other != name]
            pool, held = (gather_pool(p, embedder, cache=True, progress=on_stderr()) for p in (others, [folder]))
            parts = divide(pool, validation=settings.validation, test=settings.test, seed=seed)
            matrix = head(pool, parts, settings).weights["head"].detach().numpy()
            rows = parts.validation
            unit = with_constant(pool.vectors[rows] @ matrix, 0.0)
            constant = constant_for(pool.vectors[rows], unit, pool.labels[rows])
            test, found = HeldOut(held, np.arange(len(held.records))), []
            for vectors in (held.vectors, *(with_constant(held.vectors @ matrix, c) for c in (0.0, constant))):
                spec = replace(embedder.spec, dim=vectors.shape[1])
                measured = test.measure_as(preset, spec, vectors, held.parts, progress=on_stderr())
                found.append(f"{measured.mean_average_precision:.3f}")
            print(f"| {name} | {seed} | {' | '.join(found)} | {constant:.2f} |", flush=True)


def main() -> int:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("head", "full", "choose", "elsewhere"))
    parser.add_argument("settings", nargs="*", help="of placeprint.train, as side=96")
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path, default=Path("out/training"))
    options = parser.parse_args()
    given: dict[str, Any] = {}
    for text in options.settings:
        key, _, value = text.partition("=")
        given[key] = value if value.isalpha() or "-" in value.strip("-0123456789.") else ast.literal_eval(value)
    options.out.mkdir(parents=True, exist_ok=True)
    unseen = town(options.out, places=50, seed=1)
    if options.what != "full":
        learned = {name: options.data / path for name, path in LEARNED.items()} | {"town": unseen}
        datasets = list(learned.values())
        tested = {name: options.data / path for name, path in REPORTED.items()}
    else:
        datasets, tested = [town(options.out, places=200, seed=0)], {"50 unseen town places": unseen}
        tested |= {name: options.data / path for name, path in (REPORTED | LEARNED).items()}
        given = {"full": True, "side": 96, "places": 8, "epochs": 4, "learning_rate": 1e-4, **given}
        given = {"validation": 0.1, "test": 0.1, **given}
    if options.what == "choose":
        choose(datasets, given)
        return 0
    if options.what == "elsewhere":
        elsewhere(learned, given)
        return 0
    result = train(datasets, options.out / f"{options.what}.onnx", progress=on_stderr(), **given)
    show(result)
    print("| set | preset | Recall@1: base | trained | mAP: base | trained | mAP, difference (95 %) | gained, lost |")
    print("|---|---|---|---|---|---|---|---|")
    for name, folder in tested.items():
        compare(name, folder, result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
