"""Cells in squares: what is read is near what was written, whatever the grid, and a damaged square is refused."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from placeprint.errors import GalleryCorruptError
from placeprint.storage.cell_blocks import CellBlocks
from placeprint.storage.product_code import CENTRES, ProductCode

DEPTH = 3
GRID = (np.stack(np.divmod(np.arange(CENTRES), 16), axis=1) * 16 - 120).astype(np.int8)


def blocks(side: int) -> CellBlocks:
    """Keep every number to the next of every 16th."""
    groups = side**2 * DEPTH // 2
    return CellBlocks("blocks", ProductCode("rows", np.repeat(GRID[None], groups, axis=0), np.dtype(np.int8)), side)


@example(height=0, width=0, side=2, seed=0)
@given(height=st.integers(1, 9), width=st.integers(1, 9), side=st.sampled_from([2, 4]), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_every_grid_is_read_as_near_as_its_code_is(height: int, width: int, side: int, seed: int) -> None:
    code = blocks(side)
    cells = np.random.default_rng(seed).integers(-120, 121, (height, width, DEPTH), dtype=np.int8)
    kept = code.encoded(cells)
    assert kept.shape == (-(-height // side), -(-width // side), code.bytes)
    found = code.decoded(kept)
    assert (found.shape, found.dtype, code.depth) == (cells.shape, cells.dtype, DEPTH)
    assert np.abs(found.astype(int) - cells).max(initial=0) <= 8
    np.testing.assert_array_equal(code.encoded(found), kept)


@pytest.mark.parametrize("corner", [0x00, 0x01, 0x10, 0x31, 0x13, 0xFF])
def test_a_square_of_cells_that_cannot_be_is_refused(corner: int) -> None:
    code = blocks(2)
    kept = code.encoded(np.ones((3, 4, DEPTH), np.int8))
    assert kept[-1, -1, -1] == 0x12
    kept[-1, -1, -1] = corner
    with pytest.raises(GalleryCorruptError, match="parts is damaged"):
        code.decoded(kept)


def test_more_cells_than_an_image_has_are_refused_before_they_are_read() -> None:
    code = blocks(4)
    kept = code.encoded(np.ones((32, 64, DEPTH), np.int8))
    assert code.decoded(kept).shape == (32, 64, DEPTH)
    with pytest.raises(GalleryCorruptError, match="parts is damaged"):
        code.decoded(np.hstack([kept, kept[:, :1]]))


def test_only_the_axes_that_are_kept_are_read() -> None:
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0].astype(np.float32)
    code = ProductCode("some", GRID[None].astype(np.float16), np.dtype(np.int8), axes[:, :2])
    rows = np.random.default_rng(1).integers(-60, 61, (50, 6), dtype=np.int8)
    off = code.decoded(code.encoded(rows)) - rows @ axes[:, :2] @ axes[:, :2].T
    assert (code.depth, code.bytes, code.encoded(rows).shape) == (6, 1, (50, 1))
    assert np.abs(off).max() <= 8 * np.sqrt(2) + 1
