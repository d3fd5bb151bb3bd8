"""The engines that the tests of this folder ask: started once, and gone at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import QUICK, STEADY, MilvusServer, missing

_NUMBERS = itertools.count()


def _running(folder: Path, **settings: str) -> Iterator[MilvusServer]:
    """Yield a server that runs until then."""
    if reason := missing():
        pytest.skip(reason)
    server = MilvusServer(folder, **QUICK, **settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    yield from _running(tmp_path_factory.mktemp("milvus"), **STEADY)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A server that nobody else asks and that may be killed: without `STEADY` it is soon back."""
    yield from _running(tmp_path_factory.mktemp("mortal"))


def _addresses(server: MilvusServer) -> Iterator[Callable[[], str]]:
    """Yield what makes addresses; what was written there goes, or the server has ever more to look after."""
    from pymilvus import MilvusClient

    names: list[str] = []

    def new() -> str:
        names.append(f"gallery_{next(_NUMBERS)}")
        return server.address(names[-1])

    yield new
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    for name in set(client.list_collections()) & {each + end for each in names for end in ("", "_head")}:
        client.drop_collection(name)
    client.close()


@pytest.fixture
def new_address(milvus: MilvusServer) -> Iterator[Callable[[], str]]:
    """Makes addresses that nothing is kept at yet."""
    yield from _addresses(milvus)


@pytest.fixture(scope="module")
def lasting_address(milvus: MilvusServer) -> Iterator[Callable[[], str]]:
    """The same, for what the tests of a module share."""
    yield from _addresses(milvus)


@pytest.fixture
def address(new_address: Callable[[], str]) -> str:
    """An address that nothing is kept at yet."""
    return new_address()


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")
