"""Errors: messages on one line, whatever they quote."""

import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint import errors
from placeprint.errors import ImageError, MissingExtraError, PlaceprintError
from placeprint.terminal import printable

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PlaceprintError)]


def made(kind: type[PlaceprintError], text: str) -> PlaceprintError:
    return kind(*[text] * (2 if kind in (ImageError, MissingExtraError) else 1))


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(st.characters() | st.sampled_from("\n\r\v\x1b\x85\u2028\u2029\u202e\ud800")))
def test_a_message_is_one_line_and_shows_all_that_it_quotes(kind: type[PlaceprintError], text: str) -> None:
    said = str(made(kind, text))
    assert printable(text) in said
    assert printable(said) == said
    assert len(said.splitlines()) <= 1
    assert str(pickle.loads(pickle.dumps(made(kind, text)))) == said


def test_the_reason_of_a_row_is_one_line_too() -> None:
    assert ImageError("unreadable", "a\nb\u202e").reason == "a\\x0ab\\u202e"
    named = ImageError("missing", "it is not\nthere", "a b.jpg")
    assert (str(named), named.reason) == ("a b.jpg: it is not\\x0athere", "it is not\\x0athere")
