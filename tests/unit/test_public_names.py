"""The public names are sorted, exist, and are all there is; every deliberate error is in one tree."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, is_typeddict

import placeprint
from placeprint import errors
from placeprint.terminal import OutputClosedError


def test_names_are_sorted_and_load() -> None:
    constants = [n for n in placeprint.__all__ if n.isupper()]
    classes = [n for n in placeprint.__all__ if not n.isupper() and n[0].isupper()]
    rest = [n for n in placeprint.__all__ if n[0].islower()]
    assert placeprint.__all__ == sorted(constants) + sorted(classes) + sorted(rest)
    for name in placeprint.__all__:
        assert getattr(placeprint, name) is not None


def test_the_lazy_table_is_the_list() -> None:
    assert sorted(n for names in placeprint._HOMES.values() for n in names) == sorted(placeprint.__all__)
    told = [node for node in ast.walk(ast.parse(inspect.getsource(placeprint))) if isinstance(node, ast.ImportFrom)]
    read = {(node.module, n.name) for node in told for n in node.names if n.name == n.asname and n.name[0] != "_"}
    assert read == {(f"placeprint.{home}", n) for home, names in placeprint._HOMES.items() for n in names}


def _annotated(found: Any) -> Iterator[str]:
    """The names in the annotations of a function, or of what a class lets one call."""
    if inspect.isclass(found):
        for name, member in inspect.getmembers_static(found):
            member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            ours = str(getattr(member, "__module__", "")).startswith("placeprint.")
            if inspect.isfunction(member) and ours and not name.startswith("_"):
                yield from _annotated(member)
    elif inspect.isfunction(found):
        for annotation in found.__annotations__.values():
            yield from re.findall(r"[A-Z]\w+", str(annotation))


def test_what_is_returned_or_accepted_is_public() -> None:
    modules = [m for m in _modules() if not m.__name__.startswith("placeprint.web.")]
    ours = {
        name
        for module in modules
        for name, found in vars(module).items()
        if inspect.isclass(found) and found.__module__.startswith("placeprint.") and not is_typeddict(found)
    }
    assert {"Gallery", "Calibration", "Interval"} <= ours
    asked = {(n, name) for name in placeprint.__all__ for n in _annotated(getattr(placeprint, name))}
    assert {("Calibration", "AnyGallery"), ("Filter", "Gallery"), ("CalibrationResult", "calibrate")} <= asked
    assert sorted((n, name) for n, name in asked if n in ours and n not in placeprint.__all__) == []


PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")


def test_the_page_names_all_that_is_public() -> None:
    assert [name for name in placeprint.__all__ if not re.search(rf"`{name}\b", PAGE)] == []


def test_keywords_are_listed_in_docstrings_and_on_the_page() -> None:
    section = PAGE.split("## Keywords")[1].split("| keyword |")[0]
    listed = {name: row for row in section.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    checked = 0
    for name in placeprint.__all__:
        found = getattr(placeprint, name)
        called = found.__init__ if inspect.isclass(found) else found
        for parameter in inspect.signature(called).parameters.values() if inspect.isfunction(called) else ():
            if parameter.kind is parameter.VAR_KEYWORD and (words := re.search(r"\w+Words", str(parameter.annotation))):
                module = importlib.import_module(called.__module__)
                keywords = getattr(module, words[0]).__optional_keys__
                assert [word for word in keywords if f"``{word}``" not in found.__doc__] == [], name
                row = listed[name].split(" | ")[1]
                assert set(re.findall(r"`(\w+)`", row)) == keywords, name
                checked += 1
    assert checked > 10


def test_one_name_is_one_class() -> None:
    public = {name: getattr(placeprint, name) for name in placeprint.__all__}
    others = {
        f"{found.__module__}.{name}"
        for module in _modules()
        for name, found in vars(module).items()
        if inspect.isclass(found)
        and found.__module__.startswith("placeprint.")
        and found is not public.get(name, found)
    }
    assert others == set()


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(placeprint.__path__, "placeprint."):
        if module.name.startswith("placeprint.web.") and importlib.util.find_spec("fastapi") is None:
            continue  # the extra is not installed: make test-web imports them
        yield importlib.import_module(module.name)


def test_every_module_imports_and_every_error_is_ours() -> None:
    for loaded in _modules():
        for _, found in inspect.getmembers(loaded, inspect.isclass):
            if found is OutputClosedError:
                continue  # it ends the program, and Python's callers never meet it
            if issubclass(found, Exception) and found.__module__.startswith("placeprint"):
                assert issubclass(found, errors.PlaceprintError | ValueError | OSError), found


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    tree = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == "placeprint.errors"]
    assert all(issubclass(c, errors.PlaceprintError) for c in tree)
    assert sorted(c.__name__ for c in tree if c.__name__ not in (errors.__doc__ or "")) == []
    assert {c.exit_code for c in tree} == {2, 3}
