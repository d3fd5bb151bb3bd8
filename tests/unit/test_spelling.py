"""Names that were probably meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.spelling import choices, meant, nearest, nearest_of_many


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("balancd", ("fast", "balanced"), "balanced"),
        ("FAST", ("fast", "balanced"), "fast"),
        ("quick", ("fast", "balanced"), None),
        ("", ("fast",), None),
        ("fast", (), None),
    ],
)
def test_the_nearest_name_or_none(name: str, known: tuple[str, ...], near: str | None) -> None:
    assert nearest(name, known) == near


def test_advice_begins_with_what_was_meant() -> None:
    assert choices("balancd", ("fast", "balanced")) == 'did you mean "balanced"? Choose one of fast, balanced'
    assert choices("quick", iter(("fast", "balanced"))) == "choose one of fast, balanced"
    assert meant("verifed", ["verified"], "what can be changed is verified") == (
        'did you mean "verified"? What can be changed is verified'
    )


def test_of_many_names_the_same_one_in_other_capitals_comes_first() -> None:
    many = [f"{number:05d}" * 3 for number in range(30_000)] + ["Old Town Hall", "Old Town Halls"]
    assert nearest_of_many("old town hall", many) == "Old Town Hall"
    assert nearest_of_many("old town hal", many) == "Old Town Hall"
    assert nearest_of_many("x", many) is None


@given(st.data())
def test_of_many_long_names_few_are_compared(data: st.DataObject) -> None:
    many = [f"train/{number:07d}/{number * 7919 % 100_003:07d}/{'street ' * 14}.jpg" for number in range(3000)]
    name = data.draw(st.sampled_from(many))
    at = data.draw(st.integers(0, len(name) - 1))
    compared = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("placeprint.spelling.nearest", lambda name, known: compared.extend(known) or nearest(name, known))
        assert nearest_of_many(name[:at] + "#" + name[at + 1 :], many) == name
    assert sum(map(len, compared)) < 50_000
