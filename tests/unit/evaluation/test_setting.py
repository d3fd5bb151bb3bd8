"""What a setting of a comparison may say, and what is refused before anything is embedded."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.embedding.models import WEIGHTS
from placeprint.errors import ModelError, PlaceprintError, UsageError
from placeprint.evaluation.setting import Setting
from placeprint.presets import PRESETS, find_preset
from placeprint.report.compare import compare

NAMED = "efficientnet-lite0"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("balanced", {"preset": "balanced"}),
        (NAMED, {"model": NAMED}),
        (f"balanced:{NAMED}", {"preset": "balanced", "model": NAMED}),
        ("fast:torchvision:resnet50", {"preset": "fast", "model": "torchvision:resnet50"}),
        ("torchvision:resnet50", {"model": "torchvision:resnet50"}),
        ("balanced:verified=20", {"preset": "balanced:verified=20"}),
        (
            f"balanced:verified=20:budget_ms=100:{NAMED}",
            {"preset": "balanced:verified=20:budget_ms=100", "model": NAMED},
        ),
        ("best,threshold=0.6", {"preset": "best", "threshold": 0.6}),
        (f"{NAMED}, index=faiss", {"model": NAMED, "index": "faiss"}),
        ("fast:my.onnx,runner=onnx", {"preset": "fast", "model": "my.onnx", "runner": "onnx"}),
        (
            "preset=balanced:verified=20,false_accept_rate=0.1",
            {"preset": "balanced:verified=20", "false_accept_rate": 0.1},
        ),
    ],
)
def test_presets_models_and_both_are_read(text: str, options: dict[str, object]) -> None:
    assert Setting.parse(text) == Setting(text, options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("balancd", 'neither a preset nor a model: did you mean "balanced"?'),
        ("Fast", 'did you mean "fast"?'),
        ("efficientnet-lite", 'did you mean "efficientnet-lite0"?'),
        ("balanced:eficientnet-lite0", 'did you mean "efficientnet-lite0"?'),
        ("torchvison:resnet50", 'did you mean "torchvision:resnet50"?'),
        ("model=eficientnet-lite0", 'did you mean "efficientnet-lite0"?'),
        ("threshold", 'did you mean "threshold="?'),
        ("tresh=0.5", 'did you mean "threshold"?'),
        ("preset=bst", 'preset "bst" is not known: did you mean "best"?'),
        ("balanced:verifed=20", 'did you mean "verified"?'),
        ("fast,index=exat", 'index "exat" is not known: did you mean "exact"?'),
        ("fast,runner=onx", 'runner "onx" is not known: did you mean "onnx"?'),
        ("balanced,fast", "says preset twice"),
        (f"fast:{NAMED},model={NAMED}", "says model twice"),
        ("balanced:", "names no model after the colon"),
        ("resnet", "neither a preset nor a model: presets are fast, balanced, best, models efficientnet-lite0"),
        ("", "neither a preset nor a model"),
    ],
)
def test_what_is_not_known_is_told_with_what_was_meant(text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        Setting.parse(text).require_possible()
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_the_last_setting_is_looked_at_before_the_first_is_run(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for wrong in ("fst", "missing.onnx", "radius=far", "false_accept_rate=7"):
        with pytest.raises((UsageError, ModelError)):
            compare("there is no dataset", ["fast", wrong], gallery=tmp_path / "nor a gallery")


def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a,b=c.onnx", "fast:x.onnx", "balanced:k=1:y.onnx"):
        for ending in (".onnx", ".json"):
            shutil.copy(WEIGHTS / f"{NAMED}{ending}", Path(name).with_suffix(ending))
        setting = Setting.parse(name)
        assert setting.options == {"model": name}
        setting.require_possible()


@settings(max_examples=50)
@given(st.text(max_size=30), st.sampled_from(["", "fast", "balanced:", "fast:", "threshold=", "index="]))
def test_any_text_is_read_or_refused(text: str, start: str) -> None:
    try:
        setting = Setting.parse(start + text)
        setting.require_possible()
    except PlaceprintError:
        return
    assert setting.name == start + text
    assert "preset" not in setting.options or find_preset(setting.options["preset"]).name.split(":")[0] in PRESETS
