"""The examples in the docstrings of all public names run, and say what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import placeprint

pytestmark = pytest.mark.usefixtures("shared_cache")

NOT_RUN = {"Distilled", "Moved", "Nearby", "TrainingResult", "distil", "move", "serve", "train"}
"""They need a server or minutes of training, or never end."""
RUN_ELSEWHERE = {"Exported", "RunResult"}
"""They take seconds, as the functions that return them do, whose examples run."""
PHOTOS = {
    "town-hall.jpg": "town-hall/01.jpg",
    "town-hall-2.jpg": "town-hall/02.jpg",
    "castle-gate.jpg": "castle-gate/01.jpg",
}


def _written(name: str) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(getattr(placeprint, name)) or "")


NAMES = [name for name in placeprint.__all__ if not name.isupper()]


@pytest.fixture(scope="module")
def beside(town: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """What the examples find in their folder."""

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "town").symlink_to(town, target_is_directory=True)
        shutil.copytree(town / "gallery", folder / "photos")  # which examples may write into
        gallery = placeprint.index(folder / "town", folder / "town.gallery", preset="fast").gallery
        np.save(folder / "vectors.npy", np.asarray(gallery.download().vectors))
        rows = [f"{record.path},{record.place}" for record in gallery.download().records]
        (folder / "rows.csv").write_text("\n".join(["path,place", *rows]))
        for name, path in PHOTOS.items():
            shutil.copy(town / "gallery" / path, folder / name)

    return once("examples", make)


@pytest.fixture
def here(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shutil.copytree(beside, tmp_path / "here", symlinks=True))
    return tmp_path / "here"


@pytest.mark.usefixtures("here")
def test_results_are_shown_on_one_line() -> None:
    learned = placeprint.calibrate("town.gallery", false_accept_rate=0.2)
    limit = f"{learned.calibration.threshold:.3f}"
    assert repr(learned) == f"<CalibrationResult of town.gallery: accepted from probability {limit}>"
    report = placeprint.check("town")
    assert repr(report) == f"<CheckReport of town: {len(report.findings)} findings, {report.errors} of them errors>"


def test_every_public_name_has_an_example() -> None:
    assert [name for name in NAMES if not _written(name)] == []
    skipped = {name for name in NAMES if all(one.options.get(doctest.SKIP) for one in _written(name)[1:])}
    assert skipped == NOT_RUN | RUN_ELSEWHERE


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_RUN | RUN_ELSEWHERE])
@pytest.mark.usefixtures("here")
def test_the_example_runs(name: str) -> None:
    if name == "export":
        pytest.importorskip("onnx")
    told: list[str] = []
    home = importlib.import_module(getattr(placeprint, name).__module__)
    test = doctest.DocTest(_written(name), {}, name, home.__file__, 0, None)
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert "".join(told) == ""
