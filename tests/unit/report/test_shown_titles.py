"""Pages and tables show the names by which people know places, each with the place itself."""

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import placeprint
from placeprint.cli.app import app
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec
from placeprint.records.answers import with_titles
from placeprint.records.images import titles_of
from placeprint.report.html import render

TITLED = {"a": "Old Mill", "b": "برج", "c": "<b>Town & Hall</b>", "gone": "Lost Bridge"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A right query, a miss, and one of a place that the gallery lacks; only tables tell the titles."""
    folder = tmp_path_factory.mktemp("titled")
    for number, path in enumerate(("a0", "b0", "c0", "d0", "q0", "q1", "q2")):
        Image.new("RGB", (60, 40), (30 * number, 90, 160)).save(folder / f"{path}.jpg")
    names = [("a",), ("b", "d"), ("c",), ("d",)]
    rows = [ImageRecord(path=f"{p[0]}0.jpg", places=p, titles=tuple(TITLED.get(one, one) for one in p)) for p in names]
    vectors = np.array([(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)], np.float32)
    spec = ModelSpec(name="hand", dim=4)
    Gallery.build(folder / "g", records=rows, vectors=vectors, spec=spec, root=str(folder))
    queries = [(1, 0.1, 0, 0), (0.2, 0.8, 0.7, 0), (0.5, 0, 0.7, 0.6)]
    np.save(folder / "q.npy", np.array(queries, np.float32))
    table = "path,place,title\nq0.jpg,a,Old Mill\nq1.jpg,c,<b>Town & Hall</b>\nq2.jpg,gone,Lost Bridge\n"
    (folder / "q.csv").write_text(table, "utf-8")
    return {"gallery": folder / "g", "embeddings": folder / "q.npy", "records": folder / "q.csv"}


@pytest.fixture(scope="module")
def result(given: dict[str, Path]) -> EvaluationResult:
    return placeprint.evaluate(threshold=0.6, **given)


def cells(html: str, section: str) -> list[str]:
    table = html[html.index(f'<section id="{section}"') :].partition("</section>")[0]
    found = re.findall(r"<td[^>]*>(.*?)</td>", table)
    return [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in found]


def test_the_report_names_places_by_their_titles(given: dict[str, Path], result: EvaluationResult) -> None:
    html = render(result, gallery=placeprint.open_gallery(given["gallery"]), query_root=given["records"].parent)
    town, bridge = "<b>Town & Hall</b> (c)", "Lost Bridge (gone)"
    assert {"Old Mill (a)", town, bridge, "برج (b)|d"} <= set(cells(html, "queries"))
    assert cells(html, "confusions")[:2] == [town, "برج (b)|d"]
    assert {"Old Mill (a)", "برج (b)", town, "d", bridge} <= set(cells(html, "places"))
    sheets = unescape(re.sub(r"<wbr>|<[^>]*>", "", html[html.index('<section id="misses"') :]))
    assert [name in sheets for name in (town, bridge, "Old Mill (a)")] == [True] * 3
    assert "does not have: Lost Bridge (gone)" in unescape(html.replace("<wbr>", ""))
    assert "<b>Town" not in html
    assert result.to_dict()["titles"] == TITLED


def test_a_comparison_and_the_terminal_name_them_too(given: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    placeprint.compare(None, ["threshold=0.1", "threshold=1.1"], report=page, **given)
    html = page.read_text("utf-8")
    assert {"Old Mill (a)", "<b>Town & Hall</b> (c)", "Lost Bridge (gone)"} <= set(cells(html, "queries"))
    assert "wrong: برج (b)|d" in " ".join(cells(html, "queries"))
    pictures = unescape(re.sub(r"<wbr>|<[^>]*>", "", html[html.index('<section id="against-1"') :]))
    assert "Right placeOld Mill (a)" in re.sub(r"\n", "", pictures)
    done = CliRunner().invoke(app, ["evaluate", *(f"--{name}={path}" for name, path in given.items())])
    assert "<b>Town & Hall</b> (c)" in done.output


def test_titles_of_records_and_of_joined_places() -> None:
    records = [ImageRecord(path=f"{i}.jpg", places=("a", "b"), titles=(title, "b")) for i, title in enumerate("XY")]
    assert titles_of(records) == {"a": "X"}
    titles = {"a": "Mill", "x|y": "Hall"}
    assert [with_titles(one, titles) for one in ("a|b", ("b", "a"), "x|y", "", ())] == [
        *("Mill (a)|b", "b|Mill (a)", "Hall (x|y)", "", "")
    ]
