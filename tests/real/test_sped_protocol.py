"""SPED in VPR-Bench's form, from the thumbnails that are here: its truth is that of their labels."""

from __future__ import annotations

import csv
from pathlib import Path

from placeprint.dataset.protocols.reading import read_protocol
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.protocol_truth import truth_of
from placeprint.records import ImageRecord, Split


def test_the_pairs_are_those_of_the_labels(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "cohog_sped_thumbs"
    for folder, there in (("ref", "gallery"), ("query", "query")):
        (tmp_path / "SPEDTEST" / folder).mkdir(parents=True)
        for image in (source / there).iterdir():
            (tmp_path / "SPEDTEST" / folder / image.name).touch()  # names alone are read
    found = read_protocol(tmp_path, "sped")
    assert found.doubts == (
        "606 gallery images and 606 queries, where the published set has 607 gallery images and 607 queries",
    )
    gallery, queries = found.manifest.gallery(), found.manifest.split(Split.QUERY)
    with (source / "labels.csv").open(newline="") as file:
        places = {row["path"]: row["place"] for row in csv.DictReader(file)}
    labelled = ByPlace.of([ImageRecord(path=r.path, places=(places[f"gallery/{Path(r.path).name}"],)) for r in gallery])
    truth = truth_of(found, gallery, queries)
    for query in queries:
        asked = ImageRecord(path=query.path, places=(places[f"query/{Path(query.path).name}"],))
        assert truth.positives(query).tolist() == labelled.positives(asked).tolist()
    assert len(queries) == 606
