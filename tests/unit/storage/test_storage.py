"""A file is written whole or not at all, and what a kill left of it is cleared by the next write to the same path."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from placeprint.errors import UsageError
from placeprint.storage.atomic import require_ours, write_atomic
from placeprint.storage.marker import MARKER, clear_folder, make_folder, marker_of, strangers_in

KILLED = """
import os, signal, sys
from pathlib import Path
from placeprint.storage.atomic import write_atomic
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_atomic(Path(sys.argv[1]), b"half")
"""


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="this system does not tell which process is gone")
def test_a_kill_leaves_the_old_file_and_the_next_write_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    write_atomic(path, b"old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert {p.name for p in tmp_path.iterdir()} == {"a.html", ".a.html.new"}
    write_atomic(tmp_path / "b.html", b"another")
    assert (tmp_path / ".a.html.new" / "new").read_bytes() == b"half"
    write_atomic(path, b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.html": b"new", "b.html": b"another"}


def test_who_writes_at_the_same_time_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, path = os.replace, tmp_path / "a"

    def meanwhile(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        write_atomic(path, b"first")
        replace(source, target)

    monkeypatch.setattr(os, "replace", meanwhile)
    write_atomic(path, b"second")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"second"}


@pytest.mark.parametrize("inside", ["new", MARKER, "notes.txt"])
def test_a_folder_of_somebody_else_with_that_name_is_left_alone(tmp_path: Path, inside: str) -> None:
    theirs = tmp_path / ".a.new" / inside
    theirs.parent.mkdir()
    theirs.write_bytes(b"mine")
    write_atomic(tmp_path / "a", b"new")
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {"a", ".a.new", f".a.new/{inside}"}
    assert theirs.read_bytes() == b"mine"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomic(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_only_listed_files_are_cleared_and_never_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    make_folder(outside, ["vectors.npy"])
    (outside / "vectors.npy").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(outside, target_is_directory=True)
    assert marker_of(tmp_path / "link") is None
    clear_folder(tmp_path / "link")
    assert (outside / "vectors.npy").read_bytes() == b"kept"
    (outside / "vectors.npy").unlink()
    (tmp_path / "far.npy").write_bytes(b"far")
    (outside / "vectors.npy").symlink_to(tmp_path / "far.npy")
    assert strangers_in(outside) == []
    clear_folder(outside)
    assert not outside.exists()
    assert (tmp_path / "far.npy").read_bytes() == b"far"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "C:x", "\ud800", 7, None])
def test_a_marker_that_names_anything_outside_is_none(tmp_path: Path, name: object) -> None:
    make_folder(tmp_path / "m", [name])  # type: ignore[list-item]
    assert marker_of(tmp_path / "m") is None


def test_what_is_empty_or_the_program_s_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    require_ours(path, lambda _: False)
    path.touch()
    require_ours(path, lambda _: False)
    path.write_bytes(b"ours")
    require_ours(path, lambda data: data == b"ours")
    require_ours(path, lambda data: data == b"ou", most=2)
    for theirs in (path, tmp_path):
        with pytest.raises(UsageError, match="not made by placeprint"):
            require_ours(theirs, lambda _: False)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match="not made by placeprint"):
        require_ours(tmp_path / "nowhere", lambda _: True)
