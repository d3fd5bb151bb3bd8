"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# On a busy machine generating examples may take long; that is no fault of the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real photographs beside the repository; tests that need them are skipped where they are missing."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real photographs are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small rendered town: 6 places (one of them only in the queries), 30 photographs, 4 broken files."""
    from placeprint.town import render_town

    folder = tmp_path_factory.mktemp("rendered") / "town"
    render_town(folder, places=6, views=4, seed=5)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an embedding cache of its own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PLACEPRINT_CACHE", str(folder))
    return folder
