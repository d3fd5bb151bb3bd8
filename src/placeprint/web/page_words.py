"""The words of the page: a catalogue for each language, `page/words/LANGUAGE.json`, and which one a browser gets.

To add a language, copy `en.json` under the tag of the other one (``fr.json``) and translate what stands on the right. A
text may have several forms, chosen by the number ``n``: those of the language (``one``, ``few``, ``other`` ...,
CLDR), or one for an exact number ("2").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie

DEFAULT = "en"
COOKIE = "placeprint-language"
_FILE = re.compile(r"words/([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.json")
_PLACE = re.compile(r"\{\{([\w.-]+)\}\}")


@dataclass(frozen=True, slots=True)
class PageWords:
    """All texts of the page in one language.

    Attributes
    ----------
    language : str
        Its tag (BCP 47), as ``de``.
    texts : mapping of str to str or mapping
        By key; a mapping holds the forms of a text.
    """

    language: str
    texts: Mapping[str, str | Mapping[str, str]]

    def filled(self, document: str) -> str:
        """Put texts where a document names them, as ``{{ask.title}}``.

        Raises
        ------
        KeyError
            For a key that is not in the catalogue.
        """
        known = {**self.texts, "language": self.language}
        return _PLACE.sub(lambda found: escape(str(known[found[1]])), document)

    def module(self, names: Mapping[str, str]) -> str:
        """Return the catalogue as a module of the page; `names` are all languages, each as it calls itself."""
        told = {"LANGUAGE": self.language, "LANGUAGES": names, "WORDS": self.texts}
        return "".join(f"export const {name} = {_literal(value)};\n" for name, value in told.items())


def _literal(value: object) -> str:
    """Return JSON in one line that is also JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("`", "\\u0060").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def read_words(files: Mapping[str, bytes]) -> dict[str, PageWords]:
    """Read the catalogues among the page's files, by language."""
    found = {match[1]: data for name, data in files.items() if (match := _FILE.fullmatch(name))}
    return {language: PageWords(language, json.loads(data)) for language, data in sorted(found.items())}


def chosen_language(known: Iterable[str], cookie: str, accepted: str) -> str:
    """Return the language for a browser: what was chosen on the page, else what it prefers (RFC 9110), else English.

    Parameters
    ----------
    known : iterable of str
    cookie, accepted : str
        The headers Cookie and Accept-Language.

    Examples
    --------
    >>> chosen_language(["de", "en"], "", "fr, de-AT;q=0.8, en;q=0.5")
    'de'
    """
    languages = {language.lower(): language for language in known}
    try:
        kept = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        kept = None
    if kept is not None and kept.value.lower() in languages:
        return languages[kept.value.lower()]
    wanted = [part.partition(";") for part in accepted.lower().split(",")[:50]]
    ranked = sorted(((tag.strip(), _quality(weight)) for tag, _, weight in wanted), key=lambda one: -one[1])
    for tag, quality in ranked:
        name = languages.get(tag) or languages.get(tag.split("-")[0])
        if name is not None and quality > 0:
            return name
    return DEFAULT


def _quality(weight: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
    return float(found[1]) if found else 0.0 if weight.strip() else 1.0
