"""The program ``placeprint``: its verbs, and how errors end it.

Nothing heavy is imported here: every verb imports what it needs, so that ``--help`` is quick.
Exit codes: 0 fine, 1 the answer is bad news, 2 wrong use, 3 a file or model failed, 130 interrupted, 141 nobody reads.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from placeprint.cli import interruption
from placeprint.cli.log import Log, failed
from placeprint.cli.option_records import with_options
from placeprint.cli.printing import say
from placeprint.cli.settings_file import apply_settings
from placeprint.cli.verbs import GROUPS, VERBS
from placeprint.errors import PlaceprintError, UsageError
from placeprint.spelling import choices
from placeprint.terminal import OutputClosedError, styled, tell

PIPE_CLOSED = 141
"""As of a program that a closed pipe ends: 128 and the number of the signal."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_NAMES = max(map(len, VERBS))
_COMPLETE = "_PLACEPRINT_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")
_SLIPS = frozenset({"evaluate", "mine"})
"""Verbs that look themselves at what is given behind their last argument: it may be a gallery."""


class _Verbs(TyperGroup):
    """Imports and makes a verb when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: Any = dict.fromkeys(VERBS)
        self.commands = names  # for suggestions after a slip
        self._listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as Typer calls it
        """Return a verb; None where there is none of that name."""
        if cmd_name not in VERBS:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=next(group[cmd_name] for group in GROUPS.values() if cmd_name in group))
        verb = with_options(getattr(import_module(f"placeprint.cli.{cmd_name}"), cmd_name), before=Log)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, context_settings={"allow_extra_args": cmd_name in _SLIPS, **CONTEXT})(verb)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as Typer calls it
        """List the verbs in their groups, each with a whole sentence."""
        for group, verbs in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(f"{name:{_NAMES}}", sentence) for name, sentence in verbs.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete the name of a verb, without importing any."""
        self._listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False


app = typer.Typer(
    cls=_Verbs,
    name="placeprint",
    help="Tells which place a photo shows, and how sure it is.",
    epilog="placeprint VERB --help says what a verb does, and which options it takes.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=CONTEXT,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        from placeprint import __version__

        say(f"placeprint {__version__}")
        raise typer.Exit


def _show_completion(shell: str | None) -> None:
    if shell:
        from typer.completion import get_completion_script  # type: ignore[attr-defined]

        if shell not in _SHELLS:
            raise UsageError(f'there is no completion for "{shell}": {choices(shell, _SHELLS)}')
        say(*get_completion_script(prog_name="placeprint", complete_var=_COMPLETE, shell=shell).split("\n"))
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    _completion: Annotated[
        str | None,
        typer.Option(
            "--completion",
            metavar="SHELL",
            callback=_show_completion,
            is_eager=True,
            help='Print the completion script of bash, zsh or fish; for bash: eval "$(placeprint --completion bash)".',
        ),
    ] = None,
) -> None:
    """Tells which place a photo shows, and how sure it is."""
    apply_settings()


def main(program: typer.Typer = app, name: str = "placeprint") -> None:
    """Run a verb; turn every expected error into one line and its exit code."""
    if _COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
        sys.stdout = styled(sys.stdout)  # words of our own, which fish wants with tabs between them
        if os.environ[_COMPLETE] == "complete_bash" and not (
            "COMP_WORDS" in os.environ and os.environ.get("COMP_CWORD", "").isdecimal()
        ):
            _refused("COMP_WORDS and COMP_CWORD, a number, say what bash completes: it sets them itself", 2)
    try:
        program(prog_name=name)
    except PlaceprintError as error:
        failed(error)
        _refused(f"{type(error).__name__}: {error}", error.exit_code)
    except OutputClosedError as gone:
        if gone.piped:
            sys.exit(PIPE_CLOSED)
        _refused(f"the output cannot be written: {gone}", 3)
    except OSError as error:
        failed(error)
        where = f' "{error.filename}"' if error.filename else ""
        _refused(f"the system refused{where}: {error.strerror or error}", 3)


def _refused(why: str, code: int) -> NoReturn:
    """End with a line and an exit code; what went wrong after an interruption is no news."""
    if interruption.came():
        sys.exit(interruption.EXIT_CODE)
    tell(why)
    sys.exit(code)
