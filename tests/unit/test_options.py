"""Options stand once: as a record, and as the keywords of public functions."""

import dataclasses
import math
import re
from typing import get_args, get_type_hints

import pytest

from placeprint import options
from placeprint.errors import UsageError
from placeprint.options import BuildOptions, DecisionOptions, Flag, Imported, rate_for_a_server, records_of

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
    assert Imported(records="r.csv").given
    assert not Imported().given


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"threshold": math.nan}, "--unknown-threshold must be a number, not nan"),
        ({"margin_threshold": math.nan}, "--unknown-margin must be a number, not nan"),
        ({"false_accept_rate": 0.0}, "a false-accept rate must be above 0 and below 1, not 0"),
        ({"false_accept_rate": 10.0}, "a false-accept rate must be above 0 and below 1, not 10"),
        ({"false_accept_rate": math.nan}, "a false-accept rate must be above 0 and below 1, not nan"),
        ({"false_accept_rate": 0.1, "threshold": 0.5}, "--unknown-threshold and --false-accept-rate both say"),
    ],
)
def test_what_cannot_decide_is_refused_in_one_line(given: dict[str, float], why: str) -> None:
    with pytest.raises(UsageError, match="^" + re.escape(why)) as refused:
        DecisionOptions(**given)
    assert "\n" not in str(refused.value)


def test_a_server_is_given_a_rate_and_nothing_else() -> None:
    assert rate_for_a_server({}) is None
    assert rate_for_a_server({"threshold": None, "false_accept_rate": 0.1}) == 0.1
    for more in ({"threshold": 0.5}, {"model": "m"}, {"margin_threshold": 0.0}):
        with pytest.raises(UsageError, match="leave out thresholds, model and preset"):
            rate_for_a_server({"false_accept_rate": 0.1, **more})
    with pytest.raises(UsageError, match="above 0 and below 1"):
        rate_for_a_server({"false_accept_rate": 1.0})
