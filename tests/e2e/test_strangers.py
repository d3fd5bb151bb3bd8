"""Every verb that writes, among files of somebody else with names like the program's own: each byte is found again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placeprint import Gallery, index
from placeprint.errors import UsageError
from placeprint.gallery.move import _to_folder
from placeprint.storage.published import _seal
from program import run, run_json
from strangers import NAMES, WRITTEN, found, kept, refused, strangers

pytestmark = pytest.mark.usefixtures("shared_cache")
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def few(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photographs of two places."""
    folder = tmp_path_factory.mktemp("few")
    whole = [p for p in sorted((town / "gallery").glob("*/*.jpg")) if p.stat().st_size > 5000]
    for place in sorted({p.parent.name for p in whole})[:2]:
        for number, photo in enumerate([p for p in whole if p.parent.name == place] * 2):
            (folder / place).mkdir(exist_ok=True)
            if number < 4:
                shutil.copy(photo, folder / place / f"{number}.jpg")
    return folder


@pytest.fixture
def made(few: Path, tmp_path: Path) -> Path:
    """A gallery of the program."""
    return Path(index(few, tmp_path / "made", preset="fast").gallery.path)


INTO_A_FOLDER: dict[str, Callable[[Path, Path], list[object]]] = {
    "index": lambda few, folder: ["index", few, "-o", folder],
    "index --replace": lambda few, folder: ["index", few, "-o", folder, "--replace"],
    "index --embeddings": lambda few, folder: [
        *("index", "--embeddings", few.parent / "e.npy", "--records", few.parent / "e.csv", "-o", folder)
    ],
    "run": lambda few, folder: ["run", few, "-o", folder],
    "run --replace": lambda few, folder: ["run", few, "-o", folder, "--replace"],
    "town": lambda _, folder: ["town", folder, "--places", 1, "--views", 2],
    "add": lambda few, folder: ["add", folder, few],
    "remove": lambda _, folder: ["remove", folder, "--place", "0"],
    "calibrate": lambda _, folder: ["calibrate", folder],
    "verify": lambda _, folder: ["verify", folder, "--recall"],
    "query": lambda few, folder: ["query", folder, few / "0.jpg", "--explain", "-o", folder],
    "query -o": lambda few, folder: ["query", few.parent / "none", few / "0.jpg", "--explain", "-o", folder],
}


@pytest.mark.parametrize("verb", INTO_A_FOLDER)
def test_a_folder_of_somebody_else_is_not_touched(verb: str, few: Path, tmp_path: Path) -> None:
    np.save(few.parent / "e.npy", np.eye(2, dtype=np.float32))
    (few.parent / "e.csv").write_text("path,place\na.jpg,a\nb.jpg,b\n")
    folder = tmp_path / "theirs"
    before = strangers(folder, *WRITTEN, ".lock", ".reserve")
    ended = run(*INTO_A_FOLDER[verb](few, folder), expect=3 if verb in ("add", "remove", "calibrate", "verify") else 2)
    assert len([line for line in ended.stderr.splitlines() if ": read as " not in line]) == 1
    assert found(folder) == before


def test_nor_is_it_by_move(tmp_path: Path) -> None:
    before = strangers(tmp_path)
    with pytest.raises(UsageError, match="is not a gallery, it holds"):
        _to_folder(None, tmp_path, True, None)  # type: ignore[arg-type]
    assert found(tmp_path) == before


@pytest.mark.parametrize("name", [*NAMES, ".lock"])
def test_one_file_of_somebody_else_makes_no_place_for_a_gallery(name: str, few: Path, tmp_path: Path) -> None:
    path = tmp_path / "g" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    assert name.split("/")[0] in refused("index", few, "-o", tmp_path / "g")
    assert found(tmp_path / "g") == {name: b"mine"}


def sealed(**values: object) -> bytes:
    """Return a head that is whole."""
    head = {"kind": "placeprint gallery", "format": 3, **values}
    return json.dumps({**head, "seal": _seal(head)}).encode()


