"""Arrays of different length in one file: what goes in comes out, by value."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.storage.ragged import Ragged, RaggedWriter

Arrays = list[NDArray[np.int8]]


def arrays(shapes: list[tuple[int, int]], *, depth: int = 3, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return [rng.integers(-127, 128, (*shape, depth), dtype=np.int8) for shape in shapes]


def written(rows: Arrays) -> Ragged:
    writer = RaggedWriter()
    for one in rows:
        writer.append(one)
    return writer.done()


def assert_same(found: Ragged, wanted: Arrays) -> None:
    assert len(found) == len(wanted)
    for i, (one, walked) in enumerate(zip(wanted, found, strict=True)):
        for got in (found[i], walked):
            assert (got.shape, got.dtype) == (one.shape, one.dtype)
            np.testing.assert_array_equal(got, one)


SHAPES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6)


@given(shapes=SHAPES, more=SHAPES, data=st.data())
@settings(max_examples=40)
def test_choosing_joining_saving_and_loading_keep_every_number(
    shapes: list[tuple[int, int]],
    more: list[tuple[int, int]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("ragged")
    ours, theirs = arrays(shapes), arrays(more, seed=1)
    for one in (Ragged.of(ours), written(ours)):
        assert_same(one, ours)
        joined = one.joined(written(theirs))
        assert_same(joined, ours + theirs)
        rows = data.draw(st.lists(st.integers(0, len(joined) - 1), max_size=8))
        chosen = joined.kept(rows)
        wanted = [(ours + theirs)[i] for i in rows]
        assert_same(chosen, wanted)
        chosen.save(folder, "parts")
        assert_same(Ragged.load(folder, "parts"), wanted)
        assert_same(Ragged.load(folder, "parts").joined(one).kept([len(wanted)]), ours[:1])


def test_the_file_is_plain_numpy_and_is_not_written_to(tmp_path: Path) -> None:
    rows = arrays([(2, 3), (1, 1)])
    Ragged.of(rows).save(tmp_path, "cells")
    np.testing.assert_array_equal(np.load(tmp_path / "cells.npy"), np.concatenate([r.reshape(-1, 3) for r in rows]))
    assert np.load(tmp_path / "cells-shapes.npy").tolist() == [[2, 3], [1, 1]]
    opened = Ragged.load(tmp_path, "cells")[0]
    with pytest.raises(ValueError, match="read-only"):
        opened[0, 0, 0] = 1


def test_choosing_and_joining_copy_no_numbers() -> None:
    whole = Ragged.of(arrays([(3, 4), (2, 2)]))
    assert np.shares_memory(whole[1], whole.kept([1]).joined(whole)[0])


def test_threads_that_read_together_get_their_own_rows(tmp_path: Path) -> None:
    rows = arrays([(5, 1 + i % 7) for i in range(40)], depth=16)
    Ragged.of(rows).save(tmp_path, "x")
    whole = Ragged.load(tmp_path, "x")
    order = np.random.default_rng(0).integers(0, len(rows), 2000).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(whole.__getitem__, order))
    for i, got in zip(order, found, strict=True):
        np.testing.assert_array_equal(got, rows[i])


def test_a_file_that_became_shorter_is_told(tmp_path: Path) -> None:
    Ragged.of(arrays([(2, 3), (4, 4)])).save(tmp_path, "x")
    whole = Ragged.load(tmp_path, "x")
    os.truncate(tmp_path / "x.npy", (tmp_path / "x.npy").stat().st_size - 1)
    whole[0]
    with pytest.raises(GalleryCorruptError, match="ends early"):
        whole[1]
    with pytest.raises(ValueError, match="not as long as it says"):
        Ragged.load(tmp_path, "x")


def test_bytes_an_image() -> None:
    assert Ragged.of(arrays([(2, 3), (1, 1), (0, 5)])).bytes_an_image == 7 * 3 / 3
    assert Ragged.of([np.zeros((2, 2, 5), np.float32)]).bytes_an_image == 80
    assert Ragged.of(arrays([(2, 3)])).kept([]).bytes_an_image == 0


def test_nothing_was_written() -> None:
    nothing = RaggedWriter().done()
    assert (len(nothing), list(nothing), nothing.bytes_an_image) == (0, [], 0)


def test_images_without_parts_know_their_depth(tmp_path: Path) -> None:
    blank = written(arrays([(0, 1), (0, 1)], depth=12))
    assert [one.shape for one in blank] == [(0, 1, 12)] * 2
    blank.save(tmp_path, "k")
    full = arrays([(2, 1)], depth=12)
    assert_same(Ragged.load(tmp_path, "k").joined(written(full)), [*arrays([(0, 1)] * 2, depth=12), *full])


def test_an_image_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        Ragged.of(arrays([(2, 3)]))[1]


@pytest.mark.parametrize("shape", [(2049, 1), (1, 2049), (64, 33), (0, 1 << 40), (1 << 33, 1 << 33), (-1, 1), (-1, -7)])
def test_more_parts_of_an_image_than_any_has_are_refused_before_they_are_read(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    rows = max(shape[0] * shape[1], 0) if max(shape) < 1 << 20 else 0
    np.save(tmp_path / "x.npy", np.zeros((rows, 1), np.int8))
    np.save(tmp_path / "x-shapes.npy", np.array([shape], np.int64))
    with pytest.raises(ValueError, match=r"x-shapes.npy says that an image has more than 2048, or fewer than none"):
        Ragged.load(tmp_path, "x")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.uint64])
def test_as_many_parts_as_an_image_may_have_are_read(tmp_path: Path, kind: type[Any]) -> None:
    Ragged.of(arrays([(64, 32), (0, 1)])).save(tmp_path, "x")
    np.save(tmp_path / "x-shapes.npy", np.array([(64, 32), (0, 1)], kind))
    assert Ragged.load(tmp_path, "x").most == 2048


@pytest.mark.parametrize("shapes", [[(2, 3)], [(2, 3), (1, 2)], [(2, 3), (2, 1)], []])
def test_shapes_of_other_numbers_are_refused(tmp_path: Path, shapes: list[tuple[int, int]]) -> None:
    Ragged.of(arrays([(2, 3), (1, 1)])).save(tmp_path, "x")
    np.save(tmp_path / "x-shapes.npy", np.array(shapes, np.uint16))
    with pytest.raises(ValueError, match="do not belong together"):
        Ragged.load(tmp_path, "x")
