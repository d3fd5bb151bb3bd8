"""Packages that come with an extra: imported, or named with the command that installs them."""

from __future__ import annotations

import colorsys
import sys

import pytest

from placeprint.errors import MissingExtraError
from placeprint.extras import require


def test_a_module_that_is_there_is_returned() -> None:
    assert require("colorsys", extra="web", what="a page") is colorsys


def test_a_module_that_is_not_there_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError) as raised:
        require("uvicorn", extra="web", what="a page")
    assert str(raised.value) == 'a page needs an optional package: pip install "placeprint[web]"'
    assert raised.value.exit_code == 2
