"""What a test replaces is there: some tests run only with real engines, and would rot unseen."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
OURS = ("placeprint.", "town.")


def dotted(node: ast.expr) -> str:
    """`a.b` for the expression a.b, nothing for any other."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".strip(".")
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def replaced(tree: ast.AST) -> Iterator[str]:
    """The full name of everything of ours that is replaced by `setattr("a.b", new)` or `setattr(a, "b", new)`."""
    names = imported(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr"):
            continue
        match node.args:
            case [ast.Constant(value=str(name)), _]:
                pass
            case [owner, ast.Constant(value=str(attribute)), *_]:
                first, *rest = dotted(owner).split(".")
                name = ".".join([names.get(first, ""), *rest, attribute])
            case _:
                continue
        if name.startswith(OURS):
            yield name


def is_there(name: str) -> bool:
    """Where an extra is not installed, its modules cannot be looked into: theirs count as there."""
    first, *rest = name.split(".")
    found, so_far = importlib.import_module(first), first
    for part in rest:
        so_far = f"{so_far}.{part}"
        try:
            found = getattr(found, part) if hasattr(found, part) else importlib.import_module(so_far)
        except ModuleNotFoundError as error:
            return not f"{error.name}.".startswith(OURS)
    return True


def test_what_is_replaced_is_there() -> None:
    found = {(path.name, name) for path in FILES for name in replaced(ast.parse(path.read_text("utf-8")))}
    assert len(found) > 50
    assert sorted((path, name) for path, name in found if not is_there(name)) == []


def test_a_name_that_is_gone_is_found() -> None:
    tree = ast.parse(
        "import placeprint.gallery as g\nfrom placeprint import presets\n"
        'p.setattr("placeprint.recognition.recognizer._GONE", 1)\np.setattr(presets, "FIRST_LOOK", 1)\n'
        'p.setattr(g, "gone", 1)\np.setattr(other, "gone", 1)\n'
    )
    found = list(replaced(tree))
    assert len(found) == 3
    assert [is_there(name) for name in found] == [False, True, False]
