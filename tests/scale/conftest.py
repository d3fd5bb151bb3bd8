"""The engines that the tests of this folder ask: started once, and gone at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import QUICK, STEADY, MilvusServer, missing

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    if reason := missing():
        pytest.skip(reason)
    server = MilvusServer(tmp_path_factory.mktemp("milvus"), **QUICK, **STEADY)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A server that nobody else asks and that may be killed: without `STEADY` it is soon back."""
    if reason := missing():
        pytest.skip(reason)
    server = MilvusServer(tmp_path_factory.mktemp("mortal"), **QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def address(milvus: MilvusServer) -> str:
    """An address that nothing is kept at yet."""
    return milvus.address(f"gallery_{next(_NUMBERS)}")


@pytest.fixture
def new_address(milvus: MilvusServer) -> Callable[[], str]:
    return lambda: milvus.address(f"gallery_{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")
