"""Jumps between photos of one camera, and other findings about positions."""

from pathlib import Path

from exif_writer import exif_block, gps_of, save
from placeprint import ImageRecord, check
from placeprint.dataset.checks.jumps import jump_findings


def at(minute: int, latitude: float, **others: object) -> ImageRecord:
    values = {"camera": "A", "taken": f"2024-05-01T10:{minute:02}:00"} | others
    return ImageRecord(path=f"{minute}.jpg", latitude=latitude, longitude=11.0, **values)  # type: ignore[arg-type]


def found(*records: ImageRecord) -> list[tuple[str, ...]]:
    return [one.paths for one in jump_findings(records)]


def test_one_photo_that_is_far_off_is_one_finding() -> None:
    assert found(at(0, 48.0), at(10, 48.1), at(20, 58.0), at(30, 48.2), at(40, 48.3)) == [("20.jpg", "10.jpg")]


def test_a_flight_is_none_and_a_jump_goes_on_from_there() -> None:
    assert found(at(0, 48.0), at(59, 57.0)) == []  # 1,000 km in 59 minutes
    assert found(at(0, 48.0), at(10, 58.0), at(20, 58.1), at(30, 58.2)) == [("10.jpg", "0.jpg")]


def test_other_cameras_other_clocks_and_tracks_are_left_alone() -> None:
    assert found(at(0, 48.0), at(10, 58.0, camera="B")) == []
    assert found(at(0, 48.0), at(10, 58.0, taken="2024-05-01T10:10:00Z")) == []
    assert found(at(0, 48.0), at(10, 58.0, position_source="track")) == []
    assert found(at(0, 48.0), at(10, 58.0, camera=None)) == []
    assert found(at(0, 48.0), at(10, 48.01, taken="2024-05-01T10:00:00")) == []  # one second, and 1.1 km


def test_check_names_positions(tmp_path: Path) -> None:
    camera, time = {0x010F: (2, "A")}, "2024:05:01 10:{:02}:00"
    for minute, latitude in enumerate((48.0, 48.001, 58.0, 0.0, 91.0)):
        gps = gps_of(latitude, 11.0 if latitude else 0.0)
        save(tmp_path / f"{minute}.jpg", exif_block(camera, {0x9003: (2, time.format(minute))}, gps), seed=minute)
    names = {(f.check, f.paths[0]) for f in check(tmp_path).findings if f.check.startswith("position-")}
    assert names == {
        ("position-jump", "2.jpg"),
        ("position-zero", "3.jpg"),
        ("position-impossible", "4.jpg"),
    }
