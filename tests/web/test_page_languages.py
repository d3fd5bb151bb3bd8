"""The words of the page: none stands outside of what is translated, and a browser gets those of its own language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason='the extra "web" is not installed')

import placeprint.web
from placeprint.report.translation import translations
from placeprint.web.page_bundle import bundled, document_of, script_of
from placeprint.web.page_language import chosen_language

PAGE = Path(placeprint.web.__file__).parent / "page"
FILES = {path.relative_to(PAGE).as_posix(): path.read_bytes() for path in PAGE.rglob("*") if path.is_file()}
LANGUAGES = translations()
SOURCES = {name: data.decode() for name, data in FILES.items() if name.endswith(".js")}

TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[`{}]|[^"'`{}/]+|/""", re.S)
PATTERN = re.compile(r"/(?:\[(?:[^\]\\\n]|\\.)*\]|[^/\\\n\[]|\\.)+/[a-z]*")
IN_TEMPLATE = re.compile(r"\$\{|`|(?:[^`\\$]|\\.|\$(?!\{))+", re.S)
SPEAKS = re.compile(r"[^\W\d_]{2,}[.,:!?]? [a-z]{2,}|^[A-Z][a-z]{2,}|[a-z]{3,}[!?]$")
SILENT = {
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Escape", "Files", "Authorization", "Retry-After", "Infinity"),
    *("GeoJSON", "Feature", "FeatureCollection", "Point", "QuotaExceededError", "Bearer ", "placeprint "),
    *(
        ".bar nav a",
        "input, textarea",
        "pin named",
        "650 15px system-ui, sans-serif",
        "; max-age=31536000; samesite=lax",
    ),
}
"""Names of keys, headers, formats and styles."""


def literals(code: str) -> list[str]:
    """Return the texts of a script: strings, and what templates hold besides their values."""
    found: list[str] = []
    at, templates = 0, list[int]()  # how deep the braces of each open value are
    while at < len(code):
        token = TOKEN.match(code, at)
        assert token is not None, code[at : at + 60]
        at, text = token.end(), token[0]
        if text == "/" and re.search(r"(?:[(,=:\[&!|?{;]|\breturn)\s*$", code[: token.start()]):
            pattern = PATTERN.match(code, token.start())
            at = pattern.end() if pattern else at
        elif text[0] in "\"'":
            found.append(text[1:-1])
        elif text == "{" and templates:
            templates[-1] += 1
        elif text == "}" and templates and templates[-1]:
            templates[-1] -= 1
        elif text == "`" or (text == "}" and templates):
            templates = templates if text == "`" else templates[:-1]
            while (piece := IN_TEMPLATE.match(code, at)) is not None:
                at = piece.end()
                if piece[0] == "`":
                    break
                if piece[0] == "${":
                    templates.append(0)
                    break
                found.append(piece[0])
    return found


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_no_text_of_a_module_stands_outside_of_the_catalogue(name: str) -> None:
    code = re.sub(r'class: (?:"[^"]*"|`[^`]*`)|console\.\w+\([^)]*\)|\bfont = .*', "", SOURCES[name])
    code = re.sub(r'\b(?:say|tell)\("(?:[^"\\\n]|\\.)*"', "say(text", code)
    assert [text for text in literals(code) if SPEAKS.search(text) and text not in SILENT] == []


def test_no_text_of_the_document_stands_outside_of_the_catalogue() -> None:
    document = re.sub(r"\{\{.+?\}\}", "", FILES["index.html"].decode())
    shown = re.findall(r">([^<]+)<", document) + re.findall(r'(?:aria-label|alt|title)="([^"]*)"', document)
    assert {text.strip() for text in shown} <= {"", "placeprint", "API"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_joined_alone_and_small(language: str) -> None:
    made = bundled(FILES)
    script, document = made[script_of(language)], made[document_of(language)]
    assert f'<html lang="{language}" dir="' in document.data.decode()
    assert "{{" not in document.data.decode()
    assert len(script.data) + len(document.data) <= 120_000
    for other in LANGUAGES.keys() - {language}:
        assert LANGUAGES[other]("Which place is this?") not in script.data.decode()


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-CH,de;q=0.9,en;q=0.8", "de"),
        ("", "fr,en;q=0.3,de;q=0.7", "de"),
        ("", "fr;q=1,de;q=0,en;q=0.1", "en"),
        ("", "DE-at", "de"),
        ("", "*", "en"),
        ("", "de;q=much,;;=,en", "en"),
        ("placeprint-language=en", "de", "en"),
        ("a=b; placeprint-language=de", "en", "de"),
        ("placeprint-language=../../secret", "de", "de"),
        ("placeprint-language=\x00;;;", "de", "de"),
    ],
)
def test_a_browser_gets_what_was_chosen_and_else_what_it_prefers(cookie: str, accepted: str, language: str) -> None:
    assert chosen_language(LANGUAGES, cookie, accepted) == language
