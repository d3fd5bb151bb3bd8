"""What a person corrected: the later of two answers holds, and a file that is something else is refused in one line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.dataset.tables.cells import labels
from placeprint.errors import DatasetError, UsageError
from placeprint.grouping import corrections
from placeprint.grouping.corrections import (
    Corrections,
    checked_name,
    corrections_of,
    read_corrections,
    write_corrections,
)
from placeprint.grouping.result import Constraint, Link

PATHS = st.sampled_from(["a.jpg", "b/c.jpg", "é\udc80.jpg", "|"])
LINKS = st.builds(Constraint, st.sampled_from(Link), PATHS, PATHS).filter(lambda one: one.a != one.b)
NAMES = st.dictionaries(PATHS, st.sampled_from(["", "Mill", "Phố cổ"]))
LISTS = st.lists(LINKS, unique_by=lambda one: frozenset((one.a, one.b)))
MADE = st.builds(lambda links, names: Corrections().then(Corrections(tuple(links), names)), LISTS, NAMES)


@given(MADE)
def test_they_come_back_from_json(made: Corrections) -> None:
    read = corrections_of(json.loads(json.dumps(made.to_dict())))
    assert (read.constraints, dict(read.names)) == (made.constraints, dict(made.names))
    assert made.placeless == {path for path, name in made.names.items() if not name}


@given(MADE, MADE)
def test_the_later_answer_holds(first: Corrections, second: Corrections) -> None:
    both = first.then(second)
    assert set(second.constraints) <= set(both.constraints)
    pairs = [frozenset((one.a, one.b)) for one in both.constraints]
    assert len(pairs) == len(set(pairs))
    assert both.names == {**first.names, **second.names}


BAD = {
    "[]": "no corrections of format 1",
    '{"format": 2, "answers": []}': "no corrections of format 1",
    '{"format": 1, "answers": [7]}': "answer 1 cannot be understood",
    '{"format": 1, "answers": [{"link": "must", "a": "x"}]}': "it has no 'b'",
    '{"format": 1, "answers": [{"link": "must", "a": "x", "b": "x"}]}': "the same",
    '{"format": 1, "answers": [{"link": "may", "a": "x", "b": "y"}]}': "may",
    '{"format": 1, "answers": [{"place": "a|b", "photos": ["x"]}]}': "no bar",
    '{"format": 1, "answers": [{"place": "unknown", "photos": ["x"]}]}': "not UNKNOWN",
    '{"format": 1, "answers": [{"place": "Mill", "photos": "xyz"}]}': "a list of paths",
    '{"format": 1, "answers": [{"place": "  ", "photos": ["x"]}]}': "1 to 200 letters",
    '{"format": 1, "answers": [{"place": "", "photos": ["x"]}]}': "1 to 200 letters",
    '{"format": 1, "answers": [{"place": "NULL", "photos": ["x"]}]}': "word for no place",
    '{"format": 1, "answers": [{"place": "a\\nb", "photos": ["x"]}]}': "control character",
    '{"format": 1, "answers": [{"place": false, "photos": ["x"]}]}': "a list of paths",
    f'{{"format": 1, "answers": [{{"link": "{"y" * 10_000}", "a": "x", "b": "z"}}]}}': "is not a valid Link",
    '{"format": 1, "answers": [{"place": 3, "photos": ["x"]}]}': "a list of paths",
    '{"format": 1, "answers": [{"link": "must", "a": "x", "b": "y"}, {"link": "cannot", "a": "y", "b": "x"}]}': "t and",
    '{"format": 1, "answers": [{"link": "must", "a": "x", "b": "y", "place": "M", "photos": ["x"]}]}': "two answers",
    '{"format": 1, "answers": [{"place": "M", "photos": ["x"]}, {"place": "N", "photos": ["x"]}]}': '2 .*"x" has',
    '{"format": 1, "answers": [{"place": "M", "photos": ["x"]}, {"place": null, "photos": ["x"]}]}': '2 .*"x" has',
    "[" * 100_000: "cannot be read",
    "\xff": "cannot be read",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_understood_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "corrections.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=BAD[text]) as told:
        read_corrections(file)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 800


@pytest.mark.parametrize(("b", "said"), [("y", '"y" and "x" must and cannot be'), ("x", 'both are "x"')])
def test_answers_of_which_neither_is_the_later_one_are_refused(b: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Corrections((Constraint(Link.MUST, "x", b), Constraint(Link.CANNOT, b, "x")))


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    file, made = tmp_path / "corrections.json", Corrections((Constraint(Link.MUST, "a", "b"),), {"a": "Mill"})
    for _ in range(2):
        write_corrections(made, file)
    assert read_corrections(file) == made
    file.write_text('{"mine": 1}')
    with pytest.raises(Exception, match="was not made by placeprint"):
        write_corrections(made, file)


@given(st.text(min_size=1, max_size=250))
def test_a_name_that_is_taken_is_read_from_a_table_as_it_is(name: str) -> None:
    try:
        taken = checked_name(name)
    except ValueError:
        return
    assert labels(taken) == (taken,)
    assert checked_name(taken) == taken


@pytest.mark.parametrize("name", ["Phố cổ", "می\u200cخانه", "👨\u200d👩\u200d👧", "Nan", "a"])
def test_names_of_all_scripts_are_taken(name: str) -> None:
    assert checked_name(f" {name}\u00a0{name}\u3000") == f"{name} {name}"


def test_no_more_is_written_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "corrections.json"
    write_corrections(Corrections((), {"a": "Mill"}), file)
    monkeypatch.setattr(corrections, "MOST_BYTES", 2000)
    with pytest.raises(UsageError, match="stays as it was"):
        write_corrections(Corrections((), {"é" * 400: "Mill"}), file)
    assert read_corrections(file).given_names == {"a": "Mill"}


def test_a_file_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as told:
        read_corrections(tmp_path / "no.json")
    assert str(told.value).count("no.json") == 1
    assert "Errno" not in str(told.value)
