"""Every layout that is understood without being told, and what lies around in real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset, scan_folder
from placeprint.errors import DatasetError
from placeprint.records import Split


def folder(root: Path, *names: str) -> Path:
    """Make files by their names; a name that ends in / is a folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return root


def rows(found: Manifest) -> list[tuple[str, str | None, str]]:
    return [(r.path, r.place, r.split.value) for r in found.records]


def test_place_then_split(tmp_path: Path) -> None:
    found = scan_folder(folder(tmp_path, "Eiffel/gallery/b.JPG", "Eiffel/query/a.jpeg", "Big Ben/gallery/ç (1).png"))
    assert rows(found) == [
        ("Big Ben/gallery/ç (1).png", "Big Ben", "gallery"),
        ("Eiffel/gallery/b.JPG", "Eiffel", "gallery"),
        ("Eiffel/query/a.jpeg", "Eiffel", "query"),
    ]
    assert found.source == "folders <place>/gallery/*, <place>/query/*"
    assert found.failures == ()
    assert found.empty_places == ()


@pytest.mark.parametrize(
    ("gallery", "query"),
    [("gallery", "query"), ("database", "queries"), ("train", "test"), ("Database", "Queries"), ("reference", "probe")],
)
def test_split_then_place(tmp_path: Path, gallery: str, query: str) -> None:
    found = scan_folder(folder(tmp_path, f"{gallery}/A/1.jpg", f"{gallery}/B/1.jpg", f"{query}/A/2.webp"))
    assert rows(found) == sorted(
        [
            (f"{gallery}/A/1.jpg", "A", "gallery"),
            (f"{gallery}/B/1.jpg", "B", "gallery"),
            (f"{query}/A/2.webp", "A", "query"),
        ]
    )


def test_splits_without_places(tmp_path: Path) -> None:
    found = scan_folder(folder(tmp_path, "gallery/1.jpg", "query/2.jpg"))
    assert rows(found) == [("gallery/1.jpg", None, "gallery"), ("query/2.jpg", None, "query")]


def test_places_only(tmp_path: Path) -> None:
    found = scan_folder(folder(tmp_path, "A/1.jpg", "A/2.avif", "B/deep/3.heic", "loose.gif"))
    assert rows(found) == [
        ("A/1.jpg", "A", "none"),
        ("A/2.avif", "A", "none"),
        ("B/deep/3.heic", "B", "none"),
        ("loose.gif", None, "none"),
    ]
    assert found.source == "folders <place>/*"


def test_file_names_that_carry_the_position(tmp_path: Path) -> None:
    name = "@0584317.02@4477464.91@17@T@040.44297@-080.00455@pano@@120@@@@201503@@.jpg"
    root = folder(tmp_path, f"database/{name}", "queries/@500.5@-20@.jpg", "queries/@x@1@@.jpg", "queries/@nan@1@@.jpg")
    found = scan_folder(root)
    near, far = found.records
    assert (near.easting, near.northing, near.latitude, near.longitude) == (584317.02, 4477464.91, 40.44297, -80.00455)
    assert (near.split, near.places) == (Split.GALLERY, ())
    assert (far.easting, far.northing, far.latitude, far.longitude) == (500.5, -20.0, None, None)
    assert [(f.path, f.kind) for f in found.failures] == [
        ("queries/@nan@1@@.jpg", "bad-row"),
        ("queries/@x@1@@.jpg", "bad-row"),
    ]
    assert "two numbers, east and north" in found.failures[0].reason


