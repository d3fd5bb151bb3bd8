"""Count the lines of the package by room: code, imports, docstrings, comments, blank: `python tools/count_lines.py`."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "placeprint"
KINDS = ("lines", "code", "imports", "docstrings", "comments", "blank", "files")


def counted(text: str) -> Counter[str]:
    """Return how many lines of each kind a module has; a comment behind code is code."""
    tree, lines = ast.parse(text), text.splitlines()
    docstrings: set[int] = set()
    imports: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(range(node.lineno, (node.end_lineno or 0) + 1))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.update(range(node.lineno, (node.end_lineno or 0) + 1))
    found = Counter(lines=len(lines), files=1, docstrings=len(docstrings), imports=len(imports))
    for number, line in enumerate(lines, 1):
        if number not in docstrings:
            found["blank"] += not line.strip()
            found["comments"] += line.strip().startswith("#")
    found["code"] = len(lines) - sum(found[kind] for kind in ("imports", "docstrings", "comments", "blank"))
    return found


def main() -> None:
    """Print a table in Markdown, the largest room first."""
    rooms: dict[str, Counter[str]] = {}
    for path in SOURCE.rglob("*.py"):
        inside = path.relative_to(SOURCE).parts
        room = f"`{inside[0]}/`" if len(inside) > 1 else "ground floor"
        rooms[room] = rooms.get(room, Counter()) + counted(path.read_text("utf-8"))
    print(f"| room | {' | '.join(KINDS)} |\n|---|{'--:|' * len(KINDS)}")
    for room, found in sorted(rooms.items(), key=lambda one: -one[1]["lines"]):
        print(f"| {room} | {' | '.join(f'{found[kind]:,}' for kind in KINDS)} |")
    total = sum(rooms.values(), Counter[str]())
    print(f"| all | {' | '.join(f'{total[kind]:,}' for kind in KINDS)} |")


if __name__ == "__main__":
    main()
