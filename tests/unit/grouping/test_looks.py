"""Copies and bursts are one look."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.grouping.evidence import Candidates
from placeprint.grouping.looks import in_burst, looks_of
from placeprint.records import ImageRecord

NOON = "2024-05-01T12:00:00"


def photo(path: str, **facts: object) -> ImageRecord:
    return ImageRecord(path=path, **{"content_hash": path, "width": 10, "height": 10, **facts})  # type: ignore[arg-type]


def vectors(*cosines: float) -> np.ndarray:
    """The first photo, and others of these similarities to it, each in a direction of its own."""
    sides = np.eye(len(cosines) + 1)[1:]
    others = [
        c * np.eye(len(cosines) + 1)[0] + (1 - c * c) ** 0.5 * side for c, side in zip(cosines, sides, strict=True)
    ]
    return np.array([np.eye(len(cosines) + 1)[0], *others], np.float32)


def candidates(count: int) -> Candidates:
    first, second = np.triu_indices(count, 1)
    return Candidates(first, second, np.zeros(len(first)))


@pytest.mark.parametrize(
    ("taken", "camera", "burst"),
    [
        ("2024-05-01T12:00:09", "A", True),
        ("2024-05-01T14:00:09+02:00", "A", True),
        ("2024-05-01T12:00:11", "A", False),
        ("2024-05-01T12:00:09", "B", False),
        (None, "A", False),
        ("nonsense", "A", False),
    ],
)
def test_a_burst_is_of_one_camera_within_seconds(taken: str | None, camera: str, burst: bool) -> None:
    one, other = photo("1.jpg", taken=NOON, camera="A"), photo("2.jpg", taken=taken, camera=camera)
    assert in_burst(one, other) is in_burst(other, one) is burst
    alike = looks_of([one, other], vectors(0.92), candidates(2))
    assert alike == ([[0, 1]] if burst else [[0], [1]])
    assert looks_of([one, other], vectors(0.8), candidates(2)) == [[0], [1]], "another view is another look"


def test_copies_are_one_look_and_the_largest_stands_for_it() -> None:
    records = [photo("1.jpg"), photo("2.jpg", width=20), photo("3.jpg", content_hash="1.jpg"), photo("4.jpg")]
    assert looks_of(records, vectors(0.99, 0.1, 0.97), candidates(4)) == [[1, 0, 2], [3]]
    assert looks_of(records, vectors(0.99, 0.1, 0.97), candidates(4), parted={(1, 0)}) == [[0], [1], [2], [3]]


def test_what_check_calls_a_duplicate_is_one_look(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 255, (8, 9, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    other = np.kron(rng.integers(0, 255, (8, 9, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    for name, drawn in (("1.png", pixels), ("2.png", pixels[::2, ::2]), ("3.png", other)):
        Image.fromarray(drawn).save(tmp_path / name)
    records = [photo(name) for name in ("1.png", "2.png", "3.png", "gone.png")]
    made = vectors(0.95, 0.95, 0.95)
    assert looks_of(records, made, candidates(4), root=tmp_path) == [[0, 1], [2], [3]]
    assert looks_of(records, made, candidates(4)) == [[0], [1], [2], [3]]
