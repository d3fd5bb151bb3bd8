"""No function is longer than a screen or takes more than seven parameters, and no file is longer than 300 lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "placeprint"
LINES, PARAMETERS, FILE = 60, 7, 300


def too_much(text: str) -> Iterator[str]:
    """Yield what a file has too much of."""
    if (count := len(text.splitlines())) > FILE:
        yield f"{count} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            parameters = len([name for name in given if name not in ("self", "cls")])
            lines = (node.end_lineno or 0) - node.lineno + 1
            if parameters > PARAMETERS:
                yield f"{node.name} takes {parameters} parameters"
            if lines > LINES:
                yield f"{node.name} has {lines} lines"


def test_nothing_is_too_large() -> None:
    files = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    assert len(files) > 100
    found = {name: list(too_much(text)) for name, text in files.items()}
    assert {name: much for name, much in found.items() if much} == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(self, a, b, c, *, d, e, g, h): ...", []),
        ("def f(a, b, c, /, d, *, e, g, h, i): ...", ["f takes 8 parameters"]),
        ("def f():\n" + "    x = 1\n" * 60, ["f has 61 lines"]),
        ("x = 1\n" * 301, ["301 lines"]),
    ],
)
def test_it_is_seen(text: str, said: list[str]) -> None:
    assert list(too_much(text)) == said
