"""What a person is asked first: the pair whose answer is expected to change most."""

from pathlib import Path

import numpy as np
import pytest

from groupings import group_of, grouping_of
from placeprint.grouping.compared import Looks
from placeprint.grouping.questions import SEVERAL, questions
from placeprint.grouping.result import Alone, Constraint, Edge, Grouping, Link
from placeprint.grouping.same_place import shipped_same_place


def grouping(edges: list[Edge], *constraints: Constraint) -> Grouping:
    """Groups of four (a), two (b) and one (c)."""
    inside = {"A": ("a1", "a2", "a3", "a4"), "B": ("b1", "b2")}
    groups = tuple(group_of(name, *photos, weakest=0.5) for name, photos in inside.items())
    return grouping_of(Path(), groups, 7, alone=(Alone("c1", ""),), edges=tuple(edges), constraints=constraints)


def test_one_pair_for_two_groups_and_the_surest_of_it_after_photos_alone() -> None:
    edges = [Edge("a1", "b1", 0.4, False), Edge("a2", "b2", 0.9, False), Edge("a1", "c1", 0.6, False)]
    asked = questions(grouping(edges))
    assert [(one.edge.a, one.edge.b) for one in asked] == [("a1", "c1"), ("a2", "b2")]
    assert [one.worth for one in asked] == pytest.approx([0.6 * 2 * 4 / 5, 0.9 * SEVERAL * 2 * 4 * 2 / 6])


def test_a_photo_is_asked_by_its_surest_link() -> None:
    edges = [Edge("a1", "a2", 0.9, True), Edge("a1", "a3", 0.3, True), Edge("a2", "a3", 0.2, True)]
    asked = questions(grouping(edges))
    assert [(one.edge.a, one.edge.b) for one in asked] == [("a1", "a3"), ("a1", "a2")]
    assert asked[0].worth == pytest.approx(0.7 * 2 * 3 / 4)


@pytest.mark.parametrize("link", Link)
def test_what_was_answered_is_not_asked_again(link: Link) -> None:
    edges = [Edge("a1", "b1", 0.6, False)]
    assert questions(grouping(edges, Constraint(link, "b1", "a1"))) == ()


def test_what_is_probably_wrong_comes_before_large_groups() -> None:
    asked = questions(grouping([Edge("a1", "c1", 0.49, False), Edge("b2", "c1", 0.51, False)]))
    assert [one.edge.a for one in asked] == ["b2", "a1"]
    assert asked[0].worth < asked[1].worth


def test_answers_put_together_what_they_name_and_take_nothing_from_its_group() -> None:
    """Joined first, two photos that are unlike each other would be like no other."""
    vectors = np.array([(1, 0, 0), (1, 0, 0.1), (1, 0.1, 0), (0, 1, 0.2), (0, 1, 0)], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    inside = ((0, 1), (0, 2), (1, 2))
    looks = Looks(
        tuple("abcde"),
        tuple((row,) for row in range(5)),
        vectors,
        (None,) * 5,
        (*inside, (3, 4)),
        np.array([1.9] * 4),
        4,
    )
    same = shipped_same_place()
    must, cannot = Constraint(Link.MUST, "c", "d"), Constraint(Link.CANNOT, "b", "d")

    def found(*constraints: Constraint) -> list[list[int]]:
        return looks.joined(constraints, same, same.least(0.02))[0]

    assert found() == [[0, 1, 2], [3, 4]]
    assert found(must) == [[0, 1, 2, 3, 4]]
    home = {look: number for number, group in enumerate(found(must, cannot)) for look in group}
    assert home[2] == home[3] != home[1], "what an answer parts stays apart"


def test_the_probability_of_two_groups_is_that_of_all_their_photos() -> None:
    vectors = np.array([(1, 0, 0), (0.9, 0.1, 0), (0, 1, 0), (0, 0.9, 0.1)], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = ((0, 1), (0, 2), (1, 2), (2, 3))
    looks = Looks(
        tuple("abcd"), ((0,), (1,), (2,), (3,)), vectors, (None,) * 4, pairs, np.array([9.0, 0.5, 0.1, 9.0]), 4
    )
    same = shipped_same_place()
    alone = same.probability_of(float(looks.growing(same).odds([(0, 2)])[0]))
    groups, probabilities = looks.joined((), same, same.least(0.02))
    assert groups == [[0, 1], [2, 3]]
    assert probabilities[0, 2] == probabilities[1, 2] != pytest.approx(alone)
