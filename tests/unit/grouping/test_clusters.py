"""Groups are joined by the evidence of all their photos; answers and positions part them."""

from dataclasses import replace

import numpy as np
import pytest

from placeprint.errors import UsageError
from placeprint.grouping.clusters import Agglomeration, Pair
from placeprint.grouping.same_place import SamePlace, position_odds, shipped_same_place

SAME = SamePlace(4.0, 0.2, 0.1, 1.0, (2.0, 0.0), (1.0, 0.0), ((0.01, 2.0),))
HERE, BESIDE, ELSEWHERE = (48.0, 11.0), (48.0001, 11.0), (48.1, 11.0)  # 11 m and 11 km to the north


def apart(count: int) -> np.ndarray:
    """Photos that are as little alike as any two."""
    return np.eye(count, dtype=np.float32)


def grown(pairs: dict[Pair, float], count: int, *, positions=None, cannot=(), must=()) -> list[list[int]]:
    growing = Agglomeration(apart(count), pairs, positions or [None] * count, SAME, cannot)
    growing.join_all(must)
    return joined(growing, 2.0)


def joined(growing: Agglomeration, least: float) -> list[list[int]]:
    growing.grow(least)
    return growing.groups()


def test_one_strong_link_joins_two_photos() -> None:
    assert grown({(0, 1): 3.0, (1, 2): 1.0}, 3) == [[0, 1], [2]]


def test_a_chain_of_links_that_each_would_join_two_photos_does_not_join_two_places() -> None:
    first, second = {(0, 1): 6.0, (0, 2): 6.0, (1, 2): 6.0}, {(3, 4): 6.0, (3, 5): 6.0, (4, 5): 6.0}
    assert grown({(2, 3): 3.0}, 6)[2] == [2, 3], "by itself it would"
    assert grown({**first, **second, (2, 3): 3.0}, 6) == [[0, 1, 2], [3, 4, 5]]


def test_groups_are_joined_by_likeness_of_all_their_photos() -> None:
    near = np.array([[1, 0, 0], [0.8, 0.6, 0], [0.8, 0, 0.6], [0.7, 0.5, 0.5]], np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    unmatched = {(a, b): 0.0 for a in range(4) for b in range(a + 1, 4)}
    weak = SamePlace(4.0, 0.2, 0.1, 1.0, (2.0, 0.0), (1.0, 0.0), ((0.01, 1.0),))
    assert joined(Agglomeration(near, unmatched, [None] * 4, weak), 1.0) == [[0, 1, 2, 3]]
    assert joined(Agglomeration(apart(4), unmatched, [None] * 4, weak), 1.0) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("positions", "joined"), [((HERE, BESIDE), True), ((HERE, ELSEWHERE), False)])
def test_positions_kilometres_apart_part_whatever_is_seen(positions, joined: bool) -> None:
    assert (grown({(0, 1): 50.0}, 2, positions=list(positions)) == [[0, 1]]) is joined


def test_a_place_on_the_180th_meridian_is_one() -> None:
    fiji = [(-16.8, 179.9999), (-16.8, -179.9999), (-16.8, 179.9998)]
    assert grown({(0, 1): 9.0, (0, 2): 8.0, (1, 2): 8.0}, 3, positions=fiji) == [[0, 1, 2]]


def test_positions_speak_for_one_place_up_to_a_receivers_error_and_against_it_beyond() -> None:
    assert position_odds(20) == position_odds(50) > 0 > position_odds(100) > position_odds(200) > position_odds(900)
    assert position_odds(900) == position_odds(2900) == -8, "one wrong position is not the end"


def test_answers_are_respected_in_groups_of_any_size() -> None:
    every = {(a, b): 9.0 for a in range(4) for b in range(a + 1, 4)}
    assert grown(every, 4) == [[0, 1, 2, 3]]
    for found in (grown(every, 4, cannot=[(0, 3)]), grown(every, 4, cannot=[(3, 0)])):
        assert [0, 3] not in [[one for one in group if one in (0, 3)] for group in found]
    assert grown({}, 3, must=[(2, 0)]) == [[0, 2], [1]]


def test_a_rate_that_was_not_measured_is_refused() -> None:
    same = shipped_same_place()
    assert same.least(0.03) == same.least(0.02) < same.least(0.01)
    for rate in (0.0001, 0.0, -1.0, 1.0, float("nan")):
        with pytest.raises(UsageError, match="false-merge rate"):
            same.least(rate)


def test_what_is_left_is_added_to_the_group_that_it_is_like_alone() -> None:
    east, north, up = np.eye(3, dtype=np.float32)
    photos = [east, east, east, north, north, north, east + up, east + north + up]
    vectors = np.array([photo / np.linalg.norm(photo) for photo in photos], np.float32)
    strong = {(a, b): 9.0 for first in (0, 3) for a in range(first, first + 3) for b in range(a + 1, first + 3)}
    same = replace(SAME, left=(0.5, 0.2))
    assert joined(Agglomeration(vectors, strong, [None] * 8, same), 2.0) == [[0, 1, 2, 6], [3, 4, 5], [7]]
    assert joined(Agglomeration(vectors, strong, [None] * 8, same, [(6, 1)]), 2.0) == [[0, 1, 2], [3, 4, 5], [6], [7]]
    far = [HERE, None, None, None, None, None, (48.01, 11.0), None]
    assert joined(Agglomeration(vectors, strong, far, same), 2.0) == [[0, 1, 2], [3, 4, 5], [6], [7]]
    pair = {(0, 1): 9.0}
    assert joined(Agglomeration(vectors[[0, 1, 6]], pair, [None] * 3, same), 2.0) == [[0, 1], [2]], (
        "two are no whole group"
    )
