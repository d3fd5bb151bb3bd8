"""The published table over thresholds, from the published vectors."""

from pathlib import Path

import pytest

from placeprint.embedding.imported import imported_spec, read_embeddings
from placeprint.gallery.gallery import Gallery
from placeprint.report.compare import compare

PUBLISHED = {0.5: (0.8529, 0.7409, 0), 0.65: (0.8529, 0.7409, 0), 0.75: (0.8235, 0.7342, 2), 0.8: (0.7353, 0.7150, 8)}


def test_published_thresholds(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "landmarks" / "reference"
    done = read_embeddings(folder / "resnet50_gallery.npy", folder / "resnet50_gallery.csv")
    spec = imported_spec("resnet50", 2048)
    Gallery.build(tmp_path / "g", records=done.records, vectors=done.vectors, spec=spec)
    rows = compare(
        None,
        [f"threshold={t}" for t in PUBLISHED],
        gallery=tmp_path / "g",
        embeddings=folder / "resnet50_query.npy",
        records=folder / "resnet50_query.csv",
    )
    for row, (threshold, (recall, mean_precision, removed)) in zip(rows, PUBLISHED.items(), strict=True):
        assert row.sweep is not None
        assert row.sweep.threshold == threshold
        assert row.sweep.open_set_recall_at_1 == pytest.approx(recall, abs=5e-5)
        assert row.sweep.map_found_at_20 == pytest.approx(mean_precision, abs=5e-5)
        assert row.sweep.unknown_rate == pytest.approx(removed / 34)
        assert row.sweep.wrong_removed + row.sweep.right_removed == removed
