"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# Tests run in as many processes as there are cores, and so do the programs they start: a thread that waits by spinning
# takes the core from the one it waits for. Neither changes how many threads there are. Read when a library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

# On a busy machine generating examples may take long; that is no fault of the code. CI asks the same examples every
# time, so that a change is judged by what it changes: at a desk, and in `make fuzz`, they are new ones, and fewer.
CI = bool(os.environ.get("CI"))
settings.register_profile(
    "busy",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=CI,
    max_examples=100 if CI else 40,
)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real photographs beside the repository; tests that need them are skipped where they are missing."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real photographs are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the processes of this run of the tests."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(session_folder: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once in this run, whichever process asks first; nobody may change what is in it."""

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = session_folder / name, session_folder / f"{name}.done"
        with FileLock(session_folder / f"{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def town(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A small rendered town: 6 places (one of them only in the queries), 30 photographs, 4 broken files."""
    from town import render_town

    return once("town", lambda folder: render_town(folder, places=6, views=4, seed=5))


@pytest.fixture(scope="session")
def indexed_town(town: Path, session_folder: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The town's gallery, as the defaults make it; nobody may change it."""
    from placeprint import index

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPRINT_CACHE", str(session_folder / "embeddings"))
        return once("town.gallery", lambda folder: index(town, folder))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, session_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an embedding cache of its own; graphs are compiled once in a run of the tests.

    And tables are as wide as in a pipe (processes of pytest-xdist are told how wide the terminal is), and what whoever
    runs the tests has set for their own use does not count.
    """
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("PLACEPRINT_CONFIG", "")
    folder, graphs = tmp_path_factory.mktemp("cache"), session_folder / "embeddings" / "compiled"
    graphs.mkdir(parents=True, exist_ok=True)
    (folder / "compiled").symlink_to(graphs, target_is_directory=True)
    monkeypatch.setenv("PLACEPRINT_CACHE", str(folder))
    return folder


@pytest.fixture
def shared_cache(session_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The embedding cache of this run of the tests: for those that do not ask what is embedded anew."""
    monkeypatch.setenv("PLACEPRINT_CACHE", str(session_folder / "embeddings"))
    return session_folder / "embeddings"
