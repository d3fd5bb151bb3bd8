"""The whole way: a model of one's own, the truth about it, and going on after a kill."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("pytorch_metric_learning")

from placeprint.cli.app import app  # noqa: E402
from placeprint.dataset.manifest import Manifest  # noqa: E402
from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.errors import DatasetError, MissingExtraError, ModelError, UsageError  # noqa: E402
from placeprint.evaluation.evaluate import evaluate  # noqa: E402
from placeprint.training import train as training  # noqa: E402
from placeprint.training.pool import divide, gather_pool  # noqa: E402
from placeprint.training.result import TrainingResult  # noqa: E402
from placeprint.training.spread import spread  # noqa: E402
from placeprint.training.train import train  # noqa: E402

QUICK: dict[str, Any] = {"places": 4, "images": 3, "epochs": 4, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def whole(places: Path, tiny_base: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A full training that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "mine.onnx"
    return train(places, out, model=tiny_base, cache=False, full=True, accumulate=2, **QUICK)


def test_a_training_that_helps_says_so_and_its_files_agree(
    tmp_path: Path, drawn: Callable[..., Path], tiny_base: str
) -> None:
    photos = drawn(tmp_path / "photos", places=40, views=4, seed=2)
    out = tmp_path / "head.onnx"
    result = train(photos, out, model=tiny_base, cache=False, learning_rate=3e-2, epochs=12, hardness=0.25)
    assert result.better, result.verdict.says
    assert result.recommended == str(out)
    assert result.test.map - result.test_base.map == pytest.approx(result.verdict.precision.interval.value)
    assert result.history[result.best_epoch] == max(result.history, key=lambda h: h["map"] + h["recall_at_1"])
    assert (result.places, result.images) == ((24, 8, 8), (96, 32, 32))
    _is_as_spread(result, photos, tiny_base)
    card = json.loads((tmp_path / "head.card.json").read_text())
    schema = Path(__file__).parents[2] / "docs" / "schemas" / "train.json"
    jsonschema.validate(card, json.loads(schema.read_text("utf-8")))
    assert card["test"] == {"recall_at_1": result.test.recall_at_1, "map": result.test.map}
    assert (card["spec"]["licence"], card["recommended"]) == ("Apache-2.0", str(out))
    words = (tmp_path / "head.md").read_text()
    assert "Better than the base on 8 places that it never saw, asked by balanced" in words
    assert f"Behind each unit vector stands {result.constant:.3f}" in words
    page = (tmp_path / "head.html").read_text()
    assert "Use it." in page
    assert "http" not in page.replace("http-equiv", "")
    assert sorted(p.name for p in tmp_path.glob("head.*")) == [
        f"head.{end}" for end in ("card.json", "html", "json", "md", "onnx")
    ]


def _is_as_spread(result: TrainingResult, photos: Path, base: str) -> None:
    """The written file's cosines between places that chose are as spread as the base's, and were not before."""
    embedders = [load_embedder(model, preset=result.settings.preset) for model in (base, str(result.path))]
    pools = [gather_pool([photos], each, cache=False, progress=None) for each in embedders]
    rows = divide(pools[0], validation=0.2, test=0.2, seed=0).validation
    before, after = (spread(pool.vectors[rows], pool.labels[rows]) for pool in pools)
    assert result.constant > 0.2
    assert after == pytest.approx(before, rel=0.1)  # the mean of two views is shorter than 1: not quite the same


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_the_verdict_is_what_evaluate_says(preset: str, tmp_path: Path, drawn: Callable[..., Path]) -> None:
    photos = drawn(tmp_path / "photos", places=10, views=3, seed=5, shuffled=True)
    result = train(photos, tmp_path / "m.onnx", cache=False, preset=preset, epochs=1, places=3, images=3)
    assert f"asked by {preset}: " in result.verdict.says
    pool = gather_pool([photos], load_embedder(), cache=False, progress=None)
    parts = divide(pool, validation=0.2, test=0.2, seed=0)
    asked = {pool.records[row].path for row in parts.test}
    held = tuple(pool.records[row] for row in sorted([*parts.test, *parts.validation]))
    for model, figures in ((result.base.name, result.test_base), (str(result.path), result.test)):
        done = evaluate(Manifest(photos, held), model=model, preset=preset, cache=False)
        precision = [query.average_precision for query in done.queries if query.path in asked]
        assert figures.map == pytest.approx(np.mean(precision), abs=1e-9)
        assert 0 < figures.map < 1


def test_labels_without_meaning_are_not_called_a_gain(
    tmp_path: Path, drawn: Callable[..., Path], tiny_base: str
) -> None:
    photos = drawn(tmp_path / "photos", places=30, views=4, seed=3, shuffled=True)
    arguments = ["train", str(photos), "-o", str(tmp_path / "m.onnx"), "--model", tiny_base, "--epochs", "3", "-q"]
    done = CliRunner().invoke(app, [*arguments, "--json", "--no-cache"])
    assert done.exit_code == 1, done.output
    row = json.loads(done.stdout)
    assert row["verdict"]["better"] is False
    assert row["recommended"] == "tiny"
    assert "keep using the base" in row["verdict"]["says"]
    assert (tmp_path / "m.onnx").is_file()


_KILLED = """
import os, signal, sys
from placeprint.storage import atomic
from placeprint.training import state
from placeprint.training.train import train

