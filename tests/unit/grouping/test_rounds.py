"""Only pairs that can change the groups are matched."""

import numpy as np
import pytest

from placeprint.grouping.clusters import Agglomeration, Pair
from placeprint.grouping.evidence import MATCHED, Candidates, ranks
from placeprint.grouping.rounds import MISSES, ROUNDS, Likely, in_rounds
from placeprint.grouping.same_place import SamePlace

SAME = SamePlace(4.0, 0.2, 0.1, 1.0, (2.0, 0.0), (1.0, 0.0), ((0.01, 2.0),))
LEAST = 2.0


def matched(
    sure: dict[Pair, float], *, ranked: dict[Pair, int] | None = None, known: Pair | None = None, most: int = 100
) -> tuple[list[Pair], list[float]]:
    """Return the pairs that were matched, in order, and the evidence of all; a pair that is likelier comes first."""
    pairs, asked, count = sorted(sure), list[Pair](), 1 + max(map(max, sure))

    def match(chosen: list[Pair]) -> np.ndarray:
        asked.extend(chosen)
        return np.array([sure[pair] for pair in chosen])

    def grown(evidence: np.ndarray) -> Agglomeration:
        linked = dict(zip(pairs, evidence.tolist(), strict=True))
        growing = Agglomeration(np.eye(count, dtype=np.float32), linked, [None] * count, SAME)
        growing.grow(LEAST)
        return growing

    likely = Likely(
        pairs, np.array([(ranked or {}).get(pair, 0) for pair in pairs]), np.arange(len(pairs), 0.0, -1), match
    )
    evidence, number = in_rounds(likely, np.array([4.0 * (pair == known) for pair in pairs]), grown, LEAST, most)
    assert number == len(asked) == len(set(asked))
    return asked, evidence.tolist()


def test_what_is_in_one_group_by_then_is_not_matched() -> None:
    every = {(0, 1): 90.0, (1, 2): 90.0, (0, 2): 90.0}
    assert matched(every, ranked={(0, 2): 1})[0] == [(0, 1), (1, 2)]
    assert matched({**every, (1, 2): 0.0}, ranked={(0, 2): 1})[0] == [(0, 1), (1, 2), (0, 2)]
    asked = matched({**every, (3, 4): 90.0}, known=(0, 2), most=2 * ROUNDS)[0]
    assert asked == [(0, 1), (3, 4)], "one pair of two groups before the second"


def test_what_is_not_worth_matching_or_found_nothing_twice_is_left_out() -> None:
    assert matched({(0, 1): 90.0}, ranked={(0, 1): MATCHED}) == ([], [0.0])
    by_rank = {(0, 1): 0, (2, 3): 0, (0, 2): 1, (1, 3): 1, (0, 3): 2, (1, 2): 2}
    assert matched(dict.fromkeys(by_rank, 0.0), ranked=by_rank)[0] == [(0, 1), (2, 3), (0, 2), (1, 3)]
    assert MISSES == 2


@pytest.mark.parametrize("most", [0, 1, 5])
def test_no_more_than_the_most_are_matched_and_no_more_than_a_part_of_it_at_once(most: int) -> None:
    pairs = {(a, a + 10): 90.0 for a in range(9)}
    asked, evidence = matched(pairs, most=most)
    assert len(asked) == most == sum(each > 0 for each in evidence)
    assert asked == sorted(asked)
    assert ROUNDS > 1


def test_no_match_that_cannot_join_two_groups_is_made() -> None:
    """Without anything in common two photos have -0.8; what a match adds at most is 4.6, so not 5 in all."""
    pair = [(0, 1)]
    likely = Likely(pair, np.zeros(1, np.int64), np.ones(1), lambda _: pytest.fail("it was matched"))

    def grown(_: np.ndarray) -> Agglomeration:
        return Agglomeration(np.eye(2, dtype=np.float32), {(0, 1): 0.0}, [None, None], SAME)

    assert in_rounds(likely, np.zeros(1), grown, 5.0, 10)[1] == 0


def test_pairs_that_positions_part_take_no_place_among_the_likeliest() -> None:
    found = Candidates(np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([0.9, 0.8, 0.7]))
    here, kilometre, unknown = (48.0, 11.0), (48.009, 11.0), None
    assert ranks(found, np.zeros(3), [here, here, unknown]).tolist() == [0, 0, 1]
    assert ranks(found, np.zeros(3), [here, kilometre, unknown]).tolist() == [MATCHED, 0, 0]
    assert found.within(3000, [here, kilometre, (49.0, 11.0)]).pairs == [(0, 1)]
    assert found.within(500, [here, kilometre, unknown]).pairs == [(0, 2), (1, 2)]
