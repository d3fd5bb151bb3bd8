"""Unknown photos are kept once, within a limit, and never where something else lies."""

from pathlib import Path

import pytest

from placeprint.dataset.manifest import read_manifest
from placeprint.errors import UsageError
from placeprint.grouping.corrections import Corrections
from placeprint.grouping.remembered import remembered
from placeprint.grouping.result import NO_PLACE, Constraint, Link


def test_a_photo_is_kept_once_under_a_safe_name(tmp_path: Path) -> None:
    kept = remembered(tmp_path / "kept", make=True)
    names = [kept.keep(b"one", name) for name in ("../../Mill é.JPG", "again.png")]
    assert names[0] == names[1] != kept.keep(b"two", "\udc80/..")
    assert kept.photos == tuple(sorted({names[0], kept.keep(b"two", "x")}))
    assert names[0] is not None
    assert names[0].startswith("Mill-é-")
    assert names[0].endswith(".jpg")
    assert (tmp_path / "kept" / "photos" / names[0]).read_bytes() == b"one"
    assert {path.name for path in tmp_path.iterdir()} == {"kept"}


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\U00020000"])
def test_no_name_is_too_long(tmp_path: Path, letter: str) -> None:
    kept = remembered(tmp_path, make=True)
    name = kept.keep(b"one", f"{letter * 250}.jpg")
    assert kept.photos == (name,)
    assert name is not None
    assert name.startswith(letter * 30)
    assert "\ufffd" not in name


def test_photos_that_all_show_no_place_are_told_and_not_refused(tmp_path: Path) -> None:
    kept = remembered(tmp_path, make=True)
    names = sorted(filter(None, (kept.keep(bytes([number]), "lunch.jpg") for number in range(2))))
    kept.correct(Corrections((), dict.fromkeys(names, "")))
    found = kept.groups()
    assert found is not None
    assert (found.groups, [(one.path, one.why) for one in found.alone]) == ((), [(name, NO_PLACE) for name in names])


def test_the_limit_counts_what_was_not_accepted(tmp_path: Path) -> None:
    kept = remembered(tmp_path, limit=2, make=True)
    names = [kept.keep(bytes([number]), f"{number}.jpg") for number in range(3)]
    assert (names[2], kept.keep(b"\0", "0.jpg")) == (None, names[0])
    assert names[0] is not None
    table = kept.accept([names[0]], " Old, Mill ")
    assert [(one.path, one.place) for one in read_manifest(table).records] == [(f"photos/{names[0]}", "Old, Mill")]
    assert kept.keep(bytes([2]), "2.jpg") is not None
    left = kept.photos
    assert kept.forget([*left, names[0], "../../x.jpg"]) == left
    assert (kept.photos, dict(kept.accepted)) == ((), {names[0]: "Old, Mill"})
    assert (tmp_path / "photos" / names[0]).is_file(), "what a gallery has is not deleted"


def test_bytes_are_bounded_as_photos_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.grouping.remembered.PHOTO_BYTES", 100)
    kept = remembered(tmp_path, limit=3, make=True)
    names = [kept.keep(bytes([number]) * 160, f"{number}.jpg") for number in range(3)]
    assert names[2] is None, "three photos may have 300 bytes"
    assert names[0] is not None
    kept.accept([names[0]], "Mill")
    assert kept.keep(b"2" * 160, "2.jpg") is not None, "what a gallery has is not counted"


def test_photos_of_somebody_else_are_never_deleted(tmp_path: Path) -> None:
    kept = remembered(tmp_path / "kept", make=True)
    name = kept.keep(b"one", "1.jpg")
    (tmp_path / "kept" / "photos" / "holiday.jpg").write_bytes(b"theirs")
    assert kept.photos == (name,)
    for take in (kept.forget, lambda photos: kept.accept(photos, "Mill")):
        for one in (str(name), str(name).encode(), Path(str(name))):
            with pytest.raises(UsageError, match="give a list of photos, not one"):
                take(one)
    with pytest.raises(UsageError, match="at least one photo"):
        kept.accept([], "Mill")
    (tmp_path / "kept" / "accepted.csv").write_text("path,place\n")  # of a release that took none
    assert kept.accepted == {}
    with pytest.raises(UsageError, match=r'keeps no photo "gone\.jpg"'):
        kept.accept(["gone.jpg"], "Mill")
    assert kept.forget(["holiday.jpg", str(name)]) == (name,)
    assert [path.name for path in (tmp_path / "kept" / "photos").iterdir()] == ["holiday.jpg"]
    (tmp_path / "kept" / "photos").rename(tmp_path / "album")
    (tmp_path / "kept" / "photos").symlink_to(tmp_path / "album")
    with pytest.raises(UsageError, match="no folder of its own"):
        remembered(tmp_path / "kept")


def test_what_was_said_is_kept_and_the_later_holds(tmp_path: Path) -> None:
    kept = remembered(tmp_path, make=True)
    kept.correct(Corrections((Constraint(Link.MUST, "a", "b"),), {"a": "Mill"}))
    kept.correct(Corrections((Constraint(Link.CANNOT, "b", "a"),), {"b": ""}))
    said = remembered(tmp_path).corrections()
    assert [(one.link, {one.a, one.b}) for one in said.constraints] == [(Link.CANNOT, {"a", "b"})]
    assert dict(said.names) == {"a": "Mill", "b": ""}


def test_other_folders_and_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds other files"):
        remembered(tmp_path, make=True)
    with pytest.raises(UsageError, match="keeps no unknown photos"):
        remembered(tmp_path)
    with pytest.raises(UsageError, match="at least 1"):
        remembered(tmp_path / "new", limit=0, make=True)
    kept = remembered(tmp_path / "new", make=True)
    name = kept.keep(b"one", "1.jpg")
    assert name is not None
    with pytest.raises(UsageError, match="not UNKNOWN"):
        kept.accept([name], "Unknown")
    with pytest.raises(UsageError, match="keeps no"):
        kept.accept(["other.jpg"], "Mill")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["mine.jpg"]


def test_of_two_who_correct_at_once_the_second_is_told(tmp_path: Path) -> None:
    kept = remembered(tmp_path, make=True)
    seen = kept.version
    first, second = Corrections((), {"a": "Old Mill"}), Corrections((), {"b": "Gate"})
    version = kept.replace(first, seen=seen)
    assert version == kept.version != seen
    assert kept.replace(second, seen=seen) is None
    assert kept.corrections() == first
    assert kept.replace(second, seen=version) == kept.version
    assert kept.corrections() == second
    assert kept.replace(first) == version  # who says nothing of what was seen means it
