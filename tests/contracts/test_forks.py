"""A child that was forked after the first photo answers as its parent, and so does a process of its own."""

import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from placeprint import errors, forks
from placeprint.embedding.cache import CachedEmbedding, EmbeddingCache
from placeprint.embedding.embedder import load_embedder
from placeprint.errors import GalleryMismatchError, ImageError, MissingExtraError, PlaceprintError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.choice import make_index
from placeprint.gallery.index.quantization import threads
from placeprint.gallery.milvus import connection
from placeprint.gallery.milvus.address import Address
from placeprint.indexing.index import index
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.rerank import matches
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.recognition.rerank.known_pairs import KnownPairs

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),  # Python warns of what is tested here
]

LONGEST = 60
"""Seconds after which a child hangs. It takes one."""


def in_child(work: Callable[[], object]) -> object:
    """Return what the work returns in a forked child, which then ends as any program does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(LONGEST)  # ends the child by its default
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        try:
            said = pickle.dumps(work())
        except BaseException as error:
            said = pickle.dumps(error)
        with os.fdopen(writing, "wb") as out:
            out.write(said)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as into:
        said = into.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child hung, or died"
    return pickle.loads(said)


@pytest.fixture(scope="module")
def photos(town: Path) -> list[Path]:
    return sorted((town / "query").glob("*/*.jpg"))[:2]


@pytest.fixture(scope="module")
def gallery(indexed_town: Path) -> Gallery:
    return Gallery.open(indexed_town)


@pytest.fixture(scope="module", params=["openvino", "onnx"])
def recognizer(
    request: pytest.FixtureRequest, gallery: Gallery, town: Path, tmp_path_factory: pytest.TempPathFactory
) -> Recognizer:
    """Each runner: one with a second network and the parts that a preset adds, the other with vectors alone."""
    if request.param == "onnx":
        return Recognizer(index(town, tmp_path_factory.mktemp("forks") / "fast", preset="fast").gallery, runner="onnx")
    return Recognizer(gallery, runner=request.param)


_ASKED: list[Recognizer] = []


def _place_and_score(photo: Path) -> tuple[str | None, float]:
    found = _ASKED[0].recognize(photo)
    return found.place, found.score


def test_a_child_answers_as_its_parent(recognizer: Recognizer, photos: list[Path]) -> None:
    known = recognizer.recognize(photos[0])
    expected = [in_child(partial(recognizer.recognize, photo)) for photo in photos]
    assert expected[0] == known
    assert [recognizer.recognize(photo) for photo in photos] == expected


def test_a_pool_answers_as_its_parent(recognizer: Recognizer, photos: list[Path]) -> None:
    _ASKED[:] = [recognizer]
    known = [_place_and_score(photo) for photo in photos]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_place_and_score, photos).get(LONGEST) == known


def test_a_grandchild_answers_too(recognizer: Recognizer, photos: list[Path]) -> None:
    known = recognizer.recognize(photos[0])
    assert in_child(lambda: (recognizer.recognize(photos[0]), in_child(lambda: recognizer.recognize(photos[0])))) == (
        known,
        known,
    )


@pytest.mark.parametrize("asks", [True, False])
def test_a_child_ends_as_a_program_does(recognizer: Recognizer, photos: list[Path], asks: bool) -> None:
    recognizer.recognize(photos[0])
    child = os.fork()
    if not child:
        signal.alarm(LONGEST)
        if asks:
            recognizer.recognize(photos[1])
        import ctypes

        ctypes.CDLL(None).exit(7)  # as at the end of a program, but without pytest's own end
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_forks_while_other_threads_recognise(recognizer: Recognizer, photos: list[Path]) -> None:
    known, ended = recognizer.recognize(photos[0]), threading.Event()

    def work() -> None:
        while not ended.is_set():
            recognizer.recognize(photos[1])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert [in_child(lambda: recognizer.recognize(photos[0])) for _ in range(2)] == [known] * 2
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_the_parent_goes_on_reading_its_own_parts(gallery: Gallery) -> None:
    cells = gallery.parts["cells"]
    known = [np.array(part) for part in cells]

    def read_all() -> bool:
        return all((cells[i] == known[i]).all() for _ in range(30) for i in range(len(known)))

    reading = threading.Thread(target=read_all)
    reading.start()
    assert in_child(read_all)
    reading.join()
    child = os.fork()
    if not child:
        os._exit(0 if read_all() else 1)
    assert read_all()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("kind", ["exact", "faiss"])
def test_many_are_searched_in_a_child(kind: str) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3000, 64)).astype(np.float32)
    searched = make_index(kind, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    with threads(2):  # so that there are two to wait for, on any machine
        known = searched.search(vectors[:300], 5)
    found = in_child(lambda: searched.search(vectors[:300], 5).rows)
    assert np.array_equal(found, known.rows)  # type: ignore[arg-type]


def test_a_child_that_cannot_go_on_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 0.05)
    began, ended, lock = threading.Event(), threading.Event(), forks.Lock()

    def work() -> None:
        with lock:
            began.set()
            ended.wait()

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()

    def take() -> None:
        with lock:
            pass

    try:
        found = in_child(take)
    finally:
        ended.set()
        thread.join()
    assert isinstance(found, UsageError)
    assert 'get_context("spawn")' in str(found)
    take()
    assert in_child(take) is None


def test_a_fork_waits_for_who_is_at_work() -> None:
    began, done = threading.Event(), []

    def work() -> None:
        with forks.busy(), forks.busy():
            began.set()
            time.sleep(0.2)
            done.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    assert in_child(lambda: list(done)) == ["work"]
    thread.join()


def test_a_fork_waits_for_points_that_are_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 2.0)
    points, began = np.zeros((1, 1, 68), np.uint8), threading.Event()

    def match(*_: object) -> tuple[np.ndarray, ...]:
        began.set()
        while not forks._PROCESS.forking:
            time.sleep(0.01)
        with forks.busy():
            return np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(1, 0.5, np.float32)

    monkeypatch.setattr(matches, "_matched", match)
    monkeypatch.setattr(matches, "KNOWN_PAIRS", KnownPairs())

    def work() -> None:
        with one_blas_thread():
            matches.confidences(points, [points], until=math.inf)

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    assert in_child(lambda: forks.busy().__enter__()) is None
    thread.join()


NEEDS_A_POOL = """
import os, sys, threading
from placeprint import forks
from concurrent.futures import ThreadPoolExecutor

