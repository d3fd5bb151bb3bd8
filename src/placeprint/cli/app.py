"""The program ``placeprint``: its verbs, and how errors end it.

Nothing heavy is imported here: every verb imports what it needs, so that ``--help`` is quick.
Exit codes: 0 fine, 1 the answer is bad news, 2 wrong use, 3 a file or model failed, 130 interrupted, 141 nobody reads.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from placeprint.cli import interruption
from placeprint.cli.option_records import with_options
from placeprint.cli.printing import say
from placeprint.errors import PlaceprintError
from placeprint.terminal import OutputClosedError, tell

PIPE_CLOSED = 141
"""As of a program that a closed pipe ends: 128 and the number of the signal."""

_VERBS = (
    "check", "index", "query", "evaluate", "calibrate", "compare", "mine", "run", "add", "remove", "verify", "serve",
    "models", "train", "export", "distil", "move", "protocols", "leaderboard",
    "pairs", "locate",
)  # fmt: skip
"""Each is a function in a file of its name. Making all of them took a tenth of a short verb."""

_SLIPS = frozenset({"evaluate", "mine"})
"""Verbs that look themselves at what is given behind their last argument: it may be a gallery."""


class _Verbs(TyperGroup):
    """Imports and makes a verb when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: Any = dict.fromkeys(_VERBS)
        self.commands = names  # for --help, and for suggestions after a slip

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as Typer calls it
        """Return a verb; None where there is none of that name."""
        if cmd_name not in _VERBS:
            return None
        verb = with_options(getattr(import_module(f"placeprint.cli.{cmd_name}"), cmd_name))
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, context_settings={"allow_extra_args": cmd_name in _SLIPS})(verb)
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Verbs,
    name="placeprint",
    help="Tells which place a photo shows, and how sure it is.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from placeprint import __version__

        say(f"placeprint {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Tells which place a photo shows, and how sure it is."""


def main(program: typer.Typer = app, name: str = "placeprint") -> None:
    """Run a verb; turn every expected error into one line and its exit code."""
    try:
        program(prog_name=name)
    except PlaceprintError as error:
        _refused(f"{type(error).__name__}: {error}", error.exit_code)
    except OutputClosedError as gone:
        if gone.piped:
            sys.exit(PIPE_CLOSED)
        _refused(f"the output cannot be written: {gone}", 3)
    except OSError as error:
        where = f' "{error.filename}"' if error.filename else ""
        _refused(f"the system refused{where}: {error.strerror or error}", 3)


def _refused(why: str, code: int) -> NoReturn:
    """End with a line and an exit code; what went wrong after an interruption is no news."""
    if interruption.came():
        sys.exit(interruption.EXIT_CODE)
    tell(why)
    sys.exit(code)
