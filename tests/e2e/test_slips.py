"""Arguments in the wrong order or of the wrong kind: one line with the right command, which then works."""

import re
import shlex
from pathlib import Path

import pytest

from placeprint import recognize, recognize_many, recognize_place
from placeprint.errors import UsageError
from program import run

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def gallery(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from placeprint import index

    return index(town, tmp_path_factory.mktemp("slips") / "town.gallery", preset="fast").gallery.path


SLIPS = [
    ("query PHOTO GALLERY --k 3", "query GALLERY PHOTO --k 3"),
    ("query PHOTO PHOTO GALLERY", "query GALLERY PHOTO PHOTO"),
    ("query --json PHOTO GALLERY --explain", "query --json GALLERY PHOTO --explain"),
    ("query PHOTO PHOTO", "query GALLERY PHOTO"),
    ("query TOWN PHOTO", "index TOWN -o TOWN.gallery"),
    ("add TOWN GALLERY --quiet", "add GALLERY TOWN --quiet"),
    ("evaluate GALLERY", "evaluate --gallery GALLERY"),
    ("evaluate GALLERY TOWN --quiet", "evaluate TOWN --gallery GALLERY --quiet"),
    ("evaluate TOWN GALLERY", "evaluate TOWN --gallery GALLERY"),
    ("evaluate GALLERY --gallery TOWN", "evaluate TOWN --gallery GALLERY"),
    ("mine GALLERY --quiet", "mine --gallery GALLERY --quiet"),
    ("mine GALLERY TOWN", "mine TOWN --gallery GALLERY"),
    ("compare threshold=0.5 --on GALLERY", "compare threshold=0.5 --gallery GALLERY"),
    ("calibrate TOWN", "index TOWN -o TOWN.gallery"),
    ("calibrate TOWN --queries GALLERY", "calibrate GALLERY --queries TOWN"),
    ("remove gallery/town-hall/01.jpg GALLERY", "remove GALLERY gallery/town-hall/01.jpg"),
    ("verify TOWN", "check TOWN"),
    ("check GALLERY", "verify GALLERY"),
    ("serve TOWN", "index TOWN -o TOWN.gallery"),
    ("move TOWN elsewhere", "index TOWN -o TOWN.gallery"),
    ("index GALLERY -o new", "index TOWN -o new"),
    ("index GALLERY --out TOWN", "index TOWN --out GALLERY"),
    ("run GALLERY -o new", "run TOWN -o new"),
]


@pytest.mark.parametrize(("wrong", "right"), SLIPS)
def test_the_right_command_is_given(
    wrong: str, right: str, town: Path, gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"TOWN": str(town), "GALLERY": str(gallery), "PHOTO": str(town / "gallery" / "town-hall" / "01.jpg")}
    if wrong == "query PHOTO PHOTO":
        names["GALLERY"] = "GALLERY"

    def words(text: str) -> list[str]:
        return [re.sub("TOWN|GALLERY|PHOTO", lambda found: names[found[0]], word) for word in text.split()]

    before = sorted(p.name for p in gallery.rglob("*"))
    told = run(*words(wrong), expect=2).stderr
    assert len(told.splitlines()) == 1
    assert shlex.join(["placeprint", *words(right)]) in told
    assert sorted(p.name for p in gallery.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_the_command_that_is_given_works(town: Path, gallery: Path) -> None:
    photo = town / "gallery" / "town-hall" / "01.jpg"
    told = run("query", photo, gallery, "--k", "1", expect=2).stderr
    command = shlex.split(told[told.index("placeprint ") :])
    assert "town-hall" in run(*command[1:]).stdout


@pytest.mark.parametrize("name", ["a file", "other's head"])
def test_what_is_no_gallery_is_not_taken_for_one(name: str, town: Path, tmp_path: Path) -> None:
    """A folder of photos may hold a gallery.json of somebody else."""
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.jpg").write_bytes((town / "gallery" / "town-hall" / "01.jpg").read_bytes())
    (folder / "gallery.json").write_text('{"kind": "art"}' if name == "other's head" else "not JSON")
    assert "1 image of 1 place" in run("index", folder, "-o", tmp_path / "g").stdout


def test_a_gallery_is_no_photo(gallery: Path) -> None:
    told = run("query", gallery, gallery, expect=2).stderr
    assert "is a gallery, not a photo: only the first argument is one" in told
    assert "a server has its own" in run("query", "--url", "http://127.0.0.1:9", gallery, expect=2).stderr


def test_a_gallery_is_not_added_to_a_gallery(town: Path, gallery: Path) -> None:
    told = run("add", gallery, gallery, expect=2).stderr
    assert f"photographs are expected here: give the photos that it was made of: {town}" in told


def test_two_datasets_are_one_too_many(town: Path) -> None:
    assert "one dataset is expected, but 2 were given" in run("evaluate", town, town, expect=2).stderr


def test_python_tells_too(town: Path, gallery: Path) -> None:
    photo = town / "gallery" / "town-hall" / "01.jpg"
    with pytest.raises(UsageError, match="is the gallery, which comes first: give"):
        recognize(photo, gallery)
    for ask in (recognize_many, recognize_place):
        with pytest.raises(UsageError, match="comes first"):
            ask(str(photo), [str(gallery)])
