"""Where a photograph was taken: zones of UTM, file names, tables, and what is no position."""

from pathlib import Path

import numpy as np
import pytest

from placeprint.dataset.checks.check import check
from placeprint.dataset.manifest import read_manifest
from placeprint.dataset.positions import degrees_of, position_in_name
from placeprint.errors import UsageError
from placeprint.evaluation.ground_truth import ByDistance, choose_truth
from placeprint.gallery.columns import Columns
from placeprint.records import ImageRecord


@pytest.mark.parametrize(
    ("point", "degrees"),
    [
        # Of PROJ 9.5.1, EPSG:326zz and EPSG:327zz to EPSG:4326.
        ((500_000.0, 0.0, 31, False), (0.0, 3.0)),
        ((448_250.0, 5_411_950.0, 31, False), (48.858356, 2.294473)),
        ((334_873.0, 6_252_266.0, 56, True), (-33.857001, 151.214998)),
        ((166_021.443, 0.0, 31, False), (0.0, 0.0)),
        ((500_000.0, 10_000_000.0, 1, True), (0.0, -177.0)),
    ],
)
def test_degrees_of_utm(point: tuple[float, float, int, bool], degrees: tuple[float, float]) -> None:
    easting, northing, zone, south = point
    assert degrees_of(easting, northing, zone, south=south) == pytest.approx(degrees, abs=2e-6)


def test_what_is_not_on_earth_has_no_degrees() -> None:
    assert degrees_of(0.0, 1e9, 31, south=False) is None


@pytest.mark.parametrize("zone", [1, 31, 60])
def test_a_point_on_the_border_is_the_same_in_both_zones(zone: int) -> None:
    one = degrees_of(720_072.3, 5_415_121.3, zone, south=False)
    other = degrees_of(1_000_000 - 720_072.3, 5_415_121.3, zone % 60 + 1, south=False)
    assert one is not None
    assert other is not None
    assert abs(one[0] - other[0]) < 1e-9
    assert abs((one[1] - other[1] + 180) % 360 - 180) < 1e-4


@pytest.mark.parametrize(
    ("name", "zone", "latitude"),
    [
        ("@448250@5411950@31@U@48.8584@2.2945@x@.jpg", "31N", 48.8584),
        ("@448250@5411950@31@U@@@x@.jpg", "31N", 48.858356),
        ("@448250@5411950@31@U@.jpg", "31N", 48.858356),
        ("@334873@6252266@56@H@@@x@.jpg", "56S", -33.857001),
        ("@334873@6252266@56@S@@@x@.jpg", "56S", -33.857001),  # no northing of the band S
        ("@500000@3900000@31@S@@@x@.jpg", "31N", 35.2431),  # the band from 32 to 40 degrees north
        ("@500000@-100000@31@M@@@x@.jpg", "31N", -0.9047),  # south, without the false northing
        ("@448250@5411950@31@@@@x@.jpg", "31", None),  # nothing tells the hemisphere
        ("@448250@5411950@@@@@x@.jpg", None, None),
        ("@448250@5411950@1234@x.jpg", None, None),  # another form: the field is no zone
    ],
)
def test_the_zone_of_a_name(name: str, zone: str | None, latitude: float | None) -> None:
    found = position_in_name(name)
    assert found.get("zone") == zone
    assert found.get("latitude") == (None if latitude is None else pytest.approx(latitude, abs=1e-3))


