"""Positions as files: tables, GeoJSON, KML, sidecars that are read again and taken away, and a page."""

import json
import resource
from pathlib import Path
from xml.etree import ElementTree

import pytest

from exif_writer import picture
from placeprint import Located, LocateResult, read_dataset
from placeprint.errors import UsageError
from placeprint.recognition.location.forms import write_positions
from placeprint.recognition.location.written_sidecars import remove_sidecars, write_sidecars


@pytest.fixture
def found(tmp_path: Path) -> LocateResult:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b & <c>.jpg", "d.jpg"):
        (folder / name).write_bytes(picture())
    return LocateResult(
        root=folder,
        photos=(
            Located(path="a.jpg", how="picture", latitude=-33.8567, longitude=151.2153, radius=40.0, why="it shows"),
            Located(
                path="b & <c>.jpg",
                how="time",
                latitude=0.00001,
                longitude=-0.5,
                radius=90.0,
                taken="2024-05-01T10:00:00",
            ),
            Located(path="d.jpg", how="none", why="too little"),
        ),
    )


def test_a_table_is_a_manifest(found: LocateResult) -> None:
    write_positions(found, found.root / "positions.csv")
    records = {r.path: r.degrees for r in read_dataset(found.root / "positions.csv").records}
    assert records == {"a.jpg": (-33.8567, 151.2153), "b & <c>.jpg": (0.00001, -0.5), "d.jpg": None}


def test_geojson_and_kml(found: LocateResult) -> None:
    write_positions(found, found.root / "p.geojson")
    features = json.loads((found.root / "p.geojson").read_text())["features"]
    assert [f["geometry"]["coordinates"] for f in features] == [[151.2153, -33.8567], [-0.5, 0.00001]]
    assert features[0]["properties"]["radius"] == 40.0
    write_positions(found, found.root / "p.kml")
    tree = ElementTree.parse(found.root / "p.kml")
    spot = "{http://www.opengis.net/kml/2.2}"
    assert [node.text for node in tree.iter(f"{spot}name")][1:] == ["a.jpg", "b & <c>.jpg"]
    ring = next(tree.iter(f"{spot}LinearRing"))[0].text.split()
    assert (len(ring), ring[0]) == (37, ring[-1])


@pytest.mark.parametrize("name", ["p.csv", "p.geojson", "p.kml"])
def test_nobody_elses_file_is_written_over(found: LocateResult, name: str) -> None:
    out = found.root / name
    write_positions(found, out)
    write_positions(found, out)
    out.write_text("path,latitude,longitude\nmine.jpg,1,2\n")
    with pytest.raises(UsageError, match="already exists and was not made by placeprint"):
        write_positions(found, out)
    with pytest.raises(UsageError, match=r"none of the forms that are written: \.csv, \.geojson, \.kml"):
        write_positions(found, found.root / "p.jpg")


def test_sidecars_are_read_again_and_taken_away(found: LocateResult) -> None:
    before = {path.name: path.read_bytes() for path in found.root.iterdir()}
    (found.root / "B & <C>.xmp").write_text("somebody's")
    written, left = write_sidecars(found)
    assert (written, [one.kind for one in left]) == (("a.jpg.xmp",), ["has-sidecar"])
    record = next(r for r in read_dataset(found.root).records if r.path == "a.jpg")
    assert record.position_source == "sidecar"
    assert (record.latitude, record.longitude) == (pytest.approx(-33.8567, abs=1e-7), pytest.approx(151.2153, abs=1e-7))
    assert record.position_error == 40.0
    assert write_sidecars(found)[0] == ()  # one that is there stays, also one of ours
    names = [photo.path for photo in found.photos]
    assert remove_sidecars(found.root, names) == ("a.jpg.xmp",)
    (found.root / "B & <C>.xmp").unlink()
    assert {path.name: path.read_bytes() for path in found.root.iterdir()} == before


def test_half_a_sidecar_is_none(found: LocateResult) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # as a disk that is full
    try:
        written, left = write_sidecars(found)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (written, {one.kind for one in left}) == ((), {"unwritable"})
    assert not list(found.root.glob("*.xmp"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b'"/>', b'"\n    xmp:Rating="5"/>'),
        (b'GPSLatitude="33,', b'GPSLatitude="34,'),  # put right by hand
        (b"placeprint, by", b"me, at"),
    ],
)
def test_a_sidecar_that_somebody_changed_stays(ours: bytes, theirs: bytes, found: LocateResult) -> None:
    write_sidecars(found)
    path = found.root / "a.jpg.xmp"
    assert ours in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(ours, theirs))
    assert remove_sidecars(found.root, ["a.jpg", "b & <c>.jpg", "../a.jpg"]) == ("b & <c>.jpg.xmp",)
    assert path.exists()


def test_pages_show_both_sides_and_load_nothing(found: LocateResult, tmp_path: Path) -> None:
    import numpy as np

    from placeprint import Contradiction, ContradictionResult, Gallery, ImageRecord, imported_spec
    from placeprint.report.positions_page import write_contradictions_page, write_positions_page

    record = ImageRecord(path="a.jpg", latitude=1.0, longitude=2.0)
    spec, vectors = imported_spec("m", 2), np.array([[1, 0]], np.float32)
    Gallery.build(tmp_path / "g", records=[record], vectors=vectors, spec=spec, index="exact", root=str(found.root))
    one = Contradiction(
        path="b & <c>.jpg",
        latitude=1.0,
        longitude=2.0,
        shown_latitude=3.0,
        shown_longitude=4.0,
        metres=5000.0,
        confidence=0.9,
        matches=("a.jpg",),
        rows=(0,),
    )
    wrong = ContradictionResult(
        root=found.root, contradictions=(one,), asked=7, false_alarm_rate=0.05, confidence=0.8, failures=()
    )
    for page in (
        write_positions_page(found, tmp_path / "g", tmp_path / "p.html"),
        write_contradictions_page(wrong, tmp_path / "g", tmp_path / "w.html"),
    ):
        text = page.read_text("utf-8")
        assert "b &amp; &lt;c&gt;.jpg" in text.replace("<wbr>", "")
        assert text.count("<image id=") in (2, 3)
        assert "http:" not in text
        assert "https:" not in text
    assert "it shows what a.jpg shows, 5.0 km from where it is said to be" in text.replace("<wbr>", "")