@pytest.mark.parametrize(
    "head",
    [
        b"[]",
        b"not JSON",
        b'{"kind": "placeprint gallery"}',
        b'{"kind": "a gallery of paintings", "seal": "wax", "data": "data-0123456789ab"}',
        sealed(data="../photos", files={"0.jpg": {}}),
        sealed(data="data-0123456789ab", files={"../photos/0.jpg": {}}),
        sealed(data="data-london", files={"0.jpg": {}}),
        sealed(),
    ],
)
def test_a_head_of_somebody_else_takes_nothing_away(head: bytes, few: Path, tmp_path: Path) -> None:
    folder = tmp_path / "g"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.jpg").write_bytes(b"mine")
    before = strangers(folder)
    (folder / "gallery.json").write_bytes(head)
    refused("index", few, "-o", folder)
    run("remove", folder, "--place", "0", expect=3)
    assert found(folder) == {**before, "gallery.json": head}
    run("index", few, "-o", folder, "--replace", "--preset", "fast", expect=0 if b'"format"' in head else 2)
    assert kept(folder, before)
    assert found(tmp_path / "photos") == {"0.jpg": b"mine"}
    assert set(found(folder / "data-london")) == {"eiffel/0.jpg"}


def test_what_lies_in_a_gallery_outlives_every_verb(made: Path, few: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    shutil.copytree(next(few.iterdir()), more / "elsewhere")
    before = strangers(made)
    photo = next(few.glob("*/0.jpg"))
    run("index", few, "-o", made, "--preset", "fast")
    run("add", made, more)
    run("remove", made, "--place", "elsewhere")
    run("calibrate", made)
    run("verify", made, "--recall")
    run("query", made, photo, "--explain", "-o", made)
    run("query", made, photo, "--explain", "-o", made)  # its own page is written over
    assert "calibrate" in refused("index", few, "-o", made, "--preset", "fast")
    run("index", few, "-o", made, "--preset", "fast", "--replace")
    assert kept(made, before)
    opened = Gallery.open(made)
    assert opened.verify().ok
    assert len(opened) == 8
    own = {p.split("/")[0] for p in found(made).keys() - before.keys()} - {".lock", ".reserve"}
    assert own == {
        "gallery.json",
        "explain.html",
        json.loads((made / "gallery.json").read_bytes())["segments"][0]["data"],
    }


def test_what_lies_in_a_data_folder_stays_and_is_told(made: Path, few: Path) -> None:
    data = made / json.loads((made / "gallery.json").read_bytes())["segments"][0]["data"]
    (data / "sub").mkdir()
    (data / "sub" / "records.jsonl").write_text("mine")
    (data / "notes.txt").write_text("mine")
    (data / "learned.npz").mkdir()  # a folder with the name of a file that this gallery does not need
    (data / "learned.npz" / "0.jpg").write_text("mine")
    theirs = dict.fromkeys(("learned.npz/0.jpg", "notes.txt", "sub/records.jsonl"), b"mine")
    one, other = sorted(place.name for place in few.iterdir())
    said = run("remove", made, "--place", one)
    assert said.stderr == f'"{data}" is kept: placeprint did not make learned.npz, notes.txt, sub\n'
    assert found(data) == theirs
    assert run_json("verify", made)["ok"]
    assert run("remove", made, "--place", other).stderr == ""  # it is nobody's business any more
    assert found(data) == theirs


def test_a_gallery_that_lost_its_marker_is_replaced_by_what_its_head_lists(tmp_path: Path) -> None:
    """As a copy without hidden files has none."""
    folder = tmp_path / "g"
    shutil.copytree(GOLDEN / "format-3", folder)
    data = next(folder.glob("data-*"))
    before = strangers(folder)
    Gallery.open(folder).remove(["nothing"])
    assert kept(folder, found(GOLDEN / "format-3"))
    Gallery.open(folder).remove([Gallery.open(folder).records[0].path])
    assert not data.exists()
    assert kept(folder, before)
    assert Gallery.open(folder).verify().ok
