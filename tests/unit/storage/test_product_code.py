"""Rows in few bytes: what is read is near what was written, and what was read is written the same again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from placeprint.storage.coded_rows import CodedRows
from placeprint.storage.product_code import CENTRES, ProductCode
from placeprint.storage.ragged import Ragged, coded_by, read_by

GROUPS, WIDTH = 3, 2
NUMBERS = GROUPS * WIDTH
RNG = np.random.default_rng(0)
GRID = np.stack(np.divmod(np.arange(CENTRES), 16), axis=1) * 16 - 120  # in each group every 16th number
CENTRES_OF_EACH = np.repeat(GRID[None].astype(np.int8), GROUPS, axis=0)
TURN = np.eye(NUMBERS, dtype=np.float32)[:, ::-1]
PLAIN = ProductCode("plain", CENTRES_OF_EACH, np.dtype(np.int8))
TURNED = ProductCode("turned", CENTRES_OF_EACH.astype(np.float16), np.dtype(np.uint8), np.ascontiguousarray(TURN), 2)


def rows(code: ProductCode, count: int, seed: int = 0) -> NDArray[np.generic]:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-120, 121, (count, NUMBERS), dtype=np.int8)
    positions = (
        rng.integers(-32768, 32768, (count, code.positions))
        .astype("<i2")
        .view(np.int8)
        .reshape(count, 2 * code.positions)
    )
    return np.hstack([numbers, positions]).view(code.kind)


@pytest.mark.parametrize("code", [PLAIN, TURNED], ids=lambda code: code.name)
@given(count=st.integers(0, 5), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_what_is_read_is_near_and_reads_the_same_when_it_is_written_again(
    code: ProductCode, count: int, seed: int
) -> None:
    before = rows(code, count, seed)
    kept = code.encoded(before)
    assert (kept.shape, kept.dtype) == ((count, code.bytes), np.uint8)
    after = code.decoded(kept)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    one, other = (each.view(np.int8)[:, :NUMBERS].astype(int) for each in (before, after))
    assert np.abs(one - other).max(initial=0) <= 8  # half of the way between two centres
    np.testing.assert_array_equal(code.encoded(after), kept)


def test_positions_keep_12_of_their_16_bits() -> None:
    at = np.array([[-32768, 32767], [0, -1], [7, 8], [-8, -9], [32000, -32000]], "<i2")
    row = np.zeros((len(at), TURNED.depth), np.uint8)
    row[:, NUMBERS:] = at.view(np.uint8)
    found = TURNED.decoded(TURNED.encoded(row))[:, NUMBERS:].copy().view("<i2")
    assert found.tolist() == [[-32768, 32752], [0, 0], [0, 16], [0, -16], [32000, -32000]]


def test_parts_that_are_kept_in_a_code_are_chosen_joined_and_held_as_others() -> None:
    parts = [rows(TURNED, n, n).reshape(n, 1, TURNED.depth) for n in (3, 0, 2)]
    whole = Ragged.of([TURNED.encoded(part) for part in parts])
    read = read_by(TURNED, whole)
    wanted = [TURNED.decoded(TURNED.encoded(part)) for part in parts]
    for found in (read, read.held(1 << 20), read.kept([0, 1]).joined(read.kept([2]))):
        assert [each.tolist() for each in found] == [each.tolist() for each in wanted]
        assert found.bytes_an_image == whole.bytes_an_image == TURNED.bytes * 5 / 3
        assert [each.tolist() for each in found.stored] == [each.tolist() for each in whole]
    assert coded_by(TURNED, read)
    assert not coded_by(TURNED, whole)


def test_rows_of_another_length_are_not_read_by_a_code() -> None:
    with pytest.raises(ValueError, match="rows of 4 uint8 are not of code turned"):
        CodedRows(np.zeros((1, 4), np.uint8), TURNED)
