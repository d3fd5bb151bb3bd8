"""Learn the codes in which parts of images are kept, from rendered images alone.

    python tools/learn_part_codes.py            # writes src/placeprint/gallery/part_codes.npz
    python tools/learn_part_codes.py --check    # only says how far decoded parts are from those of another town

Cells are cut into groups of two or four neighbouring channels; points, and squares of cells, are rotated to their
principal components first, which are dealt to the groups so that their products of variances are alike (Ge et al.
2013, section 3.2). Then k-means, in each group alone. What the file has is never written again: give new centres a new
letter.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.decoding.images import decode
from placeprint.embedding.embedder import load_embedder
from placeprint.errors import ImageError
from placeprint.gallery.part_codes import FILE, KINDS, POSITIONS, code_named
from placeprint.storage.arrays import read_archive
from placeprint.storage.cell_blocks import squares
from placeprint.storage.product_code import CENTRES
from town import render_town

PLACES, VIEWS, SEED = 120, 3, 7
"""Codes of 19, 28 and 56 bytes were learned from 40 places; squares, which are few, need more."""
MOST = 60_000
"""Rows that are learned from."""
GROUPS = {"cells-28-a": 28, "cells-56-a": 56, "xfeat-19-a": 16, "cells-8-a": 127}
SIDE, KEPT = {"cells-8-a": 4}, {"cells-8-a": 6}
"""Cells along the side of a square; principal components that are kept in each group."""
STEPS = 20

Table = NDArray[np.float32]


def parts_of(seed: int, places: int) -> dict[str, list[NDArray[Any]]]:
    """Return the cells and points of one town's images."""
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
                found[kind].append(part)
    return found


def numbers_of(name: str, part: NDArray[Any]) -> Table:
    """Return the signed numbers of one image's rows, or of its squares from several cells on, without positions."""
    kind, side = name.partition("-")[0], SIDE.get(name, 1)
    cut = np.ascontiguousarray(part[:, :, : part.shape[2] - 2 * POSITIONS[kind]]).view(np.int8)
    rows = [squares(cut[down:, across:], side) for down, across in product(range(0, side, 2), repeat=2)]
    return np.concatenate([each.reshape(-1, each.shape[2]) for each in rows]).astype(np.float32)


def rotation_of(values: Table, groups: int, size: int) -> Table:
    """Return the largest principal components, dealt to groups of so many and of alike products of variances."""
    variances, axes = np.linalg.eigh(np.cov(values.T))
    largest = np.argsort(-variances)[: groups * size]
    dealt: list[list[int]] = [[] for _ in range(groups)]
    weights = np.zeros(groups)
    for axis in largest.tolist():
        lightest = min((g for g in range(groups) if len(dealt[g]) < size), key=lambda g: float(weights[g]))
        dealt[lightest].append(axis)
        weights[lightest] += np.log(variances[axis] / variances[largest[-1]] + 1)
    return axes[:, [axis for group in dealt for axis in group]].astype(np.float32)


def learn(name: str, values: Table) -> dict[str, NDArray[Any]]:
    """Return the arrays of a code."""
    made: dict[str, NDArray[Any]] = {}
    groups, plain = GROUPS[name], name.startswith("cells") and name not in SIDE
    if not plain:
        made["rotation"] = rotation_of(values, groups, KEPT.get(name, values.shape[1] // groups))
        values = values @ made["rotation"]
    if name in SIDE:
        longest = np.abs(made["rotation"]).max(axis=0)
        made["rotation"] = np.rint(made["rotation"] * (127 / longest)).astype(np.int8)
        made["side"] = np.array([SIDE[name]])
    width = values.shape[1] // groups
    centres = np.empty((groups, CENTRES, width), np.float32)
    for number in range(groups):
        means = faiss.Kmeans(width, CENTRES, niter=STEPS, seed=number, max_points_per_centroid=10_000)
        means.train(np.ascontiguousarray(values[:, number * width : (number + 1) * width]))
        centres[number] = means.centroids
    whole = np.rint(centres).clip(-127, 127).astype(np.int8)
    return made | {"centres": whole if plain else centres.astype(np.float16)}


def told(name: str, parts: list[NDArray[Any]]) -> str:
    """Return how alike decoded rows are to what they were, and how long an image's take to decode."""
    kind = name.partition("-")[0]
    code = code_named(kind, name)
    kept, begun = [code.encoded(part) for part in parts], time.process_time()
    read = [code.decoded(each) for each in kept]
    milliseconds = 1000 * (time.process_time() - begun) / len(parts)
    before, after = (np.concatenate([numbers_of(kind, part) for part in each]) for each in (parts, read))
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    alike = (before * after).sum(axis=1) / np.maximum(lengths, 1e-9)
    size = f"{sum(each.nbytes for each in kept) / len(kept) / 1000:.1f} KB an image, read in {milliseconds:.1f} ms"
    return f"{name}: {size}, mean cosine {alike.mean():.4f} on another town"


def main() -> int:
    """Learn, write, and say how well it does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    arrays = dict(read_archive(FILE.read_bytes()))
    if not options.check and (new := [name for name in GROUPS if f"{name}.centres" not in arrays]):
        rng, parts = np.random.default_rng(0), parts_of(SEED, PLACES)
        weights = load_embedder(preset="balanced").spec.weights_sha256
        for name in new:
            values = np.concatenate([numbers_of(name, part) for part in parts[name.partition("-")[0]]])
            values = values[rng.permutation(len(values))[:MOST]]
            arrays |= {f"{name}.{what}": array for what, array in learn(name, values).items()}
            if name.startswith("cells"):
                arrays[f"{name}.weights"] = np.frombuffer(weights.encode("ascii"), np.uint8)
        np.savez_compressed(FILE, **arrays)  # type: ignore[arg-type]
        print(f"{FILE.name}: {FILE.stat().st_size} bytes")
    other = parts_of(SEED + 1, 4)
    for name in GROUPS:
        print(told(name, other[name.partition("-")[0]]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
