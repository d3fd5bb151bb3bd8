"""What a walk leaves out is named: links, folders that cannot be listed, formats that are not read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from placeprint.dataset.checks.check import check
from placeprint.dataset.file_types import left_out_ending, says_left_out
from placeprint.dataset.overview import Overview
from placeprint.dataset.scan import read_dataset
from placeprint.dataset.walk import listed, walk
from placeprint.errors import DatasetError
from placeprint.records import FailedImage

LINK = "links to folders are not followed: copy the folder itself there"


def fill(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


class _Listing:
    """Lists a folder until it fails, as a network drive that goes away."""

    def __init__(self, real: Any, after: int, error: OSError) -> None:
        self._real, self._after, self._error = real, after, error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        for number, entry in enumerate(self._real):
            if number == self._after:
                raise self._error
            yield entry
        raise self._error


def failing(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError, *, after: int) -> None:
    real = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: _Listing(real(path), after, error) if Path(path).name == name else real(path)
    )


def test_links_to_folders_are_failures_that_say_so(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", "Eiffel/1.jpg")
    root = fill(tmp_path / "ds", "Buckingham/1.jpg", "Buckingham/notes.txt")
    (root / "Eiffel").symlink_to(store / "Eiffel")
    (root / "Galata").symlink_to(tmp_path / "nowhere")
    (root / "Round").symlink_to(root / "Round")
    (root / "Inside").symlink_to(root / "Buckingham")
    (root / "readme.txt").symlink_to(tmp_path / "gone.txt")
    (root / "notes").symlink_to(root / "Buckingham" / "notes.txt")
    (root / ".cache").symlink_to(store)
    (root / "@eaDir").symlink_to(store)
    assert read_dataset(root).failures == (
        FailedImage("Eiffel", "linked-folder", LINK),
        FailedImage("Galata", "linked-folder", "it is a broken link"),
        FailedImage("Inside", "linked-folder", LINK),
        FailedImage("Round", "linked-folder", LINK),
    )
    assert [r.path for r in read_dataset(root).records] == ["Buckingham/1.jpg"]
    assert not check(root).ok


def test_a_dataset_of_links_only_says_so(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", "Eiffel/1.jpg")
    root = tmp_path / "ds"
    root.mkdir()
    (root / "Eiffel").symlink_to(store / "Eiffel")
    with pytest.raises(
        DatasetError,
        match=r"no photograph was found.*\(Eiffel: links to folders are not followed: copy the folder itself there\)",
    ):
        read_dataset(root)
    (tmp_path / "whole").symlink_to(store)
    assert len(read_dataset(tmp_path / "whole").records) == 1  # what is given is followed


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "it may not be read"),
        (OSError(errno.EIO, "Input/output error"), "it cannot be listed: Input/output error"),
        (OSError(errno.ESTALE, "Stale file handle"), "it cannot be listed: Stale file handle"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    root = fill(tmp_path, "Eiffel/1.jpg", "Galata/2.jpg")
    failing(monkeypatch, "Galata", error, after=0)
    found = read_dataset(root)
    assert found.failures == (FailedImage("Galata", "unreadable-folder", reason),)
    assert found.empty_places == ()
    assert f"Galata: {reason}" in Overview.of(found).says
    assert [f.check for f in check(found).findings if f.paths == ("Galata",)] == ["unreadable-folder"]


def test_what_was_listed_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fill(tmp_path, "Galata/1.jpg", "Galata/2.jpg", "Galata/3.jpg")
    failing(monkeypatch, "Galata", OSError(errno.EIO, "Input/output error"), after=2)
    found = walk(root)
    assert len(found.files) == 2
    assert [f.kind for f in found.failures] == ["unreadable-folder"]


def test_a_dataset_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, tmp_path.name, PermissionError(errno.EACCES, "Permission denied"), after=0)
    with pytest.raises(DatasetError, match="the folder: it may not be read"):
        read_dataset(tmp_path)


SYSTEM = """
$RECYCLE.BIN|System Volume Information|@eaDir|#recycle|.Trash-1000|lost+found|.thumbnails|__MACOSX|@Recycle|RECYCLER
@Recently-Snapshot|.AppleDouble|Network Trash Folder|Temporary Items|#snapshot|~snapshot|.Spotlight-V100|found.000
Recycle Bin - Volume_1|trashbox|@__thumb|SYSTEM VOLUME INFORMATION|.@__thumb|.eaDir|.git
"""


@pytest.mark.parametrize("name", [name for line in SYSTEM.split("\n") for name in line.split("|") if name])
def test_folders_of_systems_and_network_drives_are_skipped(tmp_path: Path, name: str) -> None:
    names = ["Eiffel/1.jpg", f"{name}/x/2.jpg", f"Eiffel/{name}/3.jpg", f"{name}/4.mpo"]
    root = fill(tmp_path, *names)
    for found in (walk(root), listed(tuple(n.split("/")) for n in names)):
        assert found.files == [("Eiffel", "1.jpg")]
        assert found.folders == [("Eiffel",)]
        assert found.left_out == {}


@pytest.mark.parametrize("name", ["Recycle Street", "Snapshot", "lost", "System", "Trash", "MACOSX", "thumbnails"])
def test_places_that_only_sound_like_it_are_read(tmp_path: Path, name: str) -> None:
    assert walk(fill(tmp_path, f"{name}/1.jpg")).files == [(name, "1.jpg")]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.mpo", ".mpo"),
        ("a.JP2", ".jp2"),
        ("a.ppm", ".ppm"),
        ("a.CR2", ".cr2"),
        ("a.nef", ".nef"),
        ("a.nrw", ".nrw"),
        ("a.jxl", ".jxl"),
        ("a.jpg_large", ".jpg_large"),
        ("a.JPG.bak", ".jpg.bak"),
        ("a.jpg~", ".jpg~"),
        ("a.jpeg.1", ".jpeg.1"),
        ("a.png.crdownload", ".png.crdownl"),
        ("a.jpg ", ".jpg "),
        ("a.jpg.json", ""),
        ("a.jpg.xmp", ""),
        ("Thumbs.db", ""),
        ("labels.csv", ""),
        (".a.mpo", ""),
        ("a.jpgraph", ""),
        ("README", ""),
    ],
)
def test_pictures_that_are_not_read_are_told_by_their_ending(name: str, ending: str) -> None:
    assert left_out_ending(name) == ending


@pytest.mark.parametrize(
    ("head", "picture"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1", True),
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", True),
        (b"RIFF\n\0\0\0WEBP", True),
        (b"RIFF\n\0\0\0WAVE", False),
        (b"\0\0\0 ftypheic\0\0\0\0mif1heic", True),
        (b"\0\0\0 ftypmp42\0\0\0\0isommp42", False),
        (b"all: test\n", False),
        (b"", False),
    ],
)
def test_a_photograph_without_an_ending_is_told_by_its_bytes(tmp_path: Path, head: bytes, picture: bool) -> None:
    root = fill(tmp_path, "A/1.jpg")
    (root / "A" / "IMG_0001").write_bytes(head)
    assert dict(walk(root).left_out) == ({"without an ending": 1} if picture else {})


def test_what_is_left_out_is_counted_and_a_finding(tmp_path: Path) -> None:
    root = fill(tmp_path, "A/1.jpg", "A/2.mpo", "B/3.MPO", "B/4.ppm", "B/5.jpg.json")
    found = read_dataset(root)
    assert found.left_out == {".mpo": 2, ".ppm": 1}
    assert Overview.of(found).says.endswith("places A; left out: 2 .mpo, 1 .ppm")
    told = [f.message for f in check(found).findings if f.check == "left-out"]
    assert told == [f"{what}: pictures of a format that is not read" for what in ("2 .mpo", "1 .ppm")]
    assert says_left_out({f".{n}": n for n in range(1, 8)}).endswith("3 .3, 3 others")
    with pytest.raises(DatasetError, match=r"no photograph was found.*left out: 1 \.mpo"):
        read_dataset(fill(tmp_path / "only", "C/1.mpo"))