forks.PATIENCE, began = 5.0, threading.Event()

def work():
    with forks.busy():
        began.set()
        while not forks._PROCESS.forking:
            pass
        with ThreadPoolExecutor(1) as pool:
            pool.submit(print).result()

thread = threading.Thread(target=work)
thread.start()
began.wait()
child = os.fork()
if not child:
    os._exit(forks._PROCESS.torn)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_waits_for_who_needs_a_pool_of_threads() -> None:
    """In a process of its own, where nothing imported pools before."""
    assert subprocess.run([sys.executable, "-c", NEEDS_A_POOL], timeout=LONGEST).returncode == 0


def test_a_thread_may_fork_while_it_is_at_work_itself() -> None:
    with forks.busy():
        assert in_child(lambda: forks.busy().__enter__()) is None
    assert in_child(forks.generation) == forks.generation() + 1


def test_a_child_leaves_the_cache_of_its_parent_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "embeddings.sqlite"
    seen = CachedEmbedding(np.ones(3, np.float32), 4, 5)
    with EmbeddingCache(path) as cache:
        cache.put("model", [("a", seen)])

        def use() -> tuple[bool, bool]:
            before = cache.get("a", "model") is None
            with EmbeddingCache(path) as own:
                own.put("model", [("b", seen)])
                return before, own.get("b", "model") is None

        assert in_child(use) == (True, True)
        assert "was using it" in capfd.readouterr().err
        assert cache.get("a", "model") is not None
        assert cache.get("b", "model") is None
    assert in_child(lambda: EmbeddingCache(path).get("a", "model") is not None) is True


