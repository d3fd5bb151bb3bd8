"""Would a whitening of the bundled model, learned beforehand, be a better default? Every set is left out once.

    python benchmarks/better_default.py [--town FOLDER] [--data FOLDER] [--presets fast balanced] [--json FILE]

A whitening is learned in closed form from the rendered town, from the other sets of real photographs (both splits), or
from both, and measured on the set that was left out: Recall@1 and mAP less those of the bundled model as it is. Nothing
is chosen on the set that is reported. A setting is worth shipping when it loses on no set.

The town is rendered into --town when that folder is not there (200 places, six views, seed 11: some minutes).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accuracy import SETS, SHARED
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.whitening import Whitening
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.metrics.retrieval import average_precision, mean_of, recall_at
from placeprint.evaluation.ranking import rank_queries
from placeprint.gallery.gallery import Gallery
from placeprint.options import BuildOptions
from placeprint.progress import on_stderr
from placeprint.recognition.voting import label
from town import render_town

Matrix = NDArray[np.float64]
SAME = {"landmarks": "landmarks", "landmarks, assignment": "landmarks"}
"""Sets of the same photographs are left out together."""
KEPT = ", spread kept"
"""Settings whose cosines are as spread as before, see `constant`; `fast` cannot tell the difference."""
LISTED = 8
"""Settings, the best by `fast`, that are measured with every other preset too."""


class Photos:
    """Unit vectors of labelled photos, and how they vary; each decomposition is made once.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n, dim)
    places : list of str
    """

    def __init__(self, vectors: Matrix, places: list[str]) -> None:
        self.vectors, self.places, self.mean = vectors, places, vectors.mean(axis=0)

    @cached_property
    def _all(self) -> tuple[Matrix, Matrix]:
        centred = self.vectors - self.mean
        return np.linalg.eigh(centred.T @ centred / len(centred))

    @cached_property
    def _within(self) -> tuple[Matrix, Matrix]:
        rest, _ = self._apart(self.vectors)
        return np.linalg.eigh(rest.T @ rest / max(len(rest), 1))

    @cached_property
    def _between(self) -> Matrix:
        _, means = self._apart(self.vectors @ self.within(1.0))
        apart = means - means.mean(axis=0)
        return np.linalg.eigh(apart.T @ apart)[1]

    def _apart(self, vectors: Matrix) -> tuple[Matrix, Matrix]:
        """Return what is left of photos whose place has others, less the mean of the place; and the means."""
        codes = np.unique(np.array(self.places, object), return_inverse=True)[1]
        counts = np.bincount(codes)
        means = np.zeros((len(counts), vectors.shape[1]))
        np.add.at(means, codes, vectors)
        means /= counts[:, None]
        return (vectors - means[codes])[counts[codes] > 1], means

    def pca(self, shrinkage: float, power: float = 0.5) -> Matrix:
        """Divide each principal direction by a power of its variance, with some of the mean variance added."""
        return _powers(*self._all, shrinkage, power)

    def within(self, shrinkage: float) -> Matrix:
        """Damp the directions in which photos of one place differ."""
        return _powers(*self._within, shrinkage, 0.5)

    def discriminants(self, dim: int) -> Matrix:
        """Keep the directions in which places differ most after `within` (linear discriminant analysis)."""
        return self.within(1.0) @ self._between[:, -dim:]


def _powers(variance: Matrix, basis: Matrix, shrinkage: float, power: float) -> Matrix:
    return (basis * (variance.clip(0) + shrinkage * variance.mean()) ** -power) @ basis.T


METHODS: dict[str, Callable[[Photos], Matrix]] = {
    "centred only": lambda photos: np.eye(photos.vectors.shape[1]),
    **{f"PCA, shrinkage {s:g}": lambda photos, s=s: photos.pca(s) for s in (1, 10)},
    "PCA, quarter power, shrinkage 1": lambda photos: photos.pca(1, 0.25),
    **{f"within places, shrinkage {s:g}": lambda photos, s=s: photos.within(s) for s in (0.3, 1, 3)},
    **{f"discriminants, {d}": lambda photos, d=d: photos.discriminants(d) for d in (256, 512)},
}
SHARES = (1.0, 0.5, 0.25)
"""How much of the similarity the whitened vectors give; the bundled model gives the rest."""


def mixed(photos: Photos, matrix: Matrix, share: float) -> Whitening:
    """Return the change whose cosine is about `share` of the whitened one and else that of the model as it is.

    Both halves stand side by side; the whitened one is scaled to be as long as unit vectors on average.
    """
    mean = photos.mean
    typical = np.sqrt((((photos.vectors - mean) @ matrix) ** 2).sum(axis=1).mean())
    matrix = matrix / typical
    if share == 1:
        return Whitening(mean.astype(np.float32), matrix.astype(np.float32))
    both = np.hstack([np.sqrt(share) * matrix, np.sqrt(1 - share) * np.eye(len(matrix))])
    # The half that is not whitened is centred too: one mean for all is what a graph has.
    return Whitening(mean.astype(np.float32), both.astype(np.float32))


def constant(photos: Photos, change: Whitening) -> float:
    """Return the number that, put behind every changed unit vector, leaves cosines as spread as they were.

    Then what else a preset adds to a cosine keeps its weight. With c behind both, a cosine s becomes
    (s + c²) / (1 + c²): no order changes.
    """
    before, after = (
        float(np.std(each @ each.T)) for each in (photos.vectors, change.apply(photos.vectors.astype(np.float32)))
    )
    return max(after / before - 1, 0.0) ** 0.5


def measured(inputs: Inputs, change: Whitening | None, behind: float = 0.0) -> tuple[float, float]:
    """Return Recall@1 and mAP of a set whose vectors are changed, with a constant behind them."""
    if change is not None:
        before = inputs.gallery
        asked, searched = (
            np.pad(change.apply(np.asarray(v)), ((0, 0), (0, 1)), constant_values=behind) / np.sqrt(1 + behind**2)
            for v in (inputs.queries.vectors, before.vectors)
        )
        spec = dataclasses.replace(before.spec, dim=change.dim + 1, learned="places", learned_sha256=change.sha256)
        gallery = Gallery.in_memory(
            before.records,
            searched.astype(np.float32),
            spec=spec,
            index="exact",
            preset=before.preset,
            parts=before.parts,
            learned=change.to_arrays(),
        )
        queries = dataclasses.replace(inputs.queries, vectors=asked.astype(np.float32))
        inputs = dataclasses.replace(inputs, gallery=gallery, queries=queries)
    truth = choose_truth(inputs.gallery.records, inputs.queries.records, radius=None)
    ranking = rank_queries(inputs.gallery, inputs.queries, truth=truth, k=1)
    return recall_at(ranking.positives, 1), mean_of(average_precision(ranking.positives))


def photos_of(inputs: Inputs, name: str) -> Photos:
    """Return all photographs of a set that have a place."""
    vectors, places = [np.asarray(inputs.gallery.vectors)], [label(r) for r in inputs.gallery.records]
    if inputs.queries.own_rows is None:
        vectors.append(inputs.queries.vectors)
        places += [label(r) for r in inputs.queries.records]
    named = [i for i, place in enumerate(places) if place]
    return Photos(np.vstack(vectors).astype(np.float64)[named], [f"{name}/{places[i]}" for i in named])


def joined(parts: list[Photos]) -> Photos:
    """Return several sets as one."""
    return Photos(np.vstack([part.vectors for part in parts]), [place for part in parts for place in part.places])


def run(
    preset: str, paths: dict[str, Path], town: Path, settings: list[str] | None
) -> dict[str, dict[str, list[float]]]:
    """Measure settings (all of them by default) with one preset: setting to set to gains in Recall@1 and mAP."""
    inputs = {
        name: gather(
            read_dataset(path),
            options=BuildOptions(index="exact", preset=preset),
            progress=on_stderr(quiet=not sys.stderr.isatty()),
        )
        for name, path in (paths | {"town": town}).items()
    }
    photos = {name: photos_of(each, SAME.get(name, name)) for name, each in inputs.items()}
    found: dict[str, dict[str, list[float]]] = {}
    for name in paths:
        base = measured(inputs[name], None)
        found.setdefault("as it is", {})[name] = list(base)
        others = [photos[o] for o in paths if SAME.get(o, o) != SAME.get(name, name) and o != "landmarks, assignment"]
        for source, learned_from in {
            "town": photos["town"],
            "sets": joined(others or [photos["town"]]),
            "both": joined([photos["town"], *others]),
        }.items():
            for method, learn in METHODS.items():
                keys = {share: f"{source}: {method}, {share:g}" for share in SHARES}
                wanted = [share for share, key in keys.items() if settings is None or key in settings]
                if not wanted:
                    continue
                matrix = learn(learned_from)
                for share in wanted:
                    change = mixed(learned_from, matrix, share)
                    behind = {"": 0.0} if preset == "fast" else {"": 0.0, KEPT: constant(learned_from, change)}
                    for how, value in behind.items():
                        got = measured(inputs[name], change, value)
                        found.setdefault(keys[share] + how, {})[name] = [a - b for a, b in zip(got, base, strict=True)]
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Write Markdown, the best by its worst set first."""
    names = list(found["as it is"])
    lines = ["| learned from: method, share | " + " | ".join(names) + " | worst |", "|---" * (len(names) + 2) + "|"]
    ranked = sorted((s for s in found if s != "as it is"), key=lambda s: -worst(found[s]))
    for setting in ["as it is", *ranked]:
        sign = "" if setting == "as it is" else "+"
        cells = [" / ".join(f"{value:{sign}.3f}" for value in found[setting][name]) for name in names]
        last = "" if not sign else f"{worst(found[setting]):+.3f}"
        lines.append(f"| {setting} | " + " | ".join(cells) + f" | {last} |")
    return "\n".join(lines)


def worst(gains: dict[str, list[float]]) -> float:
    """Return the smallest gain over sets, Recall@1 and mAP."""
    return min(value for both in gains.values() for value in both)


def main() -> int:
    """Measure `fast` with all settings, the other presets with the best of them; say whether any wins everywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--town", type=Path, default=Path("out/town-200"))
    parser.add_argument("--presets", nargs="+", default=["fast", "balanced"])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"the real photographs are not here: {options.data}", file=sys.stderr)
        return 1
    if not options.town.is_dir():
        render_town(options.town, places=200, views=6, seed=11)
    paths = {name: options.data / SETS[name] for name in options.sets}
    everything: dict[str, dict[str, dict[str, list[float]]]] = {}
    best: list[str] | None = None
    for preset in options.presets:
        found = everything[preset] = run(preset, paths, options.town, best)
        print(f"\n## {preset}: Recall@1 / mAP of the bundled model, and what each setting adds\n\n{table(found)}")
        ranked = sorted((s for s in found if s != "as it is"), key=lambda s: -worst(found[s]))
        best = best or ranked[:LISTED]
        print(f"\nloses nowhere with {preset}: {', '.join(s for s in ranked if worst(found[s]) >= 0) or 'none'}")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