@pytest.mark.parametrize("name", ["@448250@5411950@61@U@@@x@.jpg", "@448250@5411950@31@I@@@x@.jpg"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="UTM zone"):
        position_in_name(name)


def test_the_zone_of_a_table(tmp_path: Path) -> None:
    text = "path,utm_east,utm_north,utm_zone,utm_letter\n"
    text += "a.jpg,448250,5411950,31.0,U\nb.jpg,448250,5411950,31U,\nc.jpg,,,31,U\nd.jpg,448250,5411950,99,U\n"
    (tmp_path / "m.csv").write_text(text)
    found = read_manifest(tmp_path / "m.csv")
    assert [(r.path, r.zone, r.degrees and round(r.degrees[0], 4)) for r in found.records] == [
        ("a.jpg", "31N", 48.8584),
        ("b.jpg", "31N", 48.8584),
        ("c.jpg", None, None),
    ]
    assert [f.reason for f in found.failures] == ['row 5: the UTM zone "99" is not 1..60']
    (tmp_path / "h.csv").write_text("path,easting,northing,zone,hemisphere\ns.jpg,300000,4100000,19,S\n")
    [south] = read_manifest(tmp_path / "h.csv").records
    assert (south.zone, round(south.degrees[0])) == ("19S", -53)  # type: ignore[index]


def named(name: str) -> ImageRecord:
    return ImageRecord(path=name, **position_in_name(name))


def test_two_zones_are_never_one_plane() -> None:
    far = [named(f"@448250@5411950@{zone}@U@@@x@.jpg") for zone in (31, 35)]
    mixed = [*far, named("@448250@5411950@31@@@@x@.jpg"), named("@448250@5411950@@@@@x@.jpg")]
    south = named("@448250@5411950@31@H@@@x@.jpg")
    truth = choose_truth([*mixed, south], far)
    assert [truth.positives(one).tolist() for one in (*mixed, south)] == [[0], [1], [2], [3], [4]]
    assert truth.judges(mixed[3])


def test_neighbours_over_the_border_of_a_zone_are_near() -> None:
    west, east = named("@720070.15@5415121.32@31@U@@@x@.jpg"), named("@279929.85@5415121.32@32@U@@@x@.jpg")
    only_degrees = ImageRecord(path="d", latitude=48.85, longitude=6.0)
    truth = choose_truth([west, only_degrees], [east])
    assert truth.positives(east).tolist() == [0, 1]
    assert ByDistance.of([west], [east], radius=4.0).positives(east).tolist() == []


def test_where_a_set_has_one_zone_a_plane_without_a_name_is_that() -> None:
    zoned, bare = named("@448250@5411950@31@U@@@x@.jpg"), ImageRecord(path="b", easting=448_251.0, northing=5_411_950.0)
    assert choose_truth([zoned], [bare]).positives(bare).tolist() == [0]


@pytest.mark.parametrize("at", [(0.0, 0.0), (-0.0, 0.0), (2e-5, -3e-5)])
def test_latitude_and_longitude_zero_are_no_position(at: tuple[float, float]) -> None:
    record = ImageRecord(path="a", latitude=at[0], longitude=at[1], easting=166_021.44, northing=0.0, zone="31N")
    assert (record.at_zero, record.degrees, record.metres) == (True, None, None)
    assert np.isnan(Columns.of([record], [0]).positions).all()
    assert named("@166021.443@0@31@N@@@x@.jpg").at_zero
    for real in ((0.0, 1.0), (51.5, 0.0)):
        assert ImageRecord(path="a", latitude=real[0], longitude=real[1]).degrees == real


def test_easting_and_northing_zero_of_a_zone_are_no_position() -> None:
    for name in ("@0@0@31@U@@@x@.jpg", "@0.00@-0.00@31@@@@x@.jpg"):
        assert (named(name).at_zero, named(name).degrees, named(name).metres) == (True, None, None)
    known = named("@0@0@31@U@48.85@2.29@x@.jpg")
    assert (known.at_zero, known.degrees, known.metres) == (False, (48.85, 2.29), None)
    local = ImageRecord(path="a", easting=0.0, northing=0.0)
    assert (local.at_zero, local.metres) == (False, (0.0, 0.0))
    assert named("@0@5411950@31@U@@@x@.jpg").metres == (0.0, 5_411_950.0)


def test_the_check_finds_zeros_and_refuses_half_a_position(tmp_path: Path) -> None:
    from PIL import Image

    for name in "abc":
        Image.new("RGB", (64, 64), (ord(name), 9, 9)).save(tmp_path / f"{name}.png")
    (tmp_path / "m.csv").write_text("path,lat,lon\na.png,0,0.0\nb.png,48.85,2.29\n")
    found = {(f.check, f.paths) for f in check(tmp_path / "m.csv").findings if f.check == "position-zero"}
    assert found == {("position-zero", ("a.png",))}
    (tmp_path / "z.csv").write_text("path,utm_east,utm_north,zone\na.png,0,0,31\nb.png,448250,5411950,31\n")
    [zero] = [f for f in check(tmp_path / "z.csv").findings if f.check == "position-zero"]
    assert (zero.paths, zero.message) == (("a.png",), "easting 0, northing 0 is in no zone: that counts as no position")
    (tmp_path / "e.csv").write_text("path,utm_east\na.png,448250\n")
    [failure] = read_manifest(tmp_path / "e.csv").failures
    assert (failure.path, failure.reason) == ("a.png", "row 2: easting and northing must be given together")


@pytest.mark.parametrize("zone", ["0N", "61N", "31U", "N"])
def test_a_record_refuses_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(UsageError, match="UTM zone"):
        ImageRecord(path="a", easting=1.0, northing=1.0, zone=zone)
