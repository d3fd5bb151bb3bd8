"""Every text of the pages is in every catalogue, with its values, and nothing else is."""

import json
import re
from importlib import resources

import pytest

from placeprint.report.translation import ENGLISH, Translation, translations

TEXT = re.compile(r'\b(?:say|tell|tr)\(\s*("(?:[^"\\\n]|\\.)*")')
IN_DOCUMENT = re.compile(r"\{\{(.+?)\}\}")
NAMED_ELSEWHERE = {"English", "."}
"""What a language calls itself, and its decimal mark."""
FORMS = {"en": {"one", "other"}, "de": {"one", "other"}}
"""Of each language by CLDR; besides, a text may have one for an exact number."""


def said() -> set[str]:
    report, page = resources.files("placeprint.report"), resources.files("placeprint.web") / "page"
    pages = [report / name for name in ("groups.html.j2", "groups.js", "unknown.html.j2", "unknown.js")]
    code = [file.read_text(encoding="utf-8") for file in (*pages, *page.iterdir()) if not file.name.endswith(".css")]
    document = (page / "index.html").read_text(encoding="utf-8")
    found = {json.loads(text) for one in code for text in TEXT.findall(one)}
    return found | set(IN_DOCUMENT.findall(document)) - {"language"} | NAMED_ELSEWHERE


def forms_of(language: str, text: str) -> dict[str, str]:
    found = translations()[language].texts.get(text, text)
    return {"other": found} if isinstance(found, str) else dict(found)


@pytest.mark.parametrize("language", translations())
def test_a_language_is_whole(language: str) -> None:
    texts, english = translations()[language].texts, said()
    assert texts.keys() <= english
    assert language == ENGLISH or texts.keys() == english
    for text in english:
        values = {name for form in forms_of(ENGLISH, text).values() for name in re.findall(r"\{(\w+)\}", form)}
        forms = forms_of(language, text)
        assert "other" in forms, text
        assert {form for form in forms if not form.isdecimal()} <= FORMS.get(language, {*forms}), text
        for form in forms.values():
            assert form.strip() == form or form.startswith(", "), text
            assert set(re.findall(r"\{(\w+)\}", form)) <= values, text
    assert len(translations()[language]("no one two three four five six seven eight nine").split()) == 10


def test_a_text_takes_its_values_and_its_number() -> None:
    german, english = translations()["de"], translations()[ENGLISH]
    assert [german("{n} places", n=n) for n in (0, 1, 2)] == ["0 Orte", "1 Ort", "2 Orte"]
    assert english("{n} places", n=1) == "1 place"
    assert german("nobody translated {this}", this=3) == "nobody translated 3"
    assert Translation("xx", {"a": {"other": "{n}"}})("a", n=1) == "1"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    german, english = translations()["de"], translations()[ENGLISH]
    assert (german.probable(0.7386), german.probable(1.0), german.percent(0.005)) == ("0,74", "0,99", "0,5")
    assert (english.probable(0.7386), english.percent(0.02)) == ("0.74", "2")


def test_a_script_says_its_texts_in_the_language() -> None:
    tr = Translation("xx", {"Undo": 'Za"pět`', "{n} places": {"one": "{n} místo", "other": "{n} míst"}})
    code = 'say("Undo"); tell("{n} places", { n }); tr("Else"); hay("Undo"); "Undo"'
    told = (
        'say("Za\\"pět\\u0060"); tell({"one":"{n} místo","other":"{n} míst"}, { n }); tr("Else"); hay("Undo"); "Undo"'
    )
    assert tr.script(code) == told
