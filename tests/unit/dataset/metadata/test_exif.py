"""EXIF as cameras and programs write it, and as nobody should."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exif_writer import Entry, exif_block, gps_of, jpeg_with, picture, save
from placeprint import read_dataset
from placeprint.dataset.decoding.tiff_entries import reader_of
from placeprint.dataset.metadata.described import file_facts
from placeprint.dataset.metadata.exif import exif_facts
from placeprint.dataset.metadata.facts import IMPOSSIBLE, ODD, Facts, heading_of

WAYS = ("seconds", "fractions", "minutes", "degrees")


def facts_of(gps: dict[int, Entry], **others: dict[int, Entry]) -> Facts:
    return exif_facts(reader_of(exif_block(gps=gps, **others)))[0]


def test_sixty_photos_are_read_to_a_millionth_of_a_degree(tmp_path: Path) -> None:
    chance, truth = np.random.default_rng(3), {}
    for number in range(60):
        latitude, longitude = float(chance.uniform(-90, 90)), float(chance.uniform(-180, 180))
        altitude = float(chance.uniform(-430, 430))
        gps = gps_of(latitude, longitude, way=WAYS[number % 4], altitude=altitude)
        if number % 3 == 0:  # the way of Pillow
            from PIL import Image

            with Image.open(save(tmp_path / "made" / "own.jpg", exif_block(gps=gps))) as image:
                image.save(tmp_path / f"{number:02}.jpg", exif=image.getexif())
            (tmp_path / "made" / "own.jpg").unlink()
        else:
            save(tmp_path / f"{number:02}.jpg", exif_block(gps=gps, order="><"[number % 2]))
        truth[f"{number:02}.jpg"] = (latitude, longitude, altitude)
    found = read_dataset(tmp_path)
    assert len(found.records) == 60
    assert found.position_faults == ()
    assert any(lat < 0 and lon < 0 and high < 0 for lat, lon, high in truth.values())
    for record in found.records:
        assert record.position_source == "exif"
        assert record.latitude == pytest.approx(truth[record.path][0], abs=1e-6, rel=0)
        assert record.longitude == pytest.approx(truth[record.path][1], abs=1e-6, rel=0)
        assert record.altitude == pytest.approx(truth[record.path][2], abs=0.01, rel=0)


def test_the_camera_and_the_time_are_read() -> None:
    facts = facts_of(
        {**gps_of(1, 2), 17: (5, [(3561, 10)]), 31: (5, [(9, 2)])},
        first={0x010F: (2, "Acme"), 0x0110: (2, "Z 1")},
        exif={
            0x9003: (2, "2024:05:01 12:00:09"),
            0x9011: (2, "+02:00"),
            0x9291: (2, "25"),
            0x920A: (5, [(42, 10)]),
            0xA431: (2, "77"),
        },
    )
    assert (facts.camera, facts.focal_length) == ("Acme Z 1 77", 4.2)
    assert (facts.heading, facts.position_error) == (356.1, 4.5)
    assert facts.taken == "2024-05-01T12:00:09.250000+02:00"


def test_a_photo_that_tells_only_the_receivers_time_was_taken_then() -> None:
    gps = {7: (5, [(7, 1), (8, 1), (95, 10)]), 29: (2, "2024:05:01")}
    assert facts_of(gps).taken == "2024-05-01T07:08:09Z"


@pytest.mark.parametrize(
    ("latitude", "expected"),
    [
        ((5, [(48, 1), (75, 1), (0, 1)]), 49.25),  # minutes above 60
        ((5, [(48, 1), (30, 1), (0, 0)]), 48.5),  # seconds that nobody measured
        ((5, [(48, 1), (0, 0), (0, 0)]), 48.0),
        ((10, [(-48, 1), (30, 1), (0, 1)]), -48.5),
        ((5, [(2**32 - 48, 1), (30, 1), (0, 1)]), -48.5),  # a negative number in an unsigned field
        ((12, [48.5]), 48.5),
        ((2, "48,5"), 48.5),
        ((2, "48 30 0 S"), -48.5),
        ((5, [(481372, 10000)]), 48.1372),
        ((3, [48, 30, 0]), 48.5),
    ],
)
def test_odd_forms_are_understood(latitude: Entry, expected: float) -> None:
    gps = {**gps_of(0, 11), 2: latitude}
    del gps[1]
    assert facts_of(gps).latitude == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changed", "expected", "kind"),
    [
        ({1: (2, "s")}, -48.5, ""),
        ({1: (2, "South")}, -48.5, ""),
        ({1: (1, [78])}, 48.5, ODD),  # the letter as a number
        ({1: (2, "")}, 48.5, ODD),
        ({1: (2, "E")}, 48.5, ODD),
        ({2: (10, [(-48, 1), (30, 1), (0, 1)])}, -48.5, ODD),  # a sign against the letter
        ({1: (2, "S"), 2: (10, [(-48, 1), (30, 1), (0, 1)])}, -48.5, ""),  # a sign and the letter
        ({2: (5, [(48, 1), (75, 1), (0, 1)])}, 49.25, ODD),
        ({2: (5, [(48, 0), (30, 1), (0, 1)])}, None, IMPOSSIBLE),
        ({2: (5, [(0, 0), (0, 0), (0, 0)])}, None, IMPOSSIBLE),
        ({2: (5, [(91, 1), (0, 1), (0, 1)])}, None, IMPOSSIBLE),
        ({2: (2, "north of here")}, None, IMPOSSIBLE),
        ({2: (12, [float("nan")])}, None, IMPOSSIBLE),
        ({2: (7, b"\1\2\3\4\5")}, None, IMPOSSIBLE),
        ({4: (5, [(181, 1), (0, 1), (0, 1)])}, None, IMPOSSIBLE),
    ],
)
def test_what_is_odd_is_named(changed: dict[int, Entry], expected: float | None, kind: str) -> None:
    facts = facts_of({**gps_of(48.5, 11), **changed})
    assert facts.latitude == (None if expected is None else pytest.approx(expected))
    assert (facts.longitude is None) == (expected is None)
    assert ({found for found, _ in facts.faults} or {""}) >= {kind}
    assert kind or not facts.faults


def test_half_a_position_is_none() -> None:
    gps = gps_of(48.5, 11)
    del gps[4]
    facts = facts_of(gps)
    assert (facts.latitude, facts.longitude) == (None, None)
    assert [kind for kind, _ in facts.faults] == [IMPOSSIBLE]


@pytest.mark.parametrize(
    ("reference", "value", "expected"),
    [
        ((1, [1]), (5, [(4, 1)]), -4.0),
        ((2, "1"), (5, [(4, 1)]), -4.0),
        ((7, b"\1"), (5, [(4, 1)]), -4.0),
        ((1, [3]), (5, [(4, 1)]), -4.0),
        ((1, [0]), (10, [(-4, 1)]), -4.0),
        ((1, [1]), (10, [(-4, 1)]), -4.0),
        ((1, [2]), (5, [(4, 1)]), 4.0),
        ((1, [0]), (5, [(4, 0)]), None),
        ((1, [0]), (5, [(2**32 - 1, 1)]), -1.0),
    ],
)
def test_altitudes_below_the_sea(reference: Entry, value: Entry, expected: float | None) -> None:
    assert facts_of({5: reference, 6: value}).altitude == expected


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_other_formats_have_positions_too(kind: str, tmp_path: Path) -> None:
    from PIL import Image

    block = exif_block(gps=gps_of(-33.8567, 151.2153))
    with Image.open(save(tmp_path / "one.jpg", block)) as image:
        image.load()
        path = tmp_path / f"one.{kind.lower()}"
        image.save(path, kind, exif=image.getexif())
    facts = file_facts(path)
    assert (facts.latitude, facts.longitude) == (pytest.approx(-33.8567), pytest.approx(151.2153))


@given(st.data())
def test_no_bytes_end_a_run(data: st.DataObject) -> None:
    block = bytearray(exif_block(gps=gps_of(48.5, 11), exif={0x9003: (2, "2024:05:01 12:00:09")}))
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    facts = exif_facts(reader_of(bytes(block[: data.draw(st.integers(0, len(block)))])))[0]
    assert facts.latitude is None or abs(facts.latitude) <= 90
    assert facts.longitude is None or abs(facts.longitude) <= 180


@pytest.mark.parametrize(
    ("kind", "value"),
    [(3, [300]), (4, [2**32 - 1, 5]), (9, [-1]), (5, [(1, 0)] * 3), (11, [float("inf")]), (12, [float("nan")])],
)
def test_a_packet_of_other_numbers_than_bytes_is_none(kind: int, value: list[float]) -> None:
    assert exif_facts(reader_of(exif_block({0x02BC: (kind, value), 0x010F: (2, "mill")}))) == (
        Facts(camera="mill"),
        b"",
    )


def test_a_heading_is_below_360() -> None:
    assert [heading_of(value) for value in (-1e-20, 360.0, -90.0, 361.0)] == [0, 0, 270, None]


def test_a_block_that_points_at_itself_is_read_once(tmp_path: Path) -> None:
    """5,400 entries that are all at one place: only those that are wanted are read."""
    entries = b"\x87\x69\0\4\0\0\0\1\0\0\0\x08" * 5000
    block = b"MM\0*\0\0\0\x08" + (5000).to_bytes(2) + entries
    assert exif_facts(reader_of(block))[0] == Facts()
    assert file_facts(save(tmp_path / "one.jpg", block)) == Facts()


def test_a_file_that_is_no_image_says_nothing(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"\xff\xd8", picture()[:30], jpeg_with(b"MM\0*")[:50], b"RIFF\0\0\0\0WEBP")):
        (tmp_path / f"{number}.jpg").write_bytes(data)
        assert file_facts(tmp_path / f"{number}.jpg") == Facts()
