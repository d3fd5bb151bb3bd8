"""Options stand once: as a record, and as the keywords of public functions."""

import dataclasses
from typing import get_args, get_type_hints

import pytest

from placeprint import options
from placeprint.options import BuildOptions, DecisionOptions, Flag, Imported, records_of

PAIRS = [
    (options.ModelOptions, options.ModelWords),
    (options.EmbedOptions, options.EmbedWords),
    (options.BuildOptions, options.BuildWords),
    (options.DecisionOptions, options.DecisionWords),
    (options.Imported, options.ImportedWords),
]


@pytest.mark.parametrize(("record", "words"), PAIRS)
def test_the_keywords_are_the_fields(record: type, words: type) -> None:
    assert get_type_hints(words) == get_type_hints(record)
    assert [f.name for f in dataclasses.fields(record) if f.default is dataclasses.MISSING] == []


@pytest.mark.parametrize("record", [record for record, _ in PAIRS])
def test_every_field_has_its_flag(record: type) -> None:
    hints = get_type_hints(record, include_extras=True)
    assert all(isinstance(get_args(hints[f.name])[-1], Flag) for f in dataclasses.fields(record))


def test_keywords_become_records() -> None:
    build, decision, imported = records_of(
        {"model": "m", "threshold": 0.5, "records": "r.csv"}, BuildOptions, DecisionOptions, Imported
    )
    assert (build, decision) == (BuildOptions(model="m"), DecisionOptions(threshold=0.5))
    assert imported == Imported(records="r.csv")
    with pytest.raises(TypeError, match="unexpected keyword argument 'thresold'"):
        records_of({"thresold": 0.5}, BuildOptions, DecisionOptions)


def test_what_is_given_is_known() -> None:
    assert not DecisionOptions().given
    assert DecisionOptions(threshold=0.0).given
    assert DecisionOptions(margin_threshold=0.0).given
    assert Imported(records="r.csv").given
    assert not Imported().given
