"""Learn which way is up from photographs that are turned four ways, for the cells of the bundled model.

    python tools/learn_upright.py DATASET ...           # writes efficientnet-lite0.upright.npz beside the ONNX file
    python tools/learn_upright.py DATASET ... --check   # only measures: each set by a head learned from the others

The file in the package was learned from poznan_bovw, smvs_landmarks, vprbench_corridor, cohog_sped_thumbs
and a town (python -m town TOWN --places 40 --views 3); landmarks took no part. Of each set 160 images are used.
Mirrored images are taken for granted: a mirrored grid with the two sides exchanged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from placeprint.cores import available_cores
from placeprint.dataset.query_image import prepare_image
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.models import WEIGHTS
from placeprint.embedding.upright import FILE, GRID, TURNS, features
from placeprint.errors import ImageError

MOST = 160
STRENGTH = 0.05
"""Pull towards zero. Chosen on poznan_bovw and smvs_landmarks, each left out in turn."""
MIRRORED = (0, 3, 2, 1)
"""A turn to the left is one to the right in the mirror."""

Table = tuple[NDArray[np.float64], NDArray[np.int64]]


def seen(embedder: Embedder, path: Path) -> Iterator[NDArray[np.float64]]:
    """Yield what the head reads of an image turned by each of `TURNS`; nothing where it cannot be read."""
    try:
        image = prepare_image(path, min_side=embedder.decode_side)
    except ImageError:
        return
    for turn in TURNS:
        yield features(embedder.describe(image.rotate(turn, expand=True)).parts["cells"])


def table_of(embedder: Embedder, dataset: Path) -> Table:
    """Return features and turns of a dataset's images, each also mirrored."""
    manifest = read_dataset(dataset)
    chosen = manifest.records[:: -(-len(manifest.records) // MOST)]
    with ThreadPoolExecutor(available_cores()) as pool:
        found = pool.map(lambda record: list(seen(embedder, manifest.root / record.path)), chosen)
        rows = np.array(list(chain.from_iterable(found)))
    turns = np.tile(np.arange(len(TURNS)), len(rows) // len(TURNS))
    flipped = rows.reshape(len(rows), GRID, GRID, -1)[:, :, ::-1].reshape(rows.shape)
    return np.concatenate([rows, flipped]), np.concatenate([turns, np.array(MIRRORED)[turns]])


def learned(tables: Sequence[Table]) -> NDArray[np.float64]:
    """Fit a softmax; every set counts by the root of its size."""
    rows = np.concatenate([t[0] for t in tables])
    turns = np.concatenate([t[1] for t in tables])
    weights = np.concatenate([np.full(len(t[1]), (200 / len(t[1])) ** 0.5) for t in tables])
    target = np.eye(len(TURNS))[turns]
    shape = (rows.shape[1] + 1, len(TURNS))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix = flat.reshape(shape)
        logits = rows @ matrix[:-1] + matrix[-1]
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        off = (np.exp(logs) - target) * weights[:, None]
        slope = np.vstack([rows.T @ off + STRENGTH * matrix[:-1], off.sum(axis=0)])
        return float(STRENGTH / 2 * (matrix[:-1] ** 2).sum() - weights @ (logs * target).sum(axis=1)), slope.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(found.x.reshape(shape))


def told(matrix: NDArray[np.float64], table: Table) -> str:
    """Describe how often a head is right about a set."""
    rows, turns = (part[: len(part) // 2] for part in table)
    logits = rows @ matrix[:-1] + matrix[-1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    sure = odds[:, 0] / odds.sum(axis=1)
    ways = logits[:, 1:].argmax(axis=1) + 1
    upright = turns == 0
    return (
        f"{(logits.argmax(axis=1) == turns).mean():.3f} right; {(sure[upright] < 0.5).mean():.3f} of upright ones "
        f"doubted, {(sure[~upright] >= 0.5).mean():.3f} of turned ones not; the way of turned ones "
        f"{(ways == turns)[~upright].mean():.3f}"
    )


def main() -> None:
    """Write the file, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    embedder = load_embedder(preset="balanced")
    tables = {dataset: table_of(embedder, dataset) for dataset in options.datasets}
    if options.check:
        for left, table in tables.items():
            others = [other for dataset, other in tables.items() if dataset != left]
            print(f"{left}: {told(learned(others), table)}", flush=True)
        return
    matrix = learned(list(tables.values())).astype(np.float16)
    with (WEIGHTS / FILE).open("wb") as file:
        np.savez(file, sha256=np.array(embedder.spec.weights_sha256), matrix=matrix)
    print(f"{WEIGHTS / FILE}: {(WEIGHTS / FILE).stat().st_size} bytes")


if __name__ == "__main__":
    main()
