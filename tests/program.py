"""The program as tests ask it: in a process of its own, or in this one, which starts sooner.

That both say the same is tested in ``e2e/test_processes.py``, verb by verb.
"""

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest

from placeprint.cli.app import app, main
from town.__main__ import app as town


@dataclass(frozen=True)
class Said:
    """What a run printed."""

    stdout: str
    stderr: str


def run(*arguments: object, expect: int = 0) -> Said:
    """Run a verb in this process; it must end with this exit code."""
    out, told = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(told):
        rendering = arguments[:1] == ("town",)  # a program of its own, which ends as the verbs do
        patch.setattr(sys, "argv", ["placeprint", *map(str, arguments[rendering:])])
        with pytest.raises(SystemExit) as ended:
            main(town if rendering else app)
    assert (ended.value.code or 0) == expect, told.getvalue() + out.getvalue()
    return Said(out.getvalue(), told.getvalue())


def run_json(*arguments: object, expect: int = 0) -> Any:
    """Run a verb in this process with ``--json``; return what it printed."""
    return json.loads(run(*arguments, "--json", expect=expect).stdout)


def run_apart(*arguments: object, expect: int = 0) -> Said:
    """Run a verb in a process of its own; it must end with this exit code and without a traceback."""
    program = [] if arguments[:1] == ("town",) else ["placeprint.cli.program"]
    command = [sys.executable, "-m", *program, *map(str, arguments)]
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # what is left is flushed
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=usual)
    assert done.returncode == expect, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return Said(done.stdout, done.stderr)
