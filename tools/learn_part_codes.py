"""Learn the codes in which parts of images are kept, from rendered images alone.

    python tools/learn_part_codes.py            # writes src/placeprint/gallery/part_codes.npz
    python tools/learn_part_codes.py --check    # only says how far decoded parts are from those of another town

Cells are cut into groups of two or four neighbouring channels; points are rotated to their principal components first,
which are dealt to the groups so that their products of variances are alike (Ge et al. 2013, section 3.2). Then k-means,
in each group alone. A name that is released is never written again: give new centres a new letter.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.decoding.images import decode
from placeprint.embedding.embedder import load_embedder
from placeprint.errors import ImageError
from placeprint.gallery.part_codes import FILE, KINDS, POSITIONS, code_named
from placeprint.storage.product_code import CENTRES
from town import render_town

PLACES, VIEWS, SEED = 40, 3, 7
MOST = 60_000
"""Rows that are learned from."""
GROUPS = {"cells-28-a": 28, "cells-56-a": 56, "xfeat-19-a": 16}
STEPS = 20

Table = NDArray[np.float32]


def rows_of(seed: int, places: int) -> dict[str, NDArray[Any]]:
    """Return the cells and points of one town's images, row after row."""
    found: dict[str, list[NDArray[Any]]] = {kind: [] for kind in KINDS}
    embedder = load_embedder(preset="balanced")
    with tempfile.TemporaryDirectory() as folder:
        render_town(Path(folder) / "town", places=places, views=VIEWS, seed=seed)
        for path in sorted((Path(folder) / "town/gallery").glob("*/*.jpg")):
            try:
                parts = embedder.look(decode(path.read_bytes())).parts
            except ImageError:  # towns have some that cannot be read
                continue
            for kind, part in parts.items():
                found[kind].append(part.reshape(-1, part.shape[2]))
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def numbers_of(kind: str, rows: NDArray[Any]) -> Table:
    """Return the signed numbers of rows, without positions."""
    cut = rows[:, : rows.shape[1] - 2 * POSITIONS[kind]]
    return np.ascontiguousarray(cut).view(np.int8).astype(np.float32)


def rotation_of(values: Table, groups: int) -> Table:
    """Return the principal components, dealt to groups of alike products of variances."""
    variances, axes = np.linalg.eigh(np.cov(values.T))
    dealt: list[list[int]] = [[] for _ in range(groups)]
    size, weights = values.shape[1] // groups, np.zeros(groups)
    for axis in np.argsort(-variances).tolist():
        lightest = min((g for g in range(groups) if len(dealt[g]) < size), key=lambda g: float(weights[g]))
        dealt[lightest].append(axis)
        weights[lightest] += np.log(variances[axis] / variances[0] + 1)
    return axes[:, [axis for group in dealt for axis in group]].astype(np.float32)


def learn(kind: str, values: Table, groups: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of a code."""
    made: dict[str, NDArray[Any]] = {}
    if kind == "xfeat":
        made["rotation"] = rotation_of(values, groups)
        values = values @ made["rotation"]
    width = values.shape[1] // groups
    centres = np.empty((groups, CENTRES, width), np.float32)
    for number in range(groups):
        means = faiss.Kmeans(width, CENTRES, niter=STEPS, seed=number, max_points_per_centroid=10_000)
        means.train(np.ascontiguousarray(values[:, number * width : (number + 1) * width]))
        centres[number] = means.centroids
    whole = np.rint(centres).clip(-127, 127).astype(np.int8)
    return made | {"centres": whole if kind == "cells" else centres.astype(np.float16)}


def told(kind: str, name: str, rows: NDArray[Any]) -> str:
    """Return how alike decoded rows are to what they were."""
    code = code_named(kind, name)
    before, after = numbers_of(kind, rows), numbers_of(kind, code.decoded(code.encoded(rows)))
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    alike = (before * after).sum(axis=1) / np.maximum(lengths, 1e-9)
    return f"{name}: {code.bytes} of {code.depth} bytes, mean cosine {alike.mean():.4f} on another town"


def main() -> int:
    """Learn, write, and say how well it does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    if not options.check:
        rng, rows = np.random.default_rng(0), rows_of(SEED, PLACES)
        arrays: dict[str, NDArray[Any]] = {}
        for name, groups in GROUPS.items():
            kind = name.partition("-")[0]
            values = numbers_of(kind, rows[kind])
            values = values[rng.permutation(len(values))[:MOST]]
            arrays |= {f"{name}.{what}": array for what, array in learn(kind, values, groups).items()}
        weights = load_embedder(preset="balanced").spec.weights_sha256
        sealed = np.frombuffer(weights.encode("ascii"), np.uint8)
        arrays |= {f"{name}.weights": sealed for name in GROUPS if name.startswith("cells")}
        np.savez_compressed(FILE, **arrays)  # type: ignore[arg-type]
        print(f"{FILE.name}: {FILE.stat().st_size} bytes")
    other = rows_of(SEED + 1, 4)
    for name in GROUPS:
        print(told(name.partition("-")[0], name, other[name.partition("-")[0]]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