def test_a_position_that_is_not_on_earth_is_a_row(tmp_path: Path) -> None:
    found = scan_folder(folder(tmp_path, "A/@1@2@17@T@95.0@10.0@.jpg", "A/ok.jpg"))
    assert [f.kind for f in found.failures] == ["bad-row"]
    assert "latitude 95.0" in found.failures[0].reason
    assert rows(found) == [("A/ok.jpg", "A", "none")]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("images/A/1.jpg", "images/B/2.jpg"), [("A", "none"), ("B", "none")]),
        (("data/set/A/1.jpg", "data/set/B/2.jpg"), [("A", "none"), ("B", "none")]),
        (("images/A/gallery/1.jpg", "images/B/query/2.jpg"), [("A", "gallery"), ("B", "query")]),
        (("images/gallery/A/1.jpg", "images/query/A/2.jpg"), [("A", "gallery"), ("A", "query")]),
        (("images/A/1.jpg", "images/B/2.jpg", "papers/"), [("A", "none"), ("B", "none")]),
        (("Eiffel/gallery/1.jpg", "Eiffel/query/2.jpg"), [("Eiffel", "gallery"), ("Eiffel", "query")]),
        (("Eiffel/1.jpg", "Eiffel/2.jpg"), [("Eiffel", "none"), ("Eiffel", "none")]),
        (("gallery/A/1.jpg", "gallery/B/2.jpg"), [("A", "gallery"), ("B", "gallery")]),
        (("query/A/1.jpg",), [("A", "query")]),
    ],
)
def test_a_folder_around_the_dataset_is_no_place(
    tmp_path: Path, names: tuple[str, ...], wanted: list[tuple[str, str]]
) -> None:
    found = scan_folder(folder(tmp_path, *names))
    assert [(place, split) for _, place, split in rows(found)] == wanted
    assert [path for path, _, _ in rows(found)] == [n for n in names if n.endswith(".jpg")]


def test_empty_places_are_named(tmp_path: Path) -> None:
    assert scan_folder(folder(tmp_path / "a", "A/1.jpg", "Empty/", "Also/notes.txt")).empty_places == ("Also", "Empty")
    split_first = folder(tmp_path / "b", "gallery/A/1.jpg", "query/A/2.jpg", "query/B/")
    assert scan_folder(split_first).empty_places == ("B",)
    place_first = folder(tmp_path / "c", "A/gallery/1.jpg", "B/gallery/", "B/query/")
    assert scan_folder(place_first).empty_places == ("B",)


def test_an_image_in_neither_split_is_a_row(tmp_path: Path) -> None:
    found = scan_folder(folder(tmp_path, "A/gallery/1.jpg", "A/query/2.jpg", "B/gallery/1.jpg", "B/spare/3.jpg"))
    assert [(f.path, f.kind) for f in found.failures] == [("B/spare/3.jpg", "unknown-split")]
    assert len(found.records) == 3


def test_other_files_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    names = (
        "A/1.jpg",
        "A/2.jpg",
        "A/.hidden.jpg",
        "A/Thumbs.db",
        "A/x.txt",
        ".git/a.jpg",
        "__MACOSX/A/1.jpg",
        "@eaDir/a.jpg",
    )
    assert [path for path, _, _ in rows(scan_folder(folder(tmp_path, *names)))] == ["A/1.jpg", "A/2.jpg"]


def test_links_and_odd_names_are_listed_not_followed(tmp_path: Path) -> None:
    outside = folder(tmp_path / "out", "secret.jpg")
    root = folder(tmp_path / "data", "A/1.jpg", "A/x.jpg/", "B/line\nbreak.jpg")
    (root / "A" / "link.jpg").symlink_to(outside / "secret.jpg")
    (root / "A" / "away").symlink_to(outside)
    (root / "B" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    paths = {r.path for r in scan_folder(root).records}
    assert paths == {"A/1.jpg", "A/link.jpg", "A/x.jpg", "B/line\nbreak.jpg", os.fsdecode(b"B/caf\xe9.jpg")}


def test_read_dataset_prefers_a_manifest(tmp_path: Path) -> None:
    root = folder(tmp_path, "A/1.jpg")
    (root / "labels.csv").write_text("path,place\nA/1.jpg,Tower\n")
    assert rows(read_dataset(root)) == [("A/1.jpg", "Tower", "none")]
    (root / "manifest.csv").write_text("path,place\nA/1.jpg,Palace\n")
    assert rows(read_dataset(str(root))) == [("A/1.jpg", "Palace", "none")]
    assert rows(read_dataset(root / "labels.csv")) == [("A/1.jpg", "Tower", "none")]


def test_read_dataset_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no dataset at"):
        read_dataset(tmp_path / "none")
    with pytest.raises(DatasetError, match="no photograph was found"):
        read_dataset(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DatasetError, match="is not a manifest"):
        read_dataset(tmp_path / "a.txt")
    (tmp_path / "a.JPG").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"a\.JPG\" is one photo: give a folder, or a table"):
        read_dataset(tmp_path / "a.JPG")
