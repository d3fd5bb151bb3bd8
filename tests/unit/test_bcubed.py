"""B-cubed, against numbers worked out by hand and against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.bcubed import b_cubed


def test_by_hand() -> None:
    found = b_cubed(["x", "x", "x", "y", "z"], ["mill", "mill", "gate", "gate", "lone"])
    np.testing.assert_allclose(found.precisions, [2 / 3, 2 / 3, 1 / 3, 1, 1])
    np.testing.assert_allclose(found.recalls, [1, 1, 1 / 2, 1 / 2, 1])
    assert found.precision == pytest.approx(11 / 15)
    assert found.recall == pytest.approx(4 / 5)
    assert found.f == pytest.approx(2 * (11 / 15) * (4 / 5) / (11 / 15 + 4 / 5))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_by_definition(pairs: list[tuple[int, int]]) -> None:
    groups, places = zip(*pairs, strict=True)
    found, back = b_cubed(groups, places), b_cubed(places, groups)
    for at, (group, place) in enumerate(pairs):
        inside = [other for other in pairs if other[0] == group]
        assert found.precisions[at] == pytest.approx(sum(other[1] == place for other in inside) / len(inside))
    np.testing.assert_allclose(found.recalls, back.precisions)


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        b_cubed([1], [1, 2])
