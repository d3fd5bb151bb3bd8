"""What `query` is asked about: photos, folders of photos, a list on stdin; its JSON is always a list."""

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import placeprint
from placeprint.dataset.query_paths import listed_paths
from placeprint.errors import UsageError
from program import run, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def gallery(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return placeprint.index(town, tmp_path_factory.mktemp("asked") / "town.gallery", preset="fast").gallery.path


@pytest.fixture
def asked(town: Path, tmp_path: Path) -> Path:
    """Return a folder of two photos, one of them a folder further down, and of what is none."""
    folder = tmp_path / "asked"
    (folder / "further").mkdir(parents=True)
    shutil.copy(town / "gallery" / "town-hall" / "01.jpg", folder / "b.jpg")
    shutil.copy(town / "gallery" / "town-hall" / "02.jpg", folder / "further" / "a.jpg")
    (folder / "notes.txt").write_text("no photo")
    return folder


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_one_photo_is_a_list_too(gallery: Path, asked: Path) -> None:
    rows = run_json("query", gallery, asked / "b.jpg")
    assert [(row["photo"], row["matches"][0]["path"]) for row in rows] == [
        (str(asked / "b.jpg"), "gallery/town-hall/01.jpg")
    ]


def test_a_folder_is_asked_photo_by_photo(gallery: Path, asked: Path) -> None:
    (asked / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("query", gallery, asked, "--json", expect=3)
    rows = json.loads(done.stdout)
    assert [(Path(row["photo"]).relative_to(asked).as_posix(), "error" in row) for row in rows] == [
        ("b.jpg", False),
        ("broken.png", True),
        ("further/a.jpg", False),
    ]


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\0"])
def test_paths_are_listed_on_stdin(between: bytes, gallery: Path, asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [asked / "b.jpg", asked / "further" / "a.jpg"]
    given(monkeypatch, between.join(os.fsencode(photo) for photo in photos) + between)
    assert [row["photo"] for row in run_json("query", gallery, "-")] == [str(photo) for photo in photos]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\0\0"])
def test_an_empty_list_is_said(data: bytes, gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, data)
    assert "the list of photos is empty" in run("query", gallery, "-", expect=2).stderr


def test_a_folder_without_photos_is_said(gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (
        f'"{tmp_path / "empty"}" is a folder without photos'
        in run("query", gallery, tmp_path / "empty", expect=2).stderr
    )


def test_names_of_a_list_are_bytes() -> None:
    names = [b"a b.jpg", b" leading.jpg", b"\xff.jpg"]
    assert [os.fsencode(path) for path in listed_paths(b"\n".join(names))] == names
    with pytest.raises(UsageError, match="empty"):
        listed_paths(b"")


def test_python_asks_the_same(gallery: Path, asked: Path) -> None:
    told: Any = placeprint.query(gallery, [asked, b"no image"], k=2)
    rows = run_json("query", gallery, asked, "-k", 2)
    assert json.loads(json.dumps(told.to_list()))[:2] == rows
    assert (told.answers[2].image, told.answers[2].answer, told.answers[2].failure.kind) == (
        "image 2",
        None,
        "unreadable",
    )
    assert placeprint.query(gallery, asked / "b.jpg", places=["town-hall"]).facts["filter"]["places"] == ["town-hall"]
    with pytest.raises(UsageError, match="give a gallery, or the url"):
        placeprint.query(None, asked)


def test_a_page_of_photos_from_stdin_has_a_name(
    gallery: Path, asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given(monkeypatch, os.fsencode(asked / "b.jpg"))
    assert "pictures: explain.html" in run("query", gallery, "-", "--explain").stdout
    assert (tmp_path / "explain.html").is_file()
