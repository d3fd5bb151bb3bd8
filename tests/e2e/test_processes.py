"""What other tests ask of the program in their own process, a process of its own says too: verb by verb."""

import re
import shutil
from pathlib import Path

import pytest

from program import run, run_apart

CHANGES = re.compile(
    r"\w+: \d+/\d+ \(\d+/s\)|embedded \d.*|\b\d+\.\d\d\b|python -m placeprint.cli.program|\bplaceprint\b|\s+"
)
"""What two runs need not share: how far a slow one is, what was embedded and how fast, times, how it was started."""


@pytest.fixture
def gallery(indexed_town: Path) -> Path:
    return indexed_town


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("index TOWN -o NEW", 0),
        ("query GALLERY PHOTO --json --explain", 0),
        ("evaluate TOWN --preset fast", 0),
        ("compare preset=fast preset=fast,threshold=0.5 --on TOWN", 0),
        ("mine TOWN --preset fast", 0),
        ("calibrate COPY --queries TOWN --json", 0),
        ("add COPY TOWN", 0),
        ("remove COPY --place town-hall --json", 0),
        ("verify GALLERY", 0),
        ("models --known", 0),
        ("check TOWN", 1),
        ("town COPY", 2),
        ("export resnet50 -o m.onnx", 2),
        ("evaluate TOWN --no-such-option", 2),
        ("evaluate TOWN --k 0", 2),
        ("query GALLERY nowhere.jpg", 3),
        ("query nowhere PHOTO", 3),
    ],
)
@pytest.mark.usefixtures("shared_cache")
def test_a_process_of_its_own_says_the_same(
    arguments: str, code: int, town: Path, gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {
        "TOWN": town,
        "GALLERY": gallery,
        "PHOTO": town / "gallery" / "town-hall" / "01.jpg",
        "COPY": tmp_path / "copy",
        "NEW": tmp_path / "new",
    }
    given = [names.get(word, word) for word in arguments.split()]
    said = []
    monkeypatch.chdir(tmp_path)
    for asked in (run, run_apart):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.rmtree(tmp_path / "new", ignore_errors=True)
        shutil.copytree(gallery, tmp_path / "copy")
        done = asked(*given, expect=code)
        said.append([CHANGES.sub(" ", stream) for stream in (done.stdout, done.stderr)])
    assert said[0] == said[1]
    assert any(said[0])
