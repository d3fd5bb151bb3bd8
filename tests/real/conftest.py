"""Real photographs are embedded once in a run of the tests, whichever test and process comes first."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def embedded_once(shared_cache: Path) -> Path:
    return shared_cache