def test_a_server_is_not_asked_in_a_child_of_who_asked_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_ASKED_IN", {})
    ask = partial(connection.refuse_after_fork, Address("127.0.0.1", 19530, "g"))
    assert in_child(ask) is None
    ask()
    said = in_child(ask)
    assert isinstance(said, UsageError)
    assert "milvus://127.0.0.1:19530/g" in str(said)
    assert 'get_context("spawn")' in str(said)


def test_a_recognizer_travels_by_its_address(recognizer: Recognizer, photos: list[Path]) -> None:
    known = recognizer.recognize(photos[0])
    sent = pickle.dumps(recognizer)
    assert len(sent) < 2000
    came = pickle.loads(sent)
    assert came.gallery.path == recognizer.gallery.path
    assert came.recognize(photos[0]) == known


def test_a_worker_that_is_spawned_answers_the_same(recognizer: Recognizer, photos: list[Path]) -> None:
    known = recognizer.recognize(photos[0])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(recognizer.recognize, (photos[0],)).get(LONGEST) == known


def test_the_settings_travel_too(gallery: Gallery, photos: list[Path]) -> None:
    only = np.zeros(len(gallery), bool)
    only[3] = True
    came = pickle.loads(pickle.dumps(Recognizer(gallery, threshold=0.4, margin_threshold=0.1, only=only)))
    assert (came.threshold, came.margin_threshold) == (0.4, 0.1)
    assert [match.row for match in came.recognize(photos[0]).matches] == [3]


def test_a_gallery_opens_only_with_its_model(town: Path, tmp_path: Path) -> None:
    path = tmp_path / "g"
    sent = pickle.dumps(index(town, path, preset="fast").gallery)
    came = pickle.loads(sent)
    assert list(came.records) == list(Gallery.open(path).records)
    index(town, path, preset="balanced")
    with pytest.raises(GalleryMismatchError):
        pickle.loads(sent)


def test_a_gallery_in_memory_says_that_it_has_no_address(gallery: Gallery) -> None:
    kept = Gallery.in_memory(list(gallery.records), np.array(gallery.vectors), spec=gallery.spec, parts=gallery.parts)
    with pytest.raises(UsageError, match=r"in memory.*Gallery\.build"):
        pickle.dumps(Recognizer(kept))


@pytest.mark.parametrize("runner", ["openvino", "onnx"])
def test_a_model_travels_by_its_file(runner: str, photos: list[Path]) -> None:
    from PIL import Image

    with Image.open(photos[0]) as image:
        embedder, photo = load_embedder(runner=runner, threads=1, precision="f32"), image.convert("RGB")
    came = pickle.loads(pickle.dumps(embedder))
    assert (came.spec, came.threads, came.cache_key) == (embedder.spec, 1, embedder.cache_key)
    assert np.array_equal(came.embed_one(photo), embedder.embed_one(photo))


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PlaceprintError)]
)
def test_errors_travel(kind: type[PlaceprintError]) -> None:
    error = kind("why") if kind not in (ImageError, MissingExtraError) else kind("empty", "it is empty")
    error.add_note("on the way")
    came = pickle.loads(pickle.dumps(error))
    assert (type(came), str(came), vars(came)) == (kind, str(error), vars(error))


def test_a_pool_hands_on_an_error(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    _ASKED[:] = [recognizer]
    with multiprocessing.get_context("fork").Pool(1) as pool, pytest.raises(ImageError, match="no bytes"):
        pool.apply_async(_place_and_score, (tmp_path / "empty.jpg",)).get(LONGEST)
