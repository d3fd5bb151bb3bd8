"""Words of every page, in the report and of a server, in other languages.

Texts stand in templates and scripts in English, and are what a catalogue, `words/LANGUAGE.json`, is looked up by. To
add a language, copy ``de.json`` under the tag of the other one and translate what stands on the right. A text with a
number has several forms: those of the language (``one``, ``few``, ``other`` ..., CLDR) for its value ``n``, or one for
an exact number ("2"). `words/en.json` holds no more than such forms. A text that is in no catalogue stays English.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from placeprint.records.answers import probable

ENGLISH = "en"
_SAID = re.compile(r'\b(say|tell|tr)\(("(?:[^"\\\n]|\\.)*")')


@dataclass(frozen=True, slots=True)
class Translation:
    """The texts of pages in one language."""

    language: str = ENGLISH  # Its tag (BCP 47), as ``de``.
    texts: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)  # By English ones; forms of one by name.

    def __call__(self, text: str, **values: object) -> str:
        """Return a text with its values, as ``{n}``; of several forms that of `n`."""
        found = self.texts.get(text, text)
        if isinstance(found, Mapping):
            n = values.get("n")
            found = found.get(str(n)) or found.get("one" if n == 1 else "other", found["other"])
        return found.format(**values) if values else found

    def probable(self, probability: float) -> str:
        """Write a learned probability as people of the language do: ``0,74``."""
        return self._decimal(probable(probability, 2))

    def percent(self, share: float) -> str:
        """Write a share in percent, without the sign."""
        return self._decimal(f"{100 * share:g}")

    def _decimal(self, number: str) -> str:
        return number.replace(".", self("."))

    def script(self, code: str) -> str:
        """Put texts in the place of English ones in a script: each first argument of `say`, `tell` and `tr`."""
        return _SAID.sub(lambda found: f"{found[1]}({self._literal(json.loads(found[2]))}", code)

    def _literal(self, text: str) -> str:
        made = json.dumps(self.texts.get(text, text), ensure_ascii=False, separators=(",", ":"))
        return made.replace("`", "\\u0060").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@functools.cache
def translations() -> dict[str, Translation]:
    """Return every language that pages have, by its tag."""
    files = [file for file in (resources.files(__package__) / "words").iterdir() if file.name.endswith(".json")]
    read = [Translation(file.name[:-5], json.loads(file.read_text(encoding="utf-8"))) for file in files]
    return {one.language: one for one in sorted(read, key=lambda one: one.language)}
