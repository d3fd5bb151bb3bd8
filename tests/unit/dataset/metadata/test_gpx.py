"""Tracks, times, and clocks that are off."""

from pathlib import Path

import pytest

from exif_writer import exif_block, save
from placeprint import read_dataset, read_track
from placeprint.dataset.metadata import gpx
from placeprint.dataset.metadata.times import iso_time, parse_offset
from placeprint.errors import DatasetError, UsageError

POINT = '<trkpt lat="{}" lon="{}"><ele>{}</ele><time>{}</time></trkpt>'
TRACK = [
    (48.0, 11.0, 500, "2024-05-01T10:00:00Z"),
    (48.1, 11.2, 520, "2024-05-01T10:01:00Z"),
    (48.1, 11.2, 520, "2024-05-01T11:00:00Z"),
    (48.1, 179.9, 520, "2024-05-01T12:00:00+00:00"),
    (48.1, -179.9, 520, "2024-05-01T12:02:00Z"),
]


def track_file(path: Path, points: list[tuple[object, ...]], head: str = "") -> Path:
    said = "".join(POINT.format(*point) for point in points)
    path.write_text(f'{head}<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{said}</trkseg></trk></gpx>')
    return path


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ("2024-05-01T10:00:30Z", (48.05, 11.1, 510)),
        ("2024-05-01T12:00:30+02:00", (48.05, 11.1, 510)),
        ("2024-05-01T10:00:30", (48.05, 11.1, 510)),  # taken for UTC
        ("2024-05-01T09:59:10Z", (48.0, 11.0, 500)),
        ("2024-05-01T09:58:30Z", None),
        ("2024-05-01T10:30:00Z", None),  # nobody knows the way between
        ("2024-05-01T12:01:30Z", (48.1, -179.95, 520)),
        ("yesterday", None),
    ],
)
def test_a_track_tells_where_one_was(taken: str, expected: tuple[float, ...] | None, tmp_path: Path) -> None:
    found = read_track(track_file(tmp_path / "t.gpx", TRACK[::-1])).at(taken)
    assert found == (None if expected is None else pytest.approx(expected))


def test_photos_get_the_position_of_the_track(tmp_path: Path) -> None:
    for name, second, zone in (("a", 0, ""), ("b", 30, "+02:00"), ("c", 30, "")):
        hour = 13 if zone else 11
        exif = {0x9003: (2, f"2024:05:01 {hour}:00:{second:02}")}
        save(tmp_path / f"{name}.jpg", exif_block(exif=exif | ({0x9011: (2, zone)} if zone else {})))
    track = read_track(track_file(tmp_path / "t.gpx", TRACK), offset=3600)
    found = read_dataset(tmp_path, track=track).records
    assert [(r.latitude, r.longitude, r.altitude, r.position_source) for r in found] == [
        (48.0, 11.0, 500, "track"),
        (pytest.approx(48.05), pytest.approx(11.1), 510, "track"),
        (pytest.approx(48.05), pytest.approx(11.1), 510, "track"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no XML", "not well-formed"),
        ("<gpx/>", "no point with a time"),
        ('<gpx><trkpt lat="1" lon="2"/></gpx>', "no point with a time"),
        ('<gpx><trkpt lat="91" lon="2"><time>2024-05-01T10:00:00Z</time></trkpt></gpx>', "no point with a time"),
        ('<!DOCTYPE gpx [<!ENTITY a "b">]><gpx/>', "document type"),
    ],
)
def test_what_is_no_track_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.gpx").write_text(text)
    with pytest.raises(DatasetError, match=said) as caught:
        read_track(tmp_path / "t.gpx")
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_track(tmp_path / "missing.gpx")


@pytest.mark.parametrize("altitude", ["inf", "-inf", "1e400", "nan", "1e300", "high"])
def test_an_altitude_that_nobody_was_at_is_none(altitude: str, tmp_path: Path) -> None:
    points = [(48.0, 11.0, altitude, "2024-05-01T10:00:00Z"), (48.0, 11.0, altitude, "2024-05-01T10:02:00Z")]
    assert read_track(track_file(tmp_path / "t.gpx", points)).at("2024-05-01T10:01:00") == (48, 11, None)


def test_decimal_commas_in_a_track(tmp_path: Path) -> None:
    points = [("48,5", "11,25", "5", "2024-05-01T10:00:00.5Z")]
    assert read_track(track_file(tmp_path / "t.gpx", points)).at("2024-05-01T10:00:00Z") == (48.5, 11.25, 5.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("+02:00", 7200), ("-1:30:15", -5415), ("90", 90), ("-37s", -37), ("2h", 7200), ("1.5m", 90)]
)
def test_clock_offsets(text: str, seconds: float) -> None:
    assert parse_offset(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:2", "25 hours", "1e9", "nan", "99999h"])
def test_what_is_no_clock_offset_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--clock-offset takes how far the clock is ahead"):
        parse_offset(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:05:01 12:00:09", "2024-05-01T12:00:09"),
        ("2024-05-01T12:00:09Z", "2024-05-01T12:00:09Z"),
        ("2024-05-01T12:00", "2024-05-01T12:00:00"),
        ("2024/05/01 12:00:09.5+0200", "2024-05-01T12:00:09.500000+02:00"),
        ("0000:00:00 00:00:00", None),
        ("2024:13:01 12:00:09", None),
        ("    :  :     :  :  ", None),
    ],
)
def test_times(text: str, expected: str | None) -> None:
    assert iso_time(text) == expected


def test_a_track_that_takes_too_long_to_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = '<trkpt lat="48.1" lon="11.5"><time>2024-05-01T10:00:00Z</time></trkpt>'
    (tmp_path / "walk.gpx").write_text(f"<gpx>{point * 20_000}</gpx>")
    assert len(read_track(tmp_path / "walk.gpx").seconds) == 20_000
    monkeypatch.setattr(gpx, "LARGEST", 1 << 20)
    with pytest.raises(
        DatasetError, match=r'the track ".*walk.gpx" cannot be read: it has more than 1 MB: give the part'
    ):
        read_track(tmp_path / "walk.gpx")
