"""``python -m tests.fuzz [TARGET ...] [--seconds 60]``; see docs/reliability.md."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from . import engine
from .target import NAMES
from .watch import Outcome, fuzzed

FAILURES = Path(__file__).parents[2] / ".fuzz"


def main() -> int:
    """Fuzz, and say what came of it; return 1 where something failed."""
    asked = _asked()
    if asked.inside:
        room, record = asked.inside
        engine.main(asked.target[0], room, record, asked.seconds, plain=asked.plain, seed=asked.seed, again=asked.again)
        return 0
    options = ["--seconds", str(asked.seconds), "--seed", str(asked.seed)]
    options += ["--plain"] if asked.plain else []
    options += ["--again", str(asked.again.absolute())] if asked.again else []
    guided = find_spec("atheris") is not None and not asked.plain
    failed = 0
    for name in asked.target or NAMES:
        outcome = fuzzed(name, options)
        failed |= bool(outcome.failure)
        how = f"in {asked.seconds:g} s, {'guided by coverage' if guided else 'at random'}"
        _say(f"{name}: {outcome.inputs} inputs {'' if asked.again else how}: {outcome.failure or 'no failure'}")
        if outcome.failure:
            _tell(name, outcome)
    return failed


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", metavar="TARGET", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="at random, also where atheris is installed")
    parser.add_argument("--again", type=Path, metavar="FILE", help="read one input, as it was kept")
    parser.add_argument("--inside", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def _tell(name: str, outcome: Outcome) -> None:
    file = outcome.keep(FAILURES, name)
    _say("\n".join(f"    {line[:300]}" for line in _own(outcome.said)[-40:]))
    _say(f"    again: {shlex.join(['python', '-m', 'tests.fuzz', name, '--again', str(file)])}")


def _own(said: str) -> list[str]:
    """Return the lines of a process without the engine's remarks on itself."""
    return [line for line in said.splitlines() if not line.startswith(("INFO:", "WARNING:", "#"))]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
