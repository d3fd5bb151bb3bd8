"""Places are found by their words, whatever accents, case and order they are typed with."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason='the extra "web" is not installed')

from placeprint.web.catalogue import Place
from placeprint.web.place_search import folded_words, named_like

NAMES = ("Choir and Hall", "Eiffel_Tower__lid_47378", "Hội An", "Phố cổ Hội An", "Straße 9", "Łódź-Đà", "三十三間堂")
PLACES = [Place(name, 1, "0", None) for name in NAMES]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("hoi an", ["Hội An", "Phố cổ Hội An", "Choir and Hall"]),
        ("AN HỘI", ["Hội An", "Phố cổ Hội An", "Choir and Hall"]),
        ("pho", ["Phố cổ Hội An"]),
        ("tower eiffel", ["Eiffel_Tower__lid_47378"]),
        ("47378", ["Eiffel_Tower__lid_47378"]),
        ("strasse", ["Straße 9"]),
        ("lodz da", ["Łódź-Đà"]),
        ("間堂", ["三十三間堂"]),
        ("an", ["Choir and Hall", "Hội An", "Phố cổ Hội An"]),
        ("all", ["Choir and Hall"]),
        ("__", ["Eiffel_Tower__lid_47378"]),
        ("nowhere", []),
    ],
)
def test_words_are_found(asked: str, found: list[str]) -> None:
    assert [place.name for place in named_like(PLACES, asked)] == found


def test_the_name_itself_comes_first() -> None:
    places = [Place(name, 1, "0", None) for name in ("a big hall", "hall", "shallow", "hall of a")]
    assert [place.name for place in named_like(places, "hall")] == ["hall", "a big hall", "hall of a", "shallow"]


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12))
def test_a_name_is_found_by_itself_in_any_case_and_form(name: str) -> None:
    place = [Place(name, 1, "0", None)]
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert named_like(place, unicodedata.normalize(form, name).upper()) == place or not folded_words(name)
        assert named_like(place, unicodedata.normalize(form, name)) == place
