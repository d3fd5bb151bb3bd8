"""What an answer costs besides the photo: no thread for a parameter, no long hold of the interpreter for JSON."""

from __future__ import annotations

import inspect
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason='the extra "web" is not installed')

from fastapi.routing import APIRoute

from placeprint.web import problems
from placeprint.web.routes import changes, health, images, places, recognize

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=25,
)


def test_no_parameter_of_a_request_waits_for_a_thread():
    seen = []
    for module in (changes, health, images, places, recognize):
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            called = [route.dependant.call, *(each.call for each in route.dependant.dependencies)]
            seen += called
            awaited = [inspect.iscoroutinefunction(c) or inspect.iscoroutinefunction(type(c).__call__) for c in called]
            assert all(awaited), (route.path, called)  # FastAPI runs the others on a thread, and waits for it
    assert recognize.asked_images in seen


def nulled(value: object) -> object:
    """Say null where a number is not finite."""
    if isinstance(value, dict):
        return {name: nulled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [nulled(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(max_examples=25, deadline=None)
@given(value=VALUES, most=st.integers(0, 30))
def test_json_in_pieces_is_json(value: object, most: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "_MOST_AT_ONCE", most)
        assert json.loads(problems.Json(value).body) == nulled(value)


def test_long_json_is_written_a_few_values_at_a_time(monkeypatch):
    pieces = []
    encode = problems._encode
    monkeypatch.setattr(problems, "_encode", lambda value: pieces.append(len(str(value))) or encode(value))
    problems.Json({"matches": [{"heat": [[0.25] * 20] * 20} for _ in range(20)]})
    assert max(pieces) < 4000 < sum(pieces)
