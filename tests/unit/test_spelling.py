"""Names that were probably meant."""

import pytest

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
