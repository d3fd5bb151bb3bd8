"""A server that is slow, or gets stuck in the middle of any request: waited for, or given up in time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from between import Way
from engine import MilvusServer
from making import clustered, records_of, stored

from placeprint.errors import GalleryEngineError
from placeprint.gallery.milvus import connection
from placeprint.gallery.milvus.gallery import MilvusGallery

VECTORS = clustered(60, 8)
LONG = ("load_collection", "flush")
"""What may take an hour: that it ends is not left to the client library."""
HANGING = 90.0
"""Seconds after which a test calls it a hang; the limit is 3, and the machine may be under load."""


@pytest.fixture
def way(milvus: MilvusServer) -> Iterator[Way]:
    made = Way(milvus.port)
    yield made
    made.close()


def in_time(work: Callable[[], Any]) -> Any:
    """Return what `work` returns; fail where it hangs."""
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(timeout=HANGING)


def everything(address: str) -> MilvusGallery:
    """Write, ask, change and verify: every request that a gallery makes."""
    gallery = stored(address, VECTORS, index="hnsw")
    gallery.search(VECTORS[:3], k=2)
    gallery, _ = gallery.remove([gallery.download().records[0].path])
    gallery, _ = gallery.add(records_of(1), VECTORS[:1], spec=gallery.spec)
    assert gallery.verify().problems == ()
    return gallery


def through(way: Way, address: str) -> str:
    """Return the address of the same gallery by a way."""
    return f"milvus://127.0.0.1:{way.port}/{address.rpartition('/')[2]}"


def test_a_slow_server_is_waited_for(way: Way, address: str) -> None:
    way.late = 0.05
    gallery = in_time(lambda: everything(through(way, address)))
    np.testing.assert_array_equal(gallery.download().vectors, np.roll(VECTORS, -1, axis=0))


@pytest.mark.parametrize("method", [*LONG, "upsert", "search"])
def test_a_server_that_gets_stuck_is_given_up(
    way: Way, address: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymilvus import MilvusClient

    original = getattr(MilvusClient, method)

    def sticking(*words: Any, **settings: Any) -> Any:
        way.stuck = True
        return threading.Event().wait() if method in LONG else original(*words, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusClient, method, sticking)
        patch.setenv("PLACEPRINT_MILVUS_TIMEOUT", "3")
        patch.setattr(connection, "_WATCH_SECONDS", 0.5)
        with pytest.raises(GalleryEngineError, match=rf"no answer from 127\.0\.0\.1:{way.port} .*run the same") as told:
            in_time(lambda: everything(through(way, address)))
        assert way.stuck
        assert "\n" not in str(told.value)
    gallery = stored(address, VECTORS)
    assert gallery.verify().problems == ()
    np.testing.assert_array_equal(gallery.download().vectors, VECTORS)
