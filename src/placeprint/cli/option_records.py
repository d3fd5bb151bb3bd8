"""Records of options as options of a verb: a parameter that is a record becomes one option a field."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import typer

from placeprint.options import Flag

_PLAIN = (bool, int, float, Path, str)
"""What the text of an option is read as: the first of these that is among the types of its field."""

_BEFORE = "before the verb"


class Without:
    """Marks a record of a verb that offers no option for some of its fields; they keep their defaults."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields


def given(*records: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as keywords of a function that has the same defaults."""
    return {
        field.name: value
        for record in records
        for field in dataclasses.fields(record)
        if (value := getattr(record, field.name)) != field.default
    }


def with_options(verb: Callable[..., None], *, before: Any = None) -> Callable[..., None]:
    """Return a verb for Typer whose records are given field by field.

    A field is annotated with a `placeprint.options.Flag`, or with what Typer reads: `typer.Option`, `typer.Argument`.
    The field of a flag whose name begins with ``no-`` is true unless the flag is given.

    `before`: A record of options that every verb has; its `begin` is called before the verb, which does not get it.
    """
    hints = get_type_hints(verb, include_extras=True)
    records: dict[str, tuple[Any, list[_Option]]] = {}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        record, left_out = _record_of(hints[name])
        if record is None:
            shown.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
        else:
            options = _options(record, left_out)
            records[name] = record, options
            shown += [option.parameter for option in options]

    if before is not None:
        records[_BEFORE] = before, _options(before, ())
        shown += [option.parameter for option in records[_BEFORE][1]]

    def run(**values: Any) -> None:
        made = {
            name: record(**{option.name: option.read(values.pop(option.name)) for option in options})
            for name, (record, options) in records.items()
        }
        if before is not None:
            made.pop(_BEFORE).begin()
        verb(**values, **made)

    run.__doc__ = verb.__doc__
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


def _record_of(hint: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the record of a parameter, and the fields that are left out; None where it is an option itself."""
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    left_out = next((mark.fields for mark in marks if isinstance(mark, Without)), ())
    return (kind, left_out) if dataclasses.is_dataclass(kind) else (None, ())


class _Option(NamedTuple):
    name: str
    hint: Any
    default: Any
    negated: bool

    def read(self, value: Any) -> Any:
        """Return the value of the field."""
        return not value if self.negated else value

    @property
    def parameter(self) -> inspect.Parameter:
        """What Typer reads of it."""
        default = inspect.Parameter.empty if self.default is dataclasses.MISSING else self.read(self.default)
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=self.hint)


def _options(record: Any, left_out: tuple[str, ...]) -> list[_Option]:
    hints = get_type_hints(record, include_extras=True)
    made = []
    for field in dataclasses.fields(record):
        if field.name in left_out:
            continue
        hint, negated = hints[field.name], False
        kind, mark = get_args(hint)
        if isinstance(mark, Flag):
            hint, negated = _option(kind, mark), mark.name.removeprefix("--").startswith("no-")
        made.append(_Option(field.name, hint, field.default, negated))
    return made


def _option(kind: Any, flag: Flag) -> Any:
    """Return a flag as an option of the plainest type of its field."""
    kinds = get_args(kind) or (kind,)
    plain: Any = next((each for each in _PLAIN if each in kinds), kinds[0])  # a list stays one
    names = [flag.name, flag.short] if flag.short else [flag.name]
    words = flag.words
    offered = (lambda: words) if words else None
    option = typer.Option(*names, help=flag.help, min=flag.least, max=flag.most, autocompletion=offered)
    return Annotated[plain | None if type(None) in kinds else plain, option]
