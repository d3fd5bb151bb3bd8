"""A verb's records are given field by field, with the names, defaults and limits that their fields say."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

import placeprint
from placeprint.cli.app import app
from placeprint.cli.option_records import Without, given, with_options
from placeprint.cli.verbs import VERBS
from placeprint.options import BuildOptions, DecisionOptions, EmbedOptions, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    name: Annotated[Path | str | None, Flag("--name", "A name.", short="-n")] = None
    count: Annotated[int, Flag("--count", "How many.", least=1, most=9)] = 3
    cached: Annotated[bool, Flag("--no-cached", "Keep nothing.")] = True
    sure: Annotated[bool, Flag("--sure/--unsure", "Be sure.")] = True
    many: Annotated[list[str] | None, Flag("--many", "Several.")] = None
    own: Annotated[str, typer.Argument(help="Typer's own.")]
    left: int = 7


def ran(*arguments: str, expect: int = 0) -> Sample | None:
    made: list[Sample] = []

    def verb(*, sample: Annotated[Sample, Without("left")]) -> None:
        """Do it."""
        made.append(sample)

    alone = typer.Typer(rich_markup_mode=None)
    alone.command()(with_options(verb))
    done = CliRunner().invoke(alone, [*arguments])
    assert done.exit_code == expect, done.output
    return made[0] if made else None


def test_fields_are_options() -> None:
    assert ran("x") == Sample(own="x")
    words = ["x", "-n", "a", "--count", "9", "--no-cached", "--unsure", "--many", "1", "--many", "2"]
    assert ran(*words) == Sample(own="x", name=Path("a"), count=9, cached=False, sure=False, many=["1", "2"])


@pytest.mark.parametrize("words", [["--count", "0"], ["--count", "10"], ["--left", "1"], ["--cached"]])
def test_what_is_no_option_is_refused(words: list[str]) -> None:
    assert ran("x", *words, expect=2) is None


def test_only_what_was_asked_for_is_given() -> None:
    assert given(EmbedOptions(), DecisionOptions()) == {}
    asked = given(BuildOptions(cache=False, preset="fast"), DecisionOptions(threshold=0.0))
    assert asked == {"cache": False, "preset": "fast", "threshold": 0.0}


def options() -> Iterator[tuple[str, Any]]:
    """Yield each verb with each field of its records that is an option."""
    for name in VERBS:
        verb = getattr(import_module(f"placeprint.cli.{name}"), name)
        for hint in inspect.get_annotations(verb, eval_str=True).values():
            kind, marks = getattr(hint, "__origin__", hint), getattr(hint, "__metadata__", ())
            without = [field for mark in marks if isinstance(mark, Without) for field in mark.fields]
            if is_dataclass(kind):
                yield from ((name, field) for field in fields(kind) if field.name not in without)


def test_defaults_are_those_of_the_function() -> None:
    """What is not asked for is left to the function of the verb's name: it must default to the same."""
    different, compared = [], 0
    for name, field in options():
        words = inspect.signature(getattr(placeprint, name)).parameters
        default = words[field.name].default if field.name in words else inspect.Parameter.empty
        if default is inspect.Parameter.empty or field.default is None:
            continue  # required, a keyword of the same record, or the function's own choice
        compared += 1
        if field.default != default:
            different.append((name, field.name, field.default, default))
    assert different == []
    assert compared > 5


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_a_function_of_its_name(name: str) -> None:
    assert callable(getattr(placeprint, name))
    assert name in placeprint.__all__
    assert typer.main.get_command(app).get_command(None, name) is not None  # type: ignore[attr-defined,arg-type]