written = 0
def killing(path, data):
    global written
    written += 1
    if written == int(sys.argv[4]):  # the new state lies half written beside the old one
        (path.parent / ".half").write_bytes(data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    atomic.write_atomic(path, data)

state.write_atomic = killing
train(sys.argv[1], sys.argv[2], model=sys.argv[3], cache=False, full=True, accumulate=2,
      places=4, images=3, epochs=4, learning_rate=3e-3)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_and_gone_on_it_comes_to_the_same(whole: Any, places: Path, tiny_base: str, tmp_path: Path) -> None:
    out = tmp_path / "mine.onnx"
    command = [sys.executable, "-c", _KILLED, str(places), str(out), tiny_base, "3"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()
    state = torch.load(out.with_suffix(".training"), weights_only=True)
    assert json.loads(bytes(state["meta"].tolist()))["epoch"] == 2
    result = train(places, out, model=tiny_base, cache=False, full=True, accumulate=2, **QUICK)
    assert not out.with_suffix(".training").exists()
    assert (result.best_epoch, result.epochs) == (whole.best_epoch, whole.epochs)
    for ours, theirs in zip(result.history, whole.history, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3, nan_ok=True)
    assert result.history[3]["loss"] != result.history[4]["loss"]
    assert (result.test.map, result.test.recall_at_1) == pytest.approx(
        (whole.test.map, whole.test.recall_at_1), abs=1e-3
    )


def _begun(places: Path, out: Path, tiny_base: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a state behind, as an interruption before the export does."""
    with monkeypatch.context() as patched:
        patched.setattr(training, "write_trained", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(places, out, model=tiny_base, cache=False, **(QUICK | {"epochs": 1}))
    return out.with_suffix(".training")


class _Hostile:
    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def test_states_that_cannot_be_gone_on_from_are_refused(
    places: Path, tmp_path: Path, tiny_base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "mine.onnx"
    state = _begun(places, out, tiny_base, monkeypatch)
    good = state.read_bytes()

    def again(**changes: Any) -> Any:
        return train(places, out, model=tiny_base, cache=False, **(QUICK | {"epochs": 1} | changes))

    with pytest.raises(UsageError, match="other settings, photos or base"):
        again(seed=1)
    state.write_bytes(good[: len(good) // 2])
    with pytest.raises(ModelError, match=r"cut short.*delete"):
        again()
    torch.save({"meta": _Hostile(tmp_path / "ran")}, state)
    with pytest.raises(ModelError, match="holds more than tensors"):
        again()
    assert not (tmp_path / "ran").exists()
    torch.save({"x": torch.zeros(2)}, state)
    with pytest.raises(ModelError, match="not the state of a training"):
        again()
    assert not out.exists()
    state.write_bytes(good)
    assert again().epochs == 1


def test_what_cannot_be_trained_is_refused_in_one_line(
    tmp_path: Path, drawn: Callable[..., Path], places: Path
) -> None:
    tiny = drawn(tmp_path / "tiny", places=2, views=3)
    with pytest.raises(DatasetError, match="2 places have two photos or more"):
        train(tiny, tmp_path / "m.onnx", cache=False)
    with pytest.raises(UsageError, match=r"must end with \.onnx"):
        train(places, tmp_path / "m.pt")
    with pytest.raises(UsageError, match='"speed" is not a setting of a training'):
        train(places, tmp_path / "m.onnx", speed=1)
    with pytest.raises(UsageError, match='loss "softmax" is not known'):
        train(places, tmp_path / "m.onnx", loss="softmax")
    with pytest.raises(UsageError, match=r"learns a whitening from each gallery: train without it"):
        train(places, tmp_path / "m.onnx", preset="balanced:whiten=pca")
    with pytest.raises(UsageError, match="give a dataset"):
        train([], tmp_path / "m.onnx")


def test_a_loss_that_is_no_number_ends_the_training(places: Path, tiny_base: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"loss became (nan|inf).*try a tenth"):
        train(places, tmp_path / "m.onnx", model=tiny_base, cache=False, **(QUICK | {"learning_rate": 1e30}))
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("missing", ["torch", "pytorch_metric_learning.losses", "onnxruntime"])
def test_what_is_missing_is_named(missing: str, places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r'pip install "placeprint\[train\]"'):
        train(places, tmp_path / "m.onnx")


def test_a_trained_model_indexes_and_answers_without_pytorch(whole: Any, places: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxruntime', 'pytorch_metric_learning'): sys.modules[name] = None\n"
        "from placeprint import Recognizer, index\n"
        "from placeprint.recognition.gallery_model import embedder_for\n"
        "made = index(sys.argv[1], sys.argv[2], model=sys.argv[3], cache=False, preset=sys.argv[4]).gallery\n"
        "asked = Recognizer(made, embedder_for(made, model=sys.argv[3]))\n"
        "found = asked.recognize(sys.argv[1] + '/place-03/1.png', k=80).matches\n"
        "print(max(found, key=lambda match: match.similarity).path, made.spec.name)\n"
    )
    for preset in ("fast", "best"):
        command = [sys.executable, "-c", code, str(places), str(tmp_path / preset[:4]), str(whole.path), preset]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["place-03/1.png", "mine"]


def test_full_training_changes_the_network_itself(whole: Any, tiny_base: str) -> None:
    from placeprint.embedding.export.graph import constants_of, read_proto
    from placeprint.embedding.models import find_model

    old, new = (constants_of(read_proto(Path(p).read_bytes())) for p in (tiny_base, str(whole.path)))
    assert whole.best_epoch > 0
    assert np.abs(old["w0"] - new["w0"]).max() > 1e-3
    assert new["tail0.p"] != pytest.approx(2.0, abs=1e-4)
    assert find_model(str(whole.path)).spec.source == "placeprint train, from tiny (random)"
