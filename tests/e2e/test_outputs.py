"""Where nothing can be made, or photographs lie, that is said before there is work: exit code 2, or 3 by the system."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placeprint import index
from placeprint.dataset.scan import read_dataset
from placeprint.errors import UsageError
from placeprint.report.run import run as run_all
from program import run
from strangers import found


@pytest.fixture
def few(town: Path, tmp_path: Path) -> Path:
    """Four photographs of two places."""
    whole = [p for p in sorted((town / "gallery").glob("*/*.jpg")) if p.stat().st_size > 5000]
    for number, photo in enumerate(whole[:4]):
        (tmp_path / "few" / f"place {number % 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, tmp_path / "few" / f"place {number % 2}" / f"{number}.jpg")
    return tmp_path / "few"


VERBS: dict[str, Callable[[Path, Path], list[object]]] = {
    "index": lambda few, out: ["index", few, "-o", out],
    "index --replace": lambda few, out: ["index", few, "-o", out, "--replace"],
    "index --embeddings": lambda few, out: [
        *("index", "--embeddings", few.parent / "e.npy", "--records", few.parent / "e.csv", "-o", out)
    ],
    "run": lambda few, out: ["run", few, "-o", out],
    "run --replace": lambda few, out: ["run", few, "-o", out, "--replace"],
    "mine": lambda few, out: ["mine", few, "-o", f"{out}/t.csv"],
    "train": lambda few, out: ["train", few, "-o", f"{out}/m.onnx"],
    "distil": lambda few, out: ["distil", few, "-o", f"{out}/m.onnx", "--teacher", "m.onnx"],
    "export": lambda _, out: ["export", "fast", "--precision", "float16", "-o", f"{out}/m.onnx"],
    "town": lambda _, out: ["town", out],
    "query --explain": lambda few, out: ["query", few.parent / "g", few / "place 0" / "0.jpg", "--explain", "-o", out],
}


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no photograph be read, no model be loaded and nothing be rendered."""

    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("there was work")

    for name in ("embedding.embedder.Embedder", "indexing.folder.model_for", "report.run.check"):
        monkeypatch.setattr(f"placeprint.{name}", work)
    monkeypatch.setattr("town.render.render_all", work)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("below", ["", "/below", "/far/below"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_path_at_or_below_a_file_is_refused_before_there_is_work(
    verb: str, below: str, few: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "e.npy", np.eye(2, dtype=np.float32))
    (tmp_path / "e.csv").write_text("path,place\na.jpg,a\nb.jpg,b\n")
    (tmp_path / "theirs").write_text("mine")
    there = found(tmp_path)
    said = run(*VERBS[verb](few, Path(f"{tmp_path}/theirs{below}")), expect=2).stderr.splitlines()
    assert [line for line in said if ": read as " not in line] == said[-1:]
    assert "theirs" in said[-1]
    assert "folder" in said[-1] or "file" in said[-1]
    assert found(tmp_path) == there


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("verb", [verb for verb in VERBS if "embeddings" not in verb])
def test_a_folder_that_may_not_be_written_to_is_refused_before_there_is_work(
    verb: str, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    usual = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and usual(path, mode))
    said = run(*VERBS[verb](few, tmp_path / "locked" / "new"), expect=3).stderr.splitlines()
    assert said[-1] == f'the system refused "{tmp_path / "locked"}": Permission denied'


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("inside", ["", "place 0", "gallery/.."])
def test_a_run_does_not_write_among_the_photographs(inside: str, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = found(few)
    said = run("run", few, "-o", few / inside, expect=2).stderr
    assert "holds photographs of the dataset" in said
    monkeypatch.chdir(few / "place 0")
    assert "holds photographs of the dataset" in run("run", few, "-o", ".", expect=2).stderr
    with pytest.raises(UsageError, match="holds photographs of the dataset"):
        run_all(read_dataset(few), few)
    assert found(few) == there


@pytest.mark.usefixtures("shared_cache")
@pytest.mark.parametrize("out", ["out", "new/out", "../beside"])
def test_a_run_beside_them_or_in_a_folder_of_its_own_is_made(few: Path, out: str) -> None:
    run("run", few, "-o", few / out, "--preset", "fast", "--quiet")
    assert {path.name for path in (few / out).iterdir()} == {"gallery", "report.html", "report.json"}
    assert len(index(few, few.parent / "g", preset="fast").gallery) == 4
