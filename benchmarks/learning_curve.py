"""What more gallery photos bring: the published finding, 37 to 67 photos, Recall@1 65.5 to 85.3 %, in kind.

    python benchmarks/learning_curve.py

The published system asked 29 queries of its first gallery of two places and 34 of its second one of six: most of
the gain is that places were missing, whose queries nothing could answer. Photographs and reference vectors:
../shared/data/landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from placeprint import Gallery, ImageRecord, imported_spec, read_dataset, read_embeddings
from placeprint.evaluation.diagnosis.coverage import GalleryCoverage, gallery_coverage
from placeprint.evaluation.diagnosis.impostors import find_impostors
from placeprint.evaluation.diagnosis.learning_curve import CurvePoint
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.options import BuildOptions
from placeprint.recognition.queries import Queries

LANDMARKS = Path(__file__).parents[2] / "shared" / "data" / "landmarks"
LISTED = LANDMARKS / "manifest.csv"


def by_default_model() -> Inputs:
    """Embed all 67 + 34 photographs."""
    return gather(LANDMARKS / "landmarks", options=BuildOptions(index="exact", preset="fast"))


def by_reference_vectors() -> Inputs:
    """Read the published ResNet50 embeddings."""
    folder = LANDMARKS / "reference"
    gallery, queries = (
        read_embeddings(folder / f"resnet50_{side}.npy", folder / f"resnet50_{side}.csv")
        for side in ("gallery", "query")
    )
    made = Gallery.in_memory(gallery.records, gallery.vectors, spec=imported_spec("resnet50", gallery.vectors.shape[1]))
    return Inputs(made, Queries(queries.records, queries.vectors))


def listed(records: Sequence[ImageRecord]) -> np.ndarray:
    """Return the rows of the records that the assignment's list names."""
    names = {Path(r.path).name for r in read_dataset(LISTED).records}
    return np.array([i for i, r in enumerate(records) if Path(r.path).name in names], np.int64)


def only(gallery: Gallery, rows: Sequence[int] | np.ndarray) -> Gallery:
    """Return a gallery of some of the rows."""
    return Gallery.in_memory([gallery.records[i] for i in rows], np.asarray(gallery.vectors)[rows], spec=gallery.spec)


def answered(gallery: Gallery, queries: Queries) -> tuple[int, int, int]:
    """Return how many queries get the right place first, how many can, and how many there are."""
    found = find_impostors(gallery.vectors, queries, truth=ByPlace.of(gallery.records))
    return int((found.better > 0).sum()), int((found.photos > 0).sum()), len(queries)


def tell(what: str, counts: tuple[int, int, int]) -> None:
    """Print one line of the table."""
    right, known, total = counts
    of_known = f"of the {known} that can be right: {right / known:.3f}"
    print(f"  {what:<58}{right:>3} of {total} = {right / total:.3f}   {of_known}")


def point(p: CurvePoint) -> str:
    """Return one point of a curve with its interval."""
    return f"{p.photos} photos {p.recall:.3f} ({p.low:.2f} to {p.high:.2f})"


def lacks(name: str, found: GalleryCoverage) -> None:
    """Print what a gallery lacks."""
    print(f"\n  {name}: the whole gallery by sub-sampling, asked with {found.measured_by}")
    for p in found.curve:
        print(f"    {point(p)}")
    print(f"  {found.says}")
    for row in found.places:
        near = f"; closest: {row.neighbour} ({row.neighbour_similarity:.2f})" if row.neighbour else ""
        print(f"    {row.says} [{row.measured_by or 'not measured'}]{near}")


def main() -> None:
    """Print the tables, by the default model and by the published vectors."""
    for title, inputs in (
        ("default model", by_default_model()),
        ("published ResNet50 vectors", by_reference_vectors()),
    ):
        rows, asked = listed(inputs.gallery.records), listed(inputs.queries.records)
        small = only(inputs.gallery, rows)
        some = inputs.queries.only(asked)
        print(f"\n{title}: Recall@1 over all queries")
        first, last = len(small), len(inputs.gallery)
        tell(
            f"{len(some)} listed queries, {first} listed gallery photos of 2 places",
            answered(small, some),
        )
        tell(f"all queries, {first} listed gallery photos of 2 places", answered(small, inputs.queries))
        tell(f"all queries, {last} gallery photos of 6 places", answered(inputs.gallery, inputs.queries))
        half = np.concatenate([np.flatnonzero(codes)[::2] for codes in _members(inputs.gallery)])
        tell(
            f"all queries, {len(half)} gallery photos of 6 places",
            answered(only(inputs.gallery, half), inputs.queries),
        )
        lacks(f"{first} photos", gallery_coverage(small, inputs.queries))
        lacks(f"{last} photos", gallery_coverage(inputs.gallery, inputs.queries))


def _members(gallery: Gallery) -> list[np.ndarray]:
    return [np.array([place in r.places for r in gallery.records]) for place in gallery.places]


if __name__ == "__main__":
    main()
