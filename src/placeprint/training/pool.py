"""Datasets to one pool of labelled images, whose places are divided into those that train, choose and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from placeprint.arrays import Numbers, Rows, Vectors
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.pipeline import embed_records
from placeprint.errors import DatasetError
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.storage.ragged import Ragged
from placeprint.terminal import counted
from placeprint.training.images import manifest_of

FEWEST_PLACES = 2
"""Places with two images that each of training, validation and test must have."""
DRAWS, NEAR = 1000, 0.02
"""How often places are drawn, until the shares of images are as near as this to those that were asked for."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The images that take part; the places of several datasets are kept apart."""

    roots: tuple[Path, ...]  # Folder of each dataset.
    records: tuple[ImageRecord, ...]
    labels: Numbers  # (n,): Number of the place.
    names: tuple[str, ...]  # Of the places.
    datasets: Numbers  # (n_places,): Which dataset each place is of.
    vectors: Vectors  # (n, dim): Unit embeddings by the base.
    left_out: int  # Images without a place, with several places, or equal to another that was taken already.
    unusable: tuple[FailedImage, ...]
    # What the base's preset keeps of each image besides its vector.
    parts: Mapping[str, Ragged] = field(default_factory=dict)

    def root(self, row: int) -> Path:
        """Return the folder that an image's path is relative to."""
        return self.roots[int(self.datasets[self.labels[row]])]


@dataclass(frozen=True, slots=True)
class Division:
    """Rows of the pool that train, choose the epoch and test; no place is in two of them."""

    training: Rows
    validation: Rows
    test: Rows


def gather_pool(
    datasets: Sequence[Path | str | Manifest], embedder: AnyEmbedder, *, cache: bool, progress: Progress | None
) -> Pool:
    """Embed the images of all datasets by the ordinary pipeline, and number their places.

    Raises `DatasetError` when a dataset cannot be read.
    """
    roots, records, labels, owners = list[Path](), list[ImageRecord](), list[int](), list[int]()
    vectors, unusable = list[Vectors](), list[FailedImage]()
    parts: dict[str, Ragged] = {}
    places: dict[tuple[int, str], int] = {}
    left_out = 0
    seen: set[str] = set()
    with opened_cache(cache) as store:
        for number, dataset in enumerate(datasets):
            manifest = manifest_of(dataset, stage="train")
            roots.append(manifest.root)
            labelled = [record for record in manifest.records if len(record.places) == 1]
            left_out += len(manifest.records) - len(labelled)
            done = embed_records(labelled, manifest.root, embedder=embedder, cache=store, progress=progress)
            unusable += [*manifest.failures, *done.failures]
            taken = list[int]()
            for row, (record, vector) in enumerate(zip(done.records, done.vectors, strict=True)):
                if record.content_hash in seen:  # else the same image could train and test
                    left_out += 1
                    continue
                seen.add(record.content_hash)
                labels.append(places.setdefault((number, record.places[0]), len(places)))
                owners += [number] * (len(places) - len(owners))
                records.append(record)
                vectors.append(vector)
                taken.append(row)
            for name, kept in done.parts.items():
                mine = kept.kept(taken)
                parts[name] = parts[name].joined(mine) if name in parts else mine
    return Pool(
        tuple(roots),
        tuple(records),
        np.array(labels, np.int64),
        tuple(place if len(datasets) == 1 else f"{number + 1}:{place}" for number, place in places),
        np.array(owners, np.int64),
        np.stack(vectors) if vectors else np.empty((0, embedder.spec.dim), np.float32),
        left_out,
        tuple(unusable),
        parts,
    )


def divide(pool: Pool, *, validation: float, test: float, seed: int) -> Division:
    """Hold out places, the same share of every dataset and about that share of its images; the seed chooses which.

    A place that cannot be asked about, having one image or nothing to find, is only trained with. Of many draws the
    first is taken whose shares of images are near those of the places, else the one that is nearest: where one place
    has most images, it trains.

    Raises `DatasetError` when there are too few places.
    """
    rng = np.random.default_rng([seed, 1])
    sizes = np.bincount(pool.labels, minlength=len(pool.names))
    able = np.array([_can_be_asked(pool, place) for place in range(len(pool.names))], np.bool_)
    kind = np.zeros(len(pool.names), np.int64)
    for dataset in range(int(pool.datasets.max(initial=-1)) + 1):
        places = np.flatnonzero(able & (pool.datasets == dataset))
        kind[places] = _drawn(sizes[places], (validation, test), rng)
    for number, name in enumerate(("training", "validation", "test")):
        count = int((able & (kind == number)).sum())
        if count < FEWEST_PLACES:
            able_places = counted(int(able.sum()), "place has", "places have")
            raise DatasetError(
                f"{able_places} two photos or more, of which {count} would be for {name}: each of training, validation "
                f"and test needs {FEWEST_PLACES}. Photograph more places, or give more datasets"
            )
    of = kind[pool.labels]
    return Division(*(np.flatnonzero(of == number) for number in range(3)))


def _drawn(sizes: Numbers, shares: tuple[float, float], rng: np.random.Generator) -> Numbers:
    """Return for places of these sizes 0 (training), 1 (validation) or 2 (test)."""
    counts = [round(share * len(sizes)) for share in shares]
    kinds = np.zeros(len(sizes), np.int64)
    kinds[: counts[1]], kinds[counts[1] : sum(counts)] = 2, 1
    best, nearest = kinds, np.inf
    for _ in range(DRAWS):
        drawn = np.empty_like(kinds)
        drawn[rng.permutation(len(sizes))] = kinds
        held = np.bincount(drawn, weights=sizes, minlength=3)[1:]
        off = float(np.abs(held / max(sizes.sum(), 1) - shares).max())
        if off < nearest:
            best, nearest = drawn, off
        if nearest <= NEAR:
            break
    return best


def _can_be_asked(pool: Pool, place: int) -> bool:
    rows = np.flatnonzero(pool.labels == place)
    return bool(len(asking(pool, rows)) and len(rows) > 1 and len(answering(pool, rows)))


def asking(pool: Pool, rows: Iterable[int]) -> Rows:
    """Return those of the rows that are queries; those of a dataset without splits all are."""
    return np.array([row for row in rows if pool.records[row].split is not Split.GALLERY], np.int64)


def answering(pool: Pool, rows: Iterable[int]) -> Rows:
    """Return those of the rows that are searched."""
    return np.array([row for row in rows if pool.records[row].split is not Split.QUERY], np.int64)
