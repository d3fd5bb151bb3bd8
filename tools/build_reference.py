"""Write the reference of the documentation from the program itself: verbs, Python, HTTP, and what --json prints.

`docs/conf.py` calls it, so that no page of the site names what does not exist.
"""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

import placeprint
from placeprint.cli.app import app
from placeprint.cli.verbs import GROUPS

ROOT = Path(__file__).parents[1]
KINDS = {"functions": inspect.isfunction, "classes and constants": lambda found: not inspect.isfunction(found)}


def write(folder: Path) -> None:
    """Write all pages into a folder; what is there and is none of them is removed: all in it is made here."""
    pages = dict([*verbs(), *python(), ("http.md", http()), ("json.md", json_output()), ("metrics.md", METRICS)])
    for old in folder.rglob("*.md") if folder.is_dir() else ():
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:  # Sphinx reads again only what changed
            path.write_text(text, "utf-8")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def listed(paths: Iterable[str]) -> str:
    """Return a table of contents that shows nothing on the page itself."""
    return "```{toctree}\n:hidden:\n\n" + "\n".join(paths) + "\n```\n"


def verbs() -> Iterator[tuple[str, str]]:
    """Yield a page for each verb, and one that lists them."""
    group: Any = typer.main.get_command(app)
    index = ["# Verbs\nEvery verb of the program, made from it. `placeprint VERB --help` prints the same.\n"]
    for title, names in GROUPS.items():
        index.append(f"\n## {title}\n")
        index.append(table(("verb", ""), [(f"[{name}](verbs/{name}.md)", says) for name, says in names.items()]))
        for name in names:
            yield f"verbs/{name}.md", _verb(name, group.get_command(None, name))
    index.append(listed(f"verbs/{name}" for names in GROUPS.values() for name in names))
    yield "verbs.md", "\n".join(index)


def _verb(name: str, command: Any) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    given = [p for p in command.params if p.param_type_name == "argument"]
    names = [p.metavar or p.name.upper() for p in given]
    usage = " ".join(name if p.required else f"[{name}]" for name, p in zip(names, given, strict=True))
    page = [f"# {name}\n{text}\n", f"```text\nplaceprint {name} [OPTIONS] {usage}\n```\n"]
    if given:
        page += [
            "## Arguments\n",
            table(("argument", ""), [(f"`{one}`", _help(p)) for one, p in zip(names, given, strict=True)]),
        ]
    options = [p for p in command.params if p.param_type_name == "option"]
    rows = [(f"`{', '.join([*p.opts, *p.secondary_opts])}`", _help(p), _default(p)) for p in options]
    page += ["\n## Options\n", table(("option", "", "default"), rows)]
    if (ROOT / "docs" / "schemas" / f"{name}.json").is_file():
        page.append(f"\nWhat `--json` prints: [{name} in JSON](../json.md#{name}).\n")
    if callable(getattr(placeprint, name, None)):
        page.append(f"\nFrom Python: [placeprint.{name}](../python/{name}.md).\n")
    return "\n".join(page)


def _help(parameter: Any) -> str:
    return (getattr(parameter, "help", None) or "").replace("\n", " ").replace("*", "\\*").replace("<", "&lt;")


def _default(parameter: Any) -> str:
    value = parameter.default
    if value in (None, False, (), []) or callable(value) or not isinstance(value, str | int | float | bool):
        return ""
    return f"`{value}`"


def python() -> Iterator[tuple[str, str]]:
    """Yield a page for each public name, and one that lists them."""
    index = ["# Every public name\nMade from the docstrings, whose examples run. [From Python](../python.md) begins.\n"]
    for title, is_one in KINDS.items():
        names = [name for name in placeprint.__all__ if is_one(getattr(placeprint, name))]
        index.append(f"\n## {title.capitalize()}\n")
        index.append(table(("name", ""), [(f"[{name}](python/{name}.md)", _first_line(name)) for name in names]))
        for name in names:
            yield f"python/{name}.md", _public(name)
    index.append(listed(f"python/{name}" for name in placeprint.__all__))
    yield "python.md", "\n".join(index)


