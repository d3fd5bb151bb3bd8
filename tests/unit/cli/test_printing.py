"""How counts are said, and how tables are printed where no terminal says how wide they may be."""

import os
import sys
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image

from placeprint.cli import printing
from placeprint.terminal import counted
from program import run


def test_one_is_singular_and_every_other_number_plural() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert [counted(n, "query shows", "queries show") for n in (0, 1, 11)] == [
        "0 queries show",
        "1 query shows",
        "11 queries show",
    ]


def test_a_row_of_a_table_stays_one_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = f"a/{'long-name-' * 40}photo.jpg"
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    printing.table(("score", "image", "place"), [("0.9", name, "Town Hall"), ("1", "b.jpg", "x")], right=(0,))
    assert out.getvalue().splitlines() == [
        f"score  image{' ' * (len(name) - 5)}  place",
        f"  0.9  {name}  Town Hall",
        f"    1  b.jpg{' ' * (len(name) - 5)}  x",
    ]


def test_a_row_is_wrapped_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", out := Terminal())
    printing.table(("image",), [("x" * 200,)])
    assert [len(line) for line in out.getvalue().splitlines()[1:]] == [80, 80, 40]


@pytest.mark.usefixtures("shared_cache")
def test_no_verb_says_1_images(tmp_path: Path) -> None:
    place = tmp_path / "photos" / "Town Hall"
    place.mkdir(parents=True)
    noise = Image.frombytes("RGB", (64, 64), os.urandom(64 * 64 * 3))
    noise.save(place / "a.png")
    made = tmp_path / "one.gallery"
    told = [
        run("check", tmp_path / "photos"),
        run("index", tmp_path / "photos", "-o", made, "--preset", "fast"),
        run("verify", made),
        run("query", made, place / "a.png"),
        run("query", made, place / "a.png", "--place", "Town Hall"),
    ]
    noise.rotate(90).save(place / "b.png")
    (place / "b.png").with_name("c.png").write_bytes(b"no picture")
    told += [run("add", made, tmp_path / "photos"), run("remove", made, "Town Hall/a.png")]
    said = "\n".join(each.stdout + each.stderr for each in told)
    assert "1 image of 1 place" in said
    assert "1 image could not be used:" in said
    assert "1 image removed" in said
    for word in ("images", "places", "photos", "queries", "errors", "rows", "findings"):
        assert f" 1 {word}" not in f" {said}".replace("\n", " ").replace("(", " ")
