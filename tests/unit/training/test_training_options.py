"""Options as records and as keywords are the same, and their defaults stand once."""

import dataclasses
import inspect
from typing import Any, get_type_hints

import pytest

from placeprint.errors import UsageError
from placeprint.training.distillation import distil
from placeprint.training.export import export
from placeprint.training.options import (
    ChangeOptions,
    ChangeWords,
    DistilOptions,
    DistilWords,
    ExportOptions,
    ExportWords,
)
from placeprint.training.settings import TrainSettings, TrainWords
from placeprint.training.train import train


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (ChangeOptions, ChangeWords),
        (ExportOptions, ExportWords),
        (DistilOptions, DistilWords),
        (TrainSettings, TrainWords),
    ],
)
def test_keywords_are_the_fields_of_their_record(record: Any, words: Any) -> None:
    fields = get_type_hints(record)
    assert get_type_hints(words) == {field.name: fields[field.name] for field in dataclasses.fields(record)}
    assert not words.__required_keys__
    assert not [field.name for field in dataclasses.fields(record) if field.default is dataclasses.MISSING]


@pytest.mark.parametrize(("verb", "record"), [(export, ExportOptions), (distil, DistilOptions), (train, TrainSettings)])
def test_no_verb_repeats_a_field(verb: Any, record: Any) -> None:
    named = {name for name, each in inspect.signature(verb).parameters.items() if each.kind is not each.VAR_KEYWORD}
    assert not named & {field.name for field in dataclasses.fields(record)}


def test_a_record_refuses_what_does_not_go_together_and_what_it_does_not_have() -> None:
    assert not ExportOptions().changes
    assert ExportOptions(precision="float16").changes
    for record in (ExportOptions, DistilOptions):
        with pytest.raises(UsageError, match='preset "nonsense"'):
            record(preset="nonsense")
    with pytest.raises(UsageError, match="--branch goes with --weights"):
        ExportOptions(branch="teacher")
    with pytest.raises(TypeError, match="colour"):
        export("resnet50", colour="red")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match='"colour" is not a setting of a training: choose one of accumulate'):
        TrainSettings.of({"colour": "red"})
