"""Every text of the pages that are translated is in every catalogue, with its values, and nothing else is."""

import json
import re
from importlib import resources

import pytest

from placeprint.report.translation import ENGLISH, translations

PAGES = ("groups.html.j2", "groups.js", "unknown.html.j2", "unknown.js")
TEXT = re.compile(r'tr(?:\.counted)?\(([^()]*?"(?:[^"\\]|\\.)*"[^()]*)')
TOLD = re.compile(r'\d{3}: ("[^"]*")')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def said() -> set[str]:
    found: set[str] = set()
    for name in PAGES:
        code = (resources.files("placeprint.report") / name).read_text(encoding="utf-8")
        for call in [*TEXT.findall(code), *TOLD.findall(code)]:
            found |= {json.loads(f'"{text}"') for text in QUOTED.findall(call)}
    return found - {"%g"}


@pytest.mark.parametrize("language", translations().keys() - {ENGLISH})
def test_a_language_is_whole(language: str) -> None:
    texts = translations()[language].texts
    assert texts.keys() == said()
    for english, own in texts.items():
        assert set(re.findall(r"\{(\w+)\}", own)) == set(re.findall(r"\{(\w+)\}", english))


def test_a_text_takes_its_values_and_its_number() -> None:
    german = translations()["de"]
    assert german.counted(1, "{n} place", "{n} places") == "1 Ort"
    assert german.counted(0, "{n} place", "{n} places") == "0 Orte"
    assert german("nobody translated {this}", this=3) == "nobody translated 3"
    assert translations()[ENGLISH].counted(1, "{n} place", "{n} places") == "1 place"
