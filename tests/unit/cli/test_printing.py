"""How counts are said, and how tables are printed where no terminal says how wide they may be."""

import csv
import os
import sys
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    monkeypatch.delenv("COLUMNS", raising=False)
    name = f"a/{'long-name-' * 40}photo.jpg"
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    printing.table(("score", "image", "place"), [("0.9", name, "Town Hall"), ("1", "b.jpg", "x")], right=(0,))
    assert out.getvalue().splitlines() == [
        f"score  image{' ' * (len(name) - 5)}  place",
        f"  0.9  {name}  Town Hall",
        f"    1  b.jpg{' ' * (len(name) - 5)}  x",
    ]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal, StringIO])
def test_columns_wrap_a_table_between_words_only(monkeypatch: pytest.MonkeyPatch, stream: type[StringIO]) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", out := stream())
    printing.table(("score", "image", "why"), [("0.9", "a/long-name.jpg", "its cells agree well")], right=(0,))
    assert out.getvalue().splitlines() == [
        "score  image            why",
        "  0.9  a/long-name.jpg  its",
        "                        cells",
        "                        agree",
        "                        well",
    ]
    printing.table(("image",), [("x" * 200,)])
    assert out.getvalue().splitlines()[-1] == "x" * 200


@given(st.lists(st.tuples(*[st.text("ab ü漢", max_size=30)] * 3), min_size=1, max_size=4), st.integers(10, 120))
def test_every_word_of_every_cell_is_printed_whole(rows: list[tuple[str, ...]], columns: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(sys, "stdout", out := StringIO())
        printing.table(("one", "two", "three"), rows)
    printed = Counter(out.getvalue().split())
    assert printed == Counter(word for row in (("one", "two", "three"), *rows) for cell in row for word in cell.split())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_a_spreadsheet_runs_no_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    printing.show_csv([{"path": text, "score": -0.5, "none": None, "nan": float("nan"), "places": ("a", "b")}])
    names, row = csv.reader(out.getvalue().splitlines())
    assert names == ["path", "score", "none", "nan", "places"]
    assert row == [f"'{text}", "-0.5", "", "", "a|b"]


def test_a_name_with_a_line_break_stays_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    printing.show_csv([{"path": "a\n=b\x1b[2J"}, {"path": 'c,"d"'}])
    assert list(csv.reader(out.getvalue().splitlines())) == [["path"], ["a =b\\x1b[2J"], ['c,"d"']]


def test_no_rows_print_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    printing.show_csv([])
    assert out.getvalue() == ""


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
    said = "\n".join(each.stdout + each.stderr for each in told).replace("images/s", "a second")  # 1 on a busy machine
    assert "1 image of 1 place" in said
    assert "1 image could not be used:" in said
    assert "1 image removed" in said
    for word in ("images", "places", "photos", "queries", "errors", "rows", "findings"):
        assert f" 1 {word}" not in f" {said}".replace("\n", " ").replace("(", " ")
