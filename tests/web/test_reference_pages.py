"""The reference of the documentation is made from the program: nothing public is left out."""

import sys
from pathlib import Path

import pytest

import placeprint
from placeprint.cli.verbs import VERBS

pytest.importorskip("fastapi", reason='the extra "web" is not installed')


def test_the_reference_has_a_page_for_every_verb_and_public_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
    import build_reference

    sys.modules.pop("build_reference")
    build_reference.write(tmp_path)
    assert {path.stem for path in (tmp_path / "verbs").iterdir()} == set(VERBS)
    assert {path.stem for path in (tmp_path / "python").iterdir()} == set(placeprint.__all__)
    assert "--false-accept-rate" in (tmp_path / "verbs" / "query.md").read_text("utf-8")
    assert "## POST /v1/recognize" in (tmp_path / "http.md").read_text("utf-8")
