"""The public names are sorted, exist, and are all there is; every deliberate error is in one tree."""

import importlib
import importlib.util
import inspect
import pkgutil

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


def test_every_module_imports_and_every_error_is_ours() -> None:
    for module in pkgutil.walk_packages(placeprint.__path__, "placeprint."):
        if module.name.startswith("placeprint.web.") and importlib.util.find_spec("fastapi") is None:
            continue  # the extra is not installed: make test-web imports them
        loaded = importlib.import_module(module.name)
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
