"""No place of a gallery is called UNKNOWN: as an answer it could not be told from not knowing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint import Gallery, ImageRecord, ModelSpec, Split
from placeprint.dataset.checks.check import check
from placeprint.dataset.scan import read_dataset
from placeprint.errors import DatasetError, UsageError
from placeprint.indexing.index import index
from placeprint.records import is_unknown

SPEC = ModelSpec(name="made", dim=2)


def told(name: str) -> str:
    return (
        f'the place "{name}" could not be told from the answer UNKNOWN: give it another name, or none; photos of '
        "places that the gallery lacks belong to the query split"
    )


@given(st.lists(st.booleans(), min_size=7, max_size=7))
def test_in_any_case_and_nothing_else(upper: list[bool]) -> None:
    name = "".join(c.upper() if up else c for c, up in zip("unknown", upper, strict=True))
    assert is_unknown(name)
    assert not is_unknown(f"{name} Soldier")
    assert not is_unknown(name[1:])


@pytest.mark.parametrize("name", ["UNKNOWN", "unknown", "Unknown"])
def test_a_folder_is_refused_photo_by_photo_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    for path in (f"gallery/{name}/1.jpg", "gallery/Galata/2.jpg", f"query/{name}/3.jpg"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"x")
    found = read_dataset(tmp_path)
    assert [(f.path, f.kind, f.reason) for f in found.failures] == [
        (f"gallery/{name}/1.jpg", "reserved-place", told(name))
    ]
    assert [(r.path, r.places) for r in found.records] == [
        ("gallery/Galata/2.jpg", ("Galata",)),
        (f"query/{name}/3.jpg", (name,)),
    ]
    assert ("reserved-place", (f"gallery/{name}/1.jpg",)) in [(f.check, f.paths) for f in check(found).findings]


def test_a_row_of_a_table_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "path,place,split\na.jpg,Galata,gallery\nb.jpg,Unknown,gallery\nc.jpg,UNKNOWN,query\nd.jpg,A|unknown,\n"
    )
    found = read_dataset(table)
    assert [r.path for r in found.records] == ["a.jpg", "c.jpg"]
    assert [(f.path, f.kind, f.reason) for f in found.failures] == [
        ("b.jpg", "reserved-place", f"row 3: {told('Unknown')}"),
        ("d.jpg", "reserved-place", f"row 5: {told('unknown')}"),
    ]


def test_a_dataset_of_nothing_else_says_why_it_has_no_images(tmp_path: Path) -> None:
    (tmp_path / "ds" / "unknown").mkdir(parents=True)
    (tmp_path / "ds" / "unknown" / "1.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"has no gallery images.*unknown/1\.jpg.*give it another name"):
        index(tmp_path / "ds", tmp_path / "g", preset="fast")


def test_a_gallery_takes_no_such_place(tmp_path: Path) -> None:
    bad = [ImageRecord(path="a.jpg", places=("Galata", "unknown"), split=Split.GALLERY)]
    vectors = np.eye(2, dtype=np.float32)
    with pytest.raises(UsageError, match='a place of a gallery cannot be called "unknown"'):
        Gallery.build(tmp_path / "g", records=bad, vectors=vectors[:1], spec=SPEC)
    made = Gallery.build(tmp_path / "g", records=[ImageRecord(path="b.jpg")], vectors=vectors[:1], spec=SPEC)
    with pytest.raises(UsageError, match='a place of a gallery cannot be called "unknown"'):
        made.add(bad, vectors[1:], spec=SPEC)
    assert len(Gallery.open(tmp_path / "g")) == 1
