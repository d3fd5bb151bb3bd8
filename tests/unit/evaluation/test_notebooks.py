"""Results in notebooks: one line, a table that runs nothing, and a frame of pandas where that is."""

import dataclasses
import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from placeprint.errors import UsageError
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.mining.mine import mine
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec
from placeprint.report.compare import compare

NAMES = ("a", "a", "<b>", "<b>")
RECORDS = tuple(ImageRecord(path=f"{i}.jpg", places=(name,)) for i, name in enumerate(NAMES))
VECTORS = np.array([[1, 0], [0.9, 0.4], [0.95, 0.3], [0, 1]], np.float32)
GALLERY = Gallery.in_memory(RECORDS, VECTORS, spec=ModelSpec(name="plane", dim=2))
MEASURED, MINED = evaluate(gallery=GALLERY), mine(gallery=GALLERY)
COMPARED = compare(None, ["threshold=0.5", "threshold=1.1"], gallery=GALLERY)


class Cells(HTMLParser):
    """Collects the cells of a table, row by row, and the names of all elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1].append(data)


def test_a_result_is_one_line() -> None:
    right = MEASURED.recall[1]
    assert repr(MEASURED) == f"<EvaluationResult of gallery: Recall@1 {right:.3f}, mAP {MEASURED.map:.3f}; " + (
        "4 queries against 4 images>"
    )
    assert repr(MINED) == f"<MiningResult of gallery: {MINED.says}>"
    assert repr(COMPARED) == f"<Comparison of Recall@1: threshold=0.5 {right:.3f}, threshold=1.1 {right:.3f}>"


def test_a_notebook_sees_the_headlines() -> None:
    seen = Cells(MEASURED._repr_html_())
    assert seen.rows[0] == ["measure", "value", "95 % from", "to"]
    assert [row[:2] for row in seen.rows[1:]] == [
        [line.name, f"{line.over_places.value:.3f}"] for line in MEASURED.headlines
    ]
    assert [row[0] for row in Cells(COMPARED._repr_html_()).rows[1:]] == ["threshold=0.5", "threshold=1.1"]
    assert Cells(COMPARED._repr_html_()).rows[1][3] == "–", "the first is compared with nothing"


def test_names_are_text_in_a_notebook() -> None:
    seen = Cells(MINED._repr_html_())
    assert seen.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert seen.rows[1][:2] == ["<b>", "a"]


def test_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    queries = MEASURED.to_frame()
    assert [(row["path"], row["places"], row["right"]) for row in queries] == [
        (q.path, q.places, q.right) for q in MEASURED.queries
    ]
    assert [row["setting"] for row in COMPARED.to_frame()] == ["threshold=0.5", "threshold=1.1"]
    triplets = [(a.path, p.path, n.path) for a, p, n in MINED.triplets()]
    assert [(row["anchor"], row["positive"], row["negative"]) for row in MINED.to_frame()] == triplets
    assert len(triplets) > 0


@pytest.mark.parametrize("result", [MEASURED, MINED, COMPARED], ids=["evaluation", "mining", "comparison"])
def test_without_pandas_it_is_told(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        result.to_frame()


def test_a_comparison_is_a_sequence() -> None:
    first, second = COMPARED
    assert (len(COMPARED), COMPARED[0], COMPARED[-1]) == (2, first, second)
    assert dataclasses.asdict(first.setting)["name"] == "threshold=0.5"
