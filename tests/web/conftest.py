"""A served town."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served import Program


@pytest.fixture(scope="session")
def town_gallery(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered town as a gallery; nobody may change it."""
    from placeprint import PositionEvidence, index

    made = index(town, tmp_path_factory.mktemp("served") / "town.gallery", cache=False).gallery
    # As of a larger town: what its images tell of positions, so that of these photos some get one.
    return made.with_positions(PositionEvidence(known=((1.21, 7.0),) * 30, unknown=(1.14,) * 30, asked=30)).path


@pytest.fixture(scope="session")
def queries(town: Path) -> list[Path]:
    """Photographs that can be read: queries, and some of the gallery, of which the server is sure."""
    asked, known = (sorted((town / side).glob("*/*.jpg")) for side in ("query", "gallery"))
    return [path for path in (*asked[::2], *known[::5]) if path.stat().st_size > 4000]


@pytest.fixture
def own_gallery(town_gallery: Path, tmp_path: Path) -> Path:
    """A copy of the gallery that a test may write to."""
    return Path(shutil.copytree(town_gallery, tmp_path / "own.gallery"))


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start servers as programs, and stop those that still run."""
    started: list[Program] = []

    def start(gallery: Path, *options: str, token: str = "") -> Program:
        started.append(Program(gallery, tmp_path / f"server-{len(started)}.log", *options, token=token))
        return started[-1]

    yield start
    for program in started:
        if program.process.poll() is None:
            program.stop()
