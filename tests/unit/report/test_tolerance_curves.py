"""Recall by distance as a chart: where each point lies, and what stands in the page."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from placeprint import Gallery, ImageRecord, evaluate, imported_spec, write_report
from placeprint.report.curves import tolerance_curves


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Four images on a line, 20 m from one to the next; each is most like the one behind its neighbour."""
    records = [ImageRecord(path=f"{n}.jpg", latitude=45 + n * 20 / 111_195, longitude=10.0) for n in range(4)]
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0.05, 1, 0]], np.float32)
    return Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=imported_spec("m", 3), index="exact")


def test_each_point_is_the_recall_of_a_tolerance(gallery: Gallery, tmp_path: Path) -> None:
    result = evaluate(gallery=gallery, radius=25, ks=(1, 2, 3, 4))
    drawn = tolerance_curves(result.tolerances)
    assert drawn is not None
    assert [label for _, label in drawn.ticks] == [
        "5\N{NO-BREAK SPACE}m",
        "25\N{NO-BREAK SPACE}m",
        "100\N{NO-BREAK SPACE}m",
    ]
    assert [at for at, _ in drawn.ticks] == [0, 0.5, 1]
    assert [name for name, _ in drawn.curves] == ["Recall@1", "Recall@2", "Recall@3"]
    first = dict(drawn.curves)["Recall@1"]
    assert first.points == "0.0,1000.0 500.0,1000.0 1000.0,0.0"  # the best match is always 40 m away
    assert dict(drawn.curves)["Recall@3"].points == "0.0,1000.0 500.0,0.0 1000.0,0.0"
    assert [count for *_, count in first.dots] == [0, 4, 4]
    write_report(result, tmp_path / "report", gallery=gallery, query_root=None)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    section = page.split('id="distances"')[1].split("</section>")[0]
    assert section.count("<polyline") == 3
    assert re.findall(r"<td>([\d.]+)</td>", section) == [
        *("0.000", "0.000", "0.000", "0"),
        *("0.000", f"{result.tolerances[1].recall[2]:.3f}", "1.000", "4"),
        *("1.000", "1.000", "1.000", "4"),
    ]
    without = dataclasses.replace(result, tolerances=())
    assert tolerance_curves(without.tolerances) is None
    write_report(without, tmp_path / "other", gallery=gallery, query_root=None)
    assert 'id="distances"' not in (tmp_path / "other" / "report.html").read_text("utf-8")
