"""A folder of everything that can be wrong: each file is a row with a reason, the rest is indexed."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.fixture
def hostile(tmp_path: Path, town: Path) -> Path:
    from PIL import Image

    root = tmp_path / "photos"
    place = root / "place"
    place.mkdir(parents=True)
    good = sorted(town.glob("gallery/*/*1.jpg"))
    for i, photo in enumerate(good[:3]):
        (place / f"good{i}.jpg").write_bytes(photo.read_bytes())
    (place / "zero.jpg").write_bytes(b"")
    Image.open(good[0]).save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (place / "cut.png").write_bytes(data[: len(data) // 2])
    (place / "text.jpg").write_text("this is a text\n")
    (place / "bomb.png").write_bytes(png_header(60_000, 60_000))
    (place / "link.jpg").symlink_to(good[0])
    (place / "line\nbreak.jpg").write_bytes(good[0].read_bytes())
    Path(os.fsdecode(os.fsencode(place) + b"/latin\xe9.jpg")).write_bytes(good[0].read_bytes())
    (place / "x.jpg").mkdir()
    return root


EXPECTED = {
    "place/zero.jpg": "empty",
    "place/cut.png": "truncated",
    "place/text.jpg": "unreadable",
    "place/bomb.png": "too-large",
    "place/link.jpg": "outside",
    "place/line\nbreak.jpg": "bad-name",
    "place/latin\udce9.jpg": "bad-name",
    "place/x.jpg": "not-a-file",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "placeprint.cli.program", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_indexed(hostile: Path, tmp_path: Path) -> None:
    done = run("index", str(hostile), "--preset", "fast", "-o", str(tmp_path / "g"), "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert {f["path"]: f["kind"] for f in row["failures"]} == EXPECTED
    assert all(f["reason"] and "\n" not in f["reason"] for f in row["failures"])
    assert row["images"] == 3
    assert run("verify", str(tmp_path / "g")).returncode == 0


def test_indexed_for_people(hostile: Path, tmp_path: Path) -> None:
    done = run("index", str(hostile), "--preset", "fast", "-o", str(tmp_path / "g"))
    assert done.returncode == 0, done.stderr
    assert "8 images could not be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_checked(hostile: Path) -> None:
    done = run("check", str(hostile), "--json")
    assert done.returncode == 1, done.stderr
    row = json.loads(done.stdout)
    found = {path: f["check"] for f in row["findings"] for path in f["paths"] if f["severity"] == "error"}
    assert found == EXPECTED
    table = run("check", str(hostile))
    assert table.returncode == 1
    assert "Traceback" not in table.stderr
    assert all(kind in table.stdout for kind in EXPECTED.values())


def test_a_folder_of_only_bad_files_is_one_clear_line(hostile: Path, tmp_path: Path) -> None:
    for photo in (hostile / "place").glob("good*"):
        photo.unlink()
    done = run("index", str(hostile), "--preset", "fast", "-o", str(tmp_path / "g"))
    assert done.returncode == 3
    assert done.stderr.strip().splitlines()[-1].startswith("DatasetError: none of 8 images")
    assert not (tmp_path / "g").exists()
