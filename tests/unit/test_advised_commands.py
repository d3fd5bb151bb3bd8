"""Every command that a message, the README or a page of the documentation names exists, with its options."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from placeprint.cli.app import app
from placeprint.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
SOURCES = [path for kind in ("py", "j2", "js", "html") for path in sorted((ROOT / "src").rglob(f"*.{kind}"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MEANT = re.compile(r"(?:[`(]|\b(?:run|with:?|by) )$")
"""What stands before a command; elsewhere the name may be the subject of a sentence."""
COMMAND = re.compile(r"(?<![\w./\"-])placeprint (?P<verb>[a-z][\w-]*)(?P<rest>(?:[^\n`;|<),]|,(?! ))*)")
OPTION = re.compile(r"(?<![\w-])-(?:-[a-z][a-z-]+|[a-z])(?![\w])")
OF_OTHERS = {
    f"--{name}"
    for name in (
        *("data-binary", "head", "inplace", "match", "no-compile"),
        *("no-loadscope-reorder", "pair", "resolution", "seconds"),
    )
}
"""Options of other programs that pages and messages name: curl, Ray, rsync, COLMAP, pip, pytest, hloc, uv."""
ALONE = re.compile(r"(?<![\w-])--[a-z][a-z-]{2,}")


@cache
def verb(name: str) -> Any:
    found = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined,arg-type]
    assert found is not None
    return found


@cache
def options_of(name: str) -> frozenset[str]:
    return frozenset({o for p in verb(name).params for o in (*p.opts, *p.secondary_opts)} | {"--help"})


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return what may hold commands: string constants of code, with X for what is filled in; else code of a page."""
    return tuple(_texts(path))


def _texts(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                yield "".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values)  # type: ignore[misc]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    elif path.suffix == ".md":
        yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
        for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, re.M | re.S):
            yield from (line.split("#")[0] for line in block.splitlines())
    else:
        yield re.sub(r"<[^>]+>", lambda tag: "`" if "code" in tag[0] else " ", text)


@cache
def commands() -> tuple[tuple[str, str, str], ...]:
    return tuple(_commands())


def _commands() -> Iterator[tuple[str, str, str]]:
    for path in (*SOURCES, *PAGES):
        for text in texts(path):
            for found in COMMAND.finditer(text):
                name, rest = found["verb"], found["rest"]
                whole = path.suffix == ".md" and text.startswith("placeprint ")
                if name in VERBS or whole or MEANT.search(text[: found.start()]):
                    yield f"{path.relative_to(ROOT)}: placeprint {name}{rest}", name, rest


def test_every_verb_is_one() -> None:
    said = list(commands())
    assert len([where for where, name, _ in said if name in VERBS]) > 80, "the commands were not found"
    assert [where for where, name, _ in said if name not in VERBS] == []


def test_the_pages_that_people_read_show_every_verb_in_a_command() -> None:
    named = {name for where, name, _ in commands() if where.startswith(("README.md", "docs/"))}
    assert set(VERBS) - named == set()


def test_every_option_is_one_of_its_verb() -> None:
    found = [(where, name, OPTION.findall(rest)) for where, name, rest in commands() if name in VERBS]
    assert sum(len(options) for *_, options in found) > 40
    assert [(where, o) for where, name, options in found for o in options if o not in options_of(name)] == []


def test_a_command_that_is_given_whole_can_be_run() -> None:
    """Where arguments are named, so is where the result goes."""
    lacking = []
    for where, name, rest in commands():
        if name not in ("index", "run", "train", "distil") or not re.match(r" [\w{./:]*[A-Z/]", rest):
            continue
        given = set(OPTION.findall(rest))
        if where.startswith("src/") and not given & {"-o", "--out", "--store"}:
            lacking.append(where)
    assert lacking == []


def test_an_option_that_stands_alone_is_one_of_some_verb() -> None:
    """As in "give --unknown-threshold"."""
    known = {"--version", "--completion", *(option for name in VERBS for option in options_of(name))}
    scripts = [path for folder in ("benchmarks", "town", "tools") for path in (ROOT / folder).glob("*.py")]
    ours = {option for path in scripts for option in ALONE.findall(path.read_text("utf-8"))}
    read = [path for path in (*SOURCES, *PAGES) if path.suffix in (".py", ".md")]
    said = [(path, text) for path in read for text in texts(path) if not text.startswith("docker ")]
    found = [(path, o) for path, text in said for o in ALONE.findall(text)]
    assert len(found) > 80
    allowed = {".py": known | OF_OTHERS, ".md": known | OF_OTHERS | ours}
    assert [(str(path.relative_to(ROOT)), o) for path, o in found if o not in allowed[path.suffix]] == []


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_can_be_made(name: str) -> None:
    assert "--help" in options_of(name)
