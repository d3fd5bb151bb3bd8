"""The field's protocols and leaderboards, as people ask for them."""

import json
from pathlib import Path

import jsonschema
import pytest

from field_trees import SCALE_25_M, frame_name, utm_tree
from placeprint import compare
from placeprint.errors import UsageError
from program import run

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"

pytestmark = pytest.mark.usefixtures("shared_cache")


def valid(verb: str, text: str) -> dict:
    row = json.loads(text)
    jsonschema.validate(row, json.loads((SCHEMAS / f"{verb}.json").read_text("utf-8")))
    return row


def test_from_a_tree_to_a_leaderboard(tmp_path: Path) -> None:
    names = [frame_name(i, SCALE_25_M) for i in range(12)]
    utm_tree(tmp_path / "nordland/images/test", names, names[:6])
    asked = ("evaluate", tmp_path / "nordland", "--preset", "fast", "-q")
    told = run(*asked, "--protocol", "nordland").stdout
    assert "Nordland, as papers print it" in told
    assert "not beside published figures: 12 gallery images and 6 queries, where the published set has 27,592" in told
    assert "± 10 frames" in told
    for name, more in {"a": ("--protocol", "nordland"), "b": ("--radius", "5")}.items():
        row = valid("evaluate", run(*asked, *more, "--json").stdout)
        (tmp_path / f"{name}.json").write_text(json.dumps(row))
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    compared = compare(tmp_path / "nordland", ["fast"], protocol="nordland")
    benchmark, one = compared[0].result.benchmark, valid("evaluate", (tmp_path / "a.json").read_text())["benchmark"]
    assert (benchmark.protocol, benchmark.figures) == ("nordland", one["figures"])
    with pytest.raises(UsageError, match="leave out the radius"):
        compare(tmp_path / "nordland", ["fast", "preset=fast,radius=5"], protocol="nordland")
    ranked = run("leaderboard", *files)
    assert "not comparable with the first: other protocol: none, not nordland" in ranked.stdout
    found = valid("leaderboard", run("leaderboard", *files, "--json").stdout)
    assert [(row["group"], row["rank"], row["why_not"][:14]) for row in found["rows"]] == [
        (1, 1, ""),
        (2, 1, "other protocol"),
    ]
    assert run("leaderboard", *files, "--csv").stdout.startswith("group,rank,model,preset,dim,")
    assert run("leaderboard", *files, "--markdown").stdout.splitlines()[1].startswith("| ---: | --- |")
    assert r"\begin{tabular}" in run("leaderboard", *files, "--latex").stdout


def test_protocols_are_listed() -> None:
    rows = valid("protocols", run("protocols", "--json").stdout)
    assert {row["name"]: row["queries"] for row in rows}["tokyo247"] == "315"
    assert run("evaluate", "--protocol", "list").stdout == run("protocols").stdout
    assert "train_val/cph and train_val/sf" in run("protocols", "msls-val").stdout
    assert 'no protocol "x"' in run("protocols", "x", expect=2).stderr


@pytest.mark.parametrize(
    ("more", "says", "code"),
    [
        (("--protocol", "nordland"), "needs the folder of its files", 2),
        ((".", "--protocol", "nordland", "--radius", "3"), "leave out the radius", 2),
        ((".", "--protocol", "nordland", "--layout", "flat"), "leave out --layout", 2),
        ((".", "--protocol", "eynsham"), "has none of the forms of eynsham", 3),
    ],
)
def test_wrong_use_is_one_line(more: tuple[str, ...], says: str, code: int, tmp_path: Path) -> None:
    frames = [frame_name(0, 1)]
    utm_tree(
        tmp_path / "images/test", frames, frames, ("db", "queries") if "eynsham" in more else ("database", "queries")
    )
    given = [str(tmp_path) if word == "." else word for word in more]
    error = run("evaluate", *given, expect=code).stderr
    assert says in error.splitlines()[-1]


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("--markdown", "| 1 | a&lt;b>&#124;c&#92;&#124;d\\x0ae&amp; |"),
        ("--latex", r"1 & a<b>|c\textbackslash{}|d�e\& &"),
    ],
)
def test_hostile_names_stay_in_their_cell(form: str, row: str, tmp_path: Path) -> None:
    result = {"model": "a<b>|c\\|d\ne&", "recall": {"1": 0.5}, "truth": "same place"}
    (tmp_path / "r.json").write_text(json.dumps([result]))
    lines = run("leaderboard", tmp_path / "r.json", form).stdout.splitlines()
    assert next(line for line in lines if "b>" in line).startswith(row)
