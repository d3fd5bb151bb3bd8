"""What docs/design.md and docs/developing.md say of files is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOMES = (ROOT / "src" / "placeprint", ROOT, ROOT / "docs")


@pytest.mark.parametrize("page", ["design.md", "developing.md"])
def test_every_file_that_is_named_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    named = set(re.findall(r"`([\w/.-]+(?:\.py|/))`", text))
    assert len(named) > 10
    assert sorted(n for n in named if not any((home / n).exists() for home in HOMES)) == []


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    table = text[text.index("| room |") : text.index("Beside the package")]
    rooms = sorted(p.name for p in HOMES[0].iterdir() if (p / "__init__.py").exists())
    assert [room for room in rooms if f"`{room}/`" not in table] == []
