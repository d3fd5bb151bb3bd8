"""Which language of the page a browser gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie

from placeprint.report.translation import ENGLISH, Translation, translations

COOKIE = "placeprint-language"


def translation_for(headers: Mapping[str, str]) -> Translation:
    """Return the texts in the language for a browser, by the headers of its request."""
    known = translations()
    return known[chosen_language(known, headers.get("cookie", ""), headers.get("accept-language", ""))]


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
    return ENGLISH


def _quality(weight: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
    return float(found[1]) if found else 0.0 if weight.strip() else 1.0
