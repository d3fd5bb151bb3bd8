"""Answers that contradict each other: each is told in one line, and none is where all can hold."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupings import group_of, grouping_of
from placeprint.cli.group import show_groups
from placeprint.cli.remembered import Decided, _refused
from placeprint.errors import UsageError
from placeprint.grouping.contradictions import MOST, contradictions
from placeprint.grouping.corrections import Corrections
from placeprint.grouping.result import Constraint, Link
from placeprint.report.groups_page import render_groups


def must(a: str, b: str) -> Constraint:
    return Constraint(Link.MUST, a, b)


def cannot(a: str, b: str) -> Constraint:
    return Constraint(Link.CANNOT, a, b)


CHAIN = (must("a", "b"), must("c", "b"), cannot("c", "a"))
TOLD = [
    ((CHAIN, {}), '"c" and "a" are said to show two places, and the same one through "b": they count as one'),
    (
        ((must("a", "b"),), {"a": "Mill", "b": "Gate"}),
        '"a" is called "Mill" and "b" "Gate", and both show the same place: one',
    ),
    (
        (CHAIN[:2], {"a": "Mill", "c": "Gate"}),
        '"a" is called "Mill" and "c" "Gate", and both show the same place: one of the',
    ),
    (((must("a", "b"),), {"b": ""}), '"b" is said to show no place, and the same place as "a": it stays without one'),
    (((must("b", "a"),), {"b": "", "a": "Mill"}), '"b" is said to show no place, and the same place as "a": it'),
]


@pytest.mark.parametrize(("said", "line"), TOLD)
def test_what_contradicts_is_told_in_one_line(said: tuple[tuple[Constraint, ...], dict[str, str]], line: str) -> None:
    (found,) = contradictions(Corrections(*said))
    assert found.startswith(line)


def test_answers_that_can_all_hold_are_not_told() -> None:
    apart = (must("a", "b"), cannot("b", "c"), must("c", "d"))
    same = {"a": "Mill", "b": "Mill", "c": "Gate", "e": "Gate", "f": "Bridge"}
    assert contradictions(Corrections(apart, same), [("e",), ("d", "c")]) == ()
    assert contradictions(Corrections((*CHAIN,), {"b": ""})) == contradictions(Corrections(CHAIN[:2], {"b": ""}))


def test_copies_are_one_place() -> None:
    said = Corrections((must("a", "b"), cannot("copy", "b")), {"copy": "Mill", "a": "Gate"})
    assert contradictions(said) == ()
    names, places = contradictions(said, [("a", "copy")])
    assert names.startswith('"a" is called "Gate" and "copy" "Mill"')
    assert places == '"copy" and "b" are said to show two places, and the same one through "a": they count as one'


def test_of_many_only_some_are_told_and_of_a_long_way_only_the_beginning() -> None:
    way = [str(number) for number in range(2000)]
    said = Corrections((*map(must, way, way[1:]), *(cannot(way[0], far) for far in way[900:])))
    found = contradictions(said)
    between = '"1", "2", "3" and 896 more'
    assert (
        found[0] == f'"0" and "900" are said to show two places, and the same one through {between}: they count as one'
    )
    assert (len(found), found[-1]) == (MOST + 1, "more answers contradict others")


PATHS = "abcde"
LINKS = st.dictionaries(st.sampled_from(list(itertools.combinations(PATHS, 2))), st.sampled_from(Link), max_size=7)


@given(LINKS, st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["", "Mill", "Gate"])))
def test_nothing_is_told_exactly_where_places_can_be_given_to_all_photos(
    links: dict[tuple[str, str], Link], names: dict[str, str]
) -> None:
    said = Corrections(tuple(Constraint(link, *pair) for pair, link in links.items()), names)

    def holds(homes: tuple[int, ...]) -> bool:
        home = dict(zip(PATHS, homes, strict=True))
        shown = [(pair, link) for pair, link in links.items() if all(names.get(path) != "" for path in pair)]
        for (a, b), link in shown:
            named = names.get(a), names.get(b)
            if (home[a] == home[b]) != (link is Link.MUST) or (link is Link.MUST and all(named) and len({*named}) == 2):
                return False
        by_home = {(home[path], name) for path, name in names.items() if name}
        return len({place for place, _ in by_home}) == len(by_home)

    none_shown = any(
        link is Link.MUST and [names.get(path) == "" for path in pair].count(True) == 1 for pair, link in links.items()
    )
    possible = not none_shown and any(map(holds, itertools.product(range(5), repeat=5)))
    assert (contradictions(said) == ()) == possible


def test_the_same_photo_is_not_accepted_and_refused(tmp_path: Path) -> None:
    found = grouping_of(tmp_path, (group_of("place 1", "a", "b"), group_of("place 2", "c")), 3)
    assert _refused(found, Decided(refuse=["c", "b"], accept="d")) == ["c", "a", "b"]
    with pytest.raises(UsageError, match="a is accepted and refused"):
        _refused(found, Decided(refuse=["b"], accept="a"))


def test_they_are_printed_below_the_groups_and_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = grouping_of(tmp_path, (), 3, contradictions=contradictions(Corrections(CHAIN)))
    show_groups(found)
    assert 'said to show two places, and the same one through "b"' in capsys.readouterr().out
    assert "are said to show two places" in render_groups(found)
