"""New places may be ones that a gallery has: it is asked about several photos of each together."""

from pathlib import Path

import pytest

from groupings import group_of, grouping_of
from placeprint.grouping.gallery_places import gallery_places, in_gallery
from placeprint.records import Answer, Grade


def test_a_gallery_is_asked_about_the_most_typical_photos_of_the_largest_groups(tmp_path: Path) -> None:
    groups = group_of("a1", "a1", "a2", "a3", "a4"), *(group_of(f"{n}", f"{n}", f"{n}+") for n in range(30))
    found = grouping_of(tmp_path, groups, 64)
    asked = []

    def ask(photo: Path) -> Answer:
        asked.append(photo.relative_to(tmp_path).as_posix())
        mill = photo.name in ("a2", "a3")
        grade, probability = (Grade.LIKELY, 0.8) if mill else (Grade.UNKNOWN, 0.1)
        return Answer(
            place=None,
            probability=probability,
            score=probability,
            margin=0.1,
            matches=(),
            best_guess="Old Mill",
            why="",
            grade=grade,
        )

    told = gallery_places(found, ask)
    assert asked[:4] == ["a1", "a2", "a3", "0"]
    assert [*told] == ["a1", *map(str, range(19))]
    assert in_gallery(told["a1"]) == {
        "place": "Old Mill",
        "grade": "likely",
        "probability": pytest.approx(0.889, abs=1e-3),
    }
    assert in_gallery(told["0"])["grade"] == "UNKNOWN"
    assert gallery_places(None, ask) == {}
