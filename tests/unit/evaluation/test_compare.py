"""Several settings on one dataset, the sweep of thresholds, and the intervals of the headlines."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import UsageError
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.setting import Setting
from placeprint.evaluation.sweep import threshold_sweep
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.size import kept_bytes
from placeprint.presets import FAST, Preset, find_preset
from placeprint.records import ImageRecord, ModelSpec
from placeprint.report.compare import compare
from placeprint.storage.ragged import Ragged

SPEC = ModelSpec(name="hand", dim=3)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    rows = [ImageRecord(path=p, places=(p[0],)) for p in ("a0", "a1", "b0", "c0")]
    vectors = np.array([(1, 0, 0), (0.8, 0.6, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    gallery = Gallery.build(tmp_path / "g", records=rows, vectors=vectors, spec=SPEC)
    asked = np.array([(1, 0, 0), (0.8, 0.6, 0), (0.6, 0, 0.8), (0, 1, 0)], np.float32)
    np.save(tmp_path / "q.npy", asked)
    (tmp_path / "q.csv").write_text("path,place\nq0,a\nq1,b\nq2,z\nq3,b|c\n")
    assert gallery.path is not None
    return {"gallery": gallery.path, "embeddings": tmp_path / "q.npy", "records": tmp_path / "q.csv"}


def test_settings_are_read() -> None:
    assert Setting.parse("resnet50") == Setting("resnet50", {"model": "resnet50"})
    assert Setting.parse("index=faiss,threshold=0.5").options == {"index": "faiss", "threshold": 0.5}
    for bad in ("colour=red", "threshold=high", "threshold=0.5,=3"):
        with pytest.raises(UsageError):
            Setting.parse(bad)


def test_a_setting_against_itself_is_no_difference(given: dict[str, Path]) -> None:
    first, second = compare(None, ["index=exact", "index=faiss"], **given)
    assert first.recall_test is None
    assert second.recall_test is not None
    assert (second.recall_test.first_only, second.recall_test.second_only, second.recall_test.p_value) == (0, 0, 1.0)
    assert second.precision_difference is not None
    assert second.precision_difference.interval.value == 0.0
    assert first.average_precision.value == pytest.approx(first.result.map)


def test_a_threshold_that_rejects_all_changes_the_decision_and_not_the_retrieval(given: dict[str, Path]) -> None:
    first, second = compare(None, ["threshold=0.1", "threshold=1.1"], **given)
    for row in (first, second):
        assert row.recall_at_1.value == row.result.recall[1] == pytest.approx(2 / 3)
    assert second.recall_test is not None
    assert (second.recall_test.first_only, second.recall_test.second_only) == (0, 0)
    assert first.open_set_recall_at_1 is not None
    assert second.open_set_recall_at_1 is not None
    assert first.open_set_recall_at_1.value == pytest.approx(2 / 3)
    assert second.open_set_recall_at_1.value == second.result.open_set.recall_at_1 == 0.0
    assert first.open_set_test is None
    assert second.open_set_test is not None
    assert (second.open_set_test.first_only, second.open_set_test.second_only) == (0, 2)
    assert second.sweep is not None
    assert second.sweep.unknown_rate == 1.0


def test_without_a_threshold_or_a_calibration_nothing_is_unknown(given: dict[str, Path]) -> None:
    first, second, strict = compare(None, ["index=exact", "index=faiss", "threshold=1.1"], **given)
    assert first.open_set_recall_at_1 is None
    assert (second.open_set_recall_at_1, second.open_set_test) == (None, None)
    assert strict.open_set_test is not None
    assert (strict.open_set_test.first_only, strict.open_set_test.second_only) == (0, 2)


def test_without_settings() -> None:
    with pytest.raises(UsageError, match="at least one setting"):
        compare("anything", [])


def test_the_sweep_by_hand(given: dict[str, Path]) -> None:
    result = evaluate(**given)
    lax, strict = threshold_sweep(result, [0.5, 0.9])
    assert (lax.unknown_rate, lax.wrong_removed, lax.right_removed) == (0.0, 0, 0)
    assert lax.open_set_recall_at_1 == pytest.approx(2 / 3)
    # q0: ranks 0, 1; q1: rank 2; q3: ranks 0, 3 of a, b, c
    assert lax.map_found_at_20 == pytest.approx((1 + 1 / 3 + (1 + 2 / 4) / 2) / 3)
    assert (strict.unknown_rate, strict.wrong_removed, strict.right_removed) == (0.25, 1, 0)
    all_removed = threshold_sweep(result, [1.5])[0]
    assert all_removed.map_found_at_20 == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3), (
        "UNKNOWN takes the best match's place"
    )
    assert (all_removed.wrong_removed, all_removed.right_removed) == (2, 2)


def test_headlines_carry_the_values_and_both_intervals(given: dict[str, Path]) -> None:
    result = evaluate(**given, threshold=0.9)
    rows = {h.name: h for h in result.headlines}
    assert rows["recall_at_1"].over_queries.value == pytest.approx(result.recall[1])
    assert rows["map"].over_queries.value == pytest.approx(result.map)
    assert rows["auroc"].over_queries.value == pytest.approx(result.open_set.auroc)
    assert rows["unknown_recall"].over_queries.value == result.open_set.unknown_recall
    assert rows["map"].over_queries.low <= result.map <= rows["map"].over_queries.high
    assert rows["map"].over_places.units == 3
    again = {h.name: h for h in evaluate(**given, threshold=0.9).headlines}
    assert again["map"] == rows["map"]


def test_conventions_agree_with_the_headline_numbers(given: dict[str, Path]) -> None:
    result = evaluate(**given)
    rows = {(c.name, c.by): c.value for c in result.conventions}
    assert rows[("mAP", "scikit-learn")] == pytest.approx(result.map)
    assert rows[("Recall@1", "VPR_Tutorial")] == pytest.approx(result.recall[1])
    assert [v for (name, _), v in rows.items() if name == "Recall@1"] == [
        pytest.approx(result.recall[1]),
        pytest.approx(result.recall_over_all[1]),
    ]


@pytest.mark.parametrize("name", ["exact", "faiss"])
@pytest.mark.parametrize("preset", [FAST, find_preset("balanced"), find_preset("best")])
def test_what_a_gallery_keeps_is_what_it_writes(preset: Preset, name: str, tmp_path: Path) -> None:
    """Vectors alone were counted: of `balanced` that is an eighth."""
    rng = np.random.default_rng(0)
    count = 40
    kinds = {kind for kind, weight in (("cells", preset.cell_weight), ("xfeat", preset.match_weight)) if weight}
    spec = ModelSpec(name="hand", dim=64, cells=9, cells_output="map", cells_stride=16, xfeat=9)
    spec = dataclasses.replace(spec, **dict.fromkeys({"cells", "xfeat"} - kinds, 0))
    parts = {
        kind: Ragged.of(rng.integers(0, 255, (3, 3, 112)).astype(np.uint8) for _ in range(count)) for kind in kinds
    }
    records = [ImageRecord(path=f"{i}.jpg", places=(str(i // 4),)) for i in range(count)]
    vectors = rng.normal(size=(count, 64)).astype(np.float32)
    settings = {"records": records, "vectors": vectors, "spec": spec, "index": name, "preset": preset, "parts": parts}
    built = Gallery.build(tmp_path / "g", **settings)
    files = sum(
        f.stat().st_size for f in (tmp_path / "g").rglob("*") if f.name not in (".lock", ".reserve") and f.is_file()
    )
    assert kept_bytes(built) == files
    assert kept_bytes(Gallery.in_memory(**settings)) == pytest.approx(files, abs=6000)  # the head, and heads of files
    assert files > vectors.nbytes + len(kinds) * count * 9 * 112


def test_compare_tells_what_is_kept(given: dict[str, Path]) -> None:
    [row] = compare(None, ["threshold=0.5"], **given)
    assert row.megabytes == kept_bytes(Gallery.open(given["gallery"])) / 1e6
