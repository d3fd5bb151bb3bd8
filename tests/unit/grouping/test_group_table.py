"""The table of groups is a manifest; answers and names in it come back."""

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from groupings import grouping_of
from placeprint.dataset.manifest import read_manifest
from placeprint.errors import DatasetError, UsageError
from placeprint.grouping.result import NO_PLACE, Alone, Constraint, Group, Grouping, Link
from placeprint.grouping.table import read_answers, refuse_table, write_groups
from placeprint.records import FailedImage
from placeprint.report.groups_page import render_groups
from program import run

ODD = 'b "quoted", [x]|é.jpg'
ANSWERS = (Constraint(Link.MUST, "a.jpg", ODD), Constraint(Link.CANNOT, "a.jpg", "c.jpg"))


def grouping(root: Path, *, named_by: str = "you") -> Grouping:
    mill = Group(
        place="Mill, old",
        named_by=named_by,
        photos=("a.jpg", ODD, "d.jpg"),
        looks=(("a.jpg", ODD), ("d.jpg",)),
        weakest=0.9,
    )
    return grouping_of(root, (mill,), 4, looks=3, alone=(Alone("c.jpg", "why"),), constraints=ANSWERS)


def test_every_verb_reads_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_groups(grouping(tmp_path / "in"), tmp_path / "places.csv")
    records = {record.path: record for record in read_manifest(tmp_path / "places.csv").records}
    assert {path: record.place for path, record in records.items()} == {
        "in/a.jpg": "Mill, old",
        f"in/{ODD}": "Mill, old",
        "in/d.jpg": "Mill, old",
        "in/c.jpg": None,
    }
    assert [records[f"in/{name}"].extra["look"] for name in ("a.jpg", ODD, "d.jpg")] == ["1.1", "1.1", "1.2"]


def test_a_row_tells_of_each_photo_where_it_is_and_why(tmp_path: Path) -> None:
    found = dataclasses.replace(grouping(tmp_path), alone=(Alone("c.jpg", "why"), Alone("0.jpg", NO_PLACE)))
    assert [tuple(row.values()) for row in found.table()] == [
        ("0.jpg", "", "", "you", NO_PLACE),
        ("a.jpg", "Mill, old", "1.1", "you", ""),
        (ODD, "Mill, old", "1.1", "you", ""),
        ("c.jpg", "", "", "", "why"),
        ("d.jpg", "Mill, old", "1.2", "you", ""),
    ]


def test_answers_and_names_of_ones_own_come_back(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for root, out in ((tmp_path, tmp_path / "p.csv"), (tmp_path / "in", tmp_path / "q.csv")):
        write_groups(grouping(root), out)
        answers, names = read_answers(out, root)
        assert set(answers) == set(ANSWERS)
        assert names == {"a.jpg": "Mill, old", ODD: "Mill, old", "d.jpg": "Mill, old"}
        write_groups(grouping(root, named_by="number"), out)
        assert read_answers(out, root)[1] == {}, "a number is no name of one's own"


def test_the_page_adds_a_place_by_its_name_as_it_is(tmp_path: Path) -> None:
    name = "می\u200cخواهم"  # a joiner is a letter's own in Persian; where people read, it is written out
    mill = Group(place=name, named_by="you", photos=("a.jpg", "b.jpg"), looks=(("a.jpg",), ("b.jpg",)), weakest=0.9)
    page = render_groups(grouping_of(tmp_path, (mill,), 2, looks=2))
    assert f'data-place="{name}"' in page
    assert 'data-place="Mill&#34;&lt;"' in render_groups(
        grouping_of(tmp_path, (dataclasses.replace(mill, place='Mill"<'),), 2, looks=2)
    )


def test_what_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "places.csv"
    refuse_table(out, tmp_path, replace=False)
    out.write_text("path,place\na.jpg,mill\n")
    with pytest.raises(UsageError, match="was not made by placeprint"):
        refuse_table(out, tmp_path, replace=False)
    refuse_table(out, tmp_path, replace=True)
    write_groups(grouping(tmp_path), out)
    refuse_table(out, tmp_path, replace=False)
    with pytest.raises(UsageError, match="not above"):
        refuse_table(tmp_path / "else" / "places.csv", tmp_path / "in", replace=False)
    with pytest.raises(UsageError, match=r"\.csv"):
        refuse_table(tmp_path / "places.json", tmp_path, replace=False)


@pytest.mark.parametrize("form", ["{}", "\ufeff{}", "sep=;\n{}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_that_a_spreadsheet_saved_is_still_ours(tmp_path: Path, form: str, end: str) -> None:
    out = tmp_path / "places.csv"
    write_groups(grouping(tmp_path), out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";" if "sep" in form else ",", lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    out.write_bytes(form.format(text.getvalue()).encode())
    refuse_table(out, tmp_path, replace=False)
    assert set(read_answers(out, tmp_path)[0]) == set(ANSWERS)
    out.write_bytes(out.read_bytes().replace(b"named_by", b"my notes"))
    with pytest.raises(UsageError, match="was not made by placeprint"):
        refuse_table(out, tmp_path, replace=False)


@pytest.mark.parametrize("cell", ["b.jpg", "{}", "[1]", '["b.jpg"', "[" * 100_000])
def test_an_answer_that_is_no_list_is_told_in_one_line(tmp_path: Path, cell: str) -> None:
    out = tmp_path / "places.csv"
    out.write_text(
        f'path,place,look,named_by,why,must_link,cannot_link\na.jpg,,,,,"{cell.replace(chr(34), chr(34) * 2)}",\n'
    )
    with pytest.raises(DatasetError, match="must_link"):
        read_answers(out, tmp_path)


def test_a_csv_on_stdout_leaves_nothing_untold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = (FailedImage("b\nad.jpg", "bad-name", "the file name holds a line break"),)
    found = dataclasses.replace(grouping(tmp_path), failures=failed, contradictions=("one line",))
    monkeypatch.setattr("placeprint.grouping.group.group", lambda *_, **__: found)
    said = run("group", tmp_path, "--csv")
    assert [row["path"] for row in csv.DictReader(io.StringIO(said.stdout))] == [row["path"] for row in found.table()]
    assert "one line" in said.stderr.splitlines()
    assert "holds a line break" in said.stderr