def _first_line(name: str) -> str:
    found = getattr(placeprint, name)
    said = inspect.getdoc(found) if callable(found) else ""
    return (
        (said or "The answer for a photo of no known place.").split("\n\n")[0].replace("\n", " ").replace("<", "&lt;")
    )


def _public(name: str) -> str:
    found = getattr(placeprint, name)
    if not callable(found):
        return f"# {name}\n`placeprint.{name}` is `{found!r}`: {_first_line(name)}\n"
    kind = "function" if inspect.isfunction(found) else "exception" if issubclass(found, Exception) else "class"
    members = "" if kind == "function" else "   :members:\n"
    directive = f".. auto{kind}:: {found.__module__}.{found.__name__}\n{members}"
    return f"# {name}\n`placeprint.{name}`\n\n```{{eval-rst}}\n{directive}```\n"


def http() -> str:
    """Return the page of the API, from its OpenAPI description."""
    from placeprint.web.app import description

    said = description()
    page = ["# HTTP\nMade from the server's OpenAPI description, which a server gives at `/v1/openapi.json`. "]
    page.append("How to ask it, with examples: [The HTTP API](../api.md).\n")
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            page += [f"## {method.upper()} {path}\n", f"{operation['summary']}. {operation.get('description', '')}\n"]
            rows = [
                (f"`{one['name']}`", one["in"], "yes" if one.get("required") else "", one.get("description", ""))
                for one in operation.get("parameters", ())
            ]
            if rows:
                page.append(table(("parameter", "in", "required", ""), rows))
            answers = [(code, _answer(response)) for code, response in operation["responses"].items()]
            page.append(table(("status", "answer"), answers))
    page += ["## What answers hold\n", *_schemas(said["components"]["schemas"])]
    return "\n".join(page)


def _answer(response: Mapping[str, Any]) -> str:
    refs = [c.get("schema", {}).get("$ref", "") for c in response.get("content", {}).values()]
    named = [ref.rpartition("/")[2] for ref in refs if ref]
    return response.get("description", "") + "".join(f" ([{name}](#{name.lower()}))" for name in named)


def _schemas(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        about = schema.get("description", "").replace("\n", " ")
        yield f"### {name}\n{about}\n"
        yield _fields(schema)


def _fields(schema: Mapping[str, Any]) -> str:
    """Return a table of the fields of an object."""
    rows = [(f"`{name}`", f"`{_type(one)}`") for name, one in schema.get("properties", {}).items()]
    return table(("field", "type"), rows)


def _type(schema: Mapping[str, Any]) -> str:
    """Return what a JSON schema allows, in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(json.dumps(one) for one in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def json_output() -> str:
    """Return the page of what verbs print with --json, from docs/schemas."""
    page = ["# JSON output\nWhat each verb prints with `--json`. The whole schemas are in `docs/schemas`."]
    for path in sorted((ROOT / "docs" / "schemas").glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))
        page.append(f"\n## {path.stem}\n{schema.get('description', '')}\n")
        rows = schema if "properties" in schema else schema.get("items", {})
        rows = rows.get("anyOf", [rows])[0]
        if "$ref" in rows:
            rows = schema["$defs"][rows["$ref"].rpartition("/")[2]]
        if "properties" in rows:
            if rows is not schema:
                page.append("A list of objects:\n")
            page.append(_fields(rows))
    return "\n".join(page)


_METRIC_MODULES = ("retrieval", "open_set_rates", "risk_coverage", "precision_recall", "intervals", "paired_tests")
METRICS = (
    "# Metrics\nHow every figure is computed, from the functions that compute it, with the source of each definition. "
    "Conventions of the field differ: `placeprint evaluate --conventions` prints a run by all of them.\n\n"
    + "\n".join(
        f"## {name.replace('_', ' ').capitalize()}\n```{{eval-rst}}\n"
        f".. automodule:: placeprint.evaluation.metrics.{name}\n   :members:\n```\n"
        for name in _METRIC_MODULES
    )
)
