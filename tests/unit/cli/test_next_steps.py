"""What is printed as the next command can be pasted: with the names that were given, quoted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import placeprint
from groupings import group_of, grouping_of
from placeprint.cli.group import _again
from placeprint.cli.remembered import _show
from placeprint.grouping.result import Grouping


def grouping(root: Path, photos: tuple[str, ...]) -> Grouping:
    return grouping_of(root, (group_of("place 1", *photos),), len(photos))


@pytest.mark.parametrize(("gallery", "told"), [(None, "GALLERY"), ("my places.gallery", "my places.gallery")])
def test_the_first_new_place_is_added_to_the_gallery_that_was_named(
    gallery: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = placeprint.remembered(tmp_path / "new photos", make=True)
    _show(kept, gallery, grouping(tmp_path, ("it's here.jpg", "b.jpg")), {})
    add, look = (line.split(": ", 1)[1] for line in capsys.readouterr().out.splitlines() if line.startswith("to "))
    own = ["placeprint", "remembered", str(tmp_path / "new photos")]
    assert shlex.split(add) == [*own, told, "--accept", "it's here.jpg", "--name", "NAME"]
    assert shlex.split(look) == [*own, "--report", "unknown.html"]


@pytest.mark.parametrize(
    ("photos", "out", "told"),
    [
        (["my photos"], None, "placeprint group 'my photos' -o places.csv"),
        (["flat"], "flat/a.csv", "placeprint group flat -o flat/a.csv"),
        (["a.jpg", "b.jpg"], "p.csv", "placeprint group PHOTOS -o p.csv"),
    ],
)
def test_photos_are_grouped_again_as_they_were(photos: list[str], out: str | None, told: str) -> None:
    assert _again([Path(one) for one in photos], Path(out) if out else None) == told
