"""Pages in other languages: English texts are what a catalogue, `report/words/LANGUAGE.json`, is looked up by.

To add a language, copy ``de.json`` under the tag of the other one and translate what stands on the right. A text that
is not in the catalogue stays English. What a page's script says is looked up in the same catalogue.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Translation:
    """The texts of pages in one language."""

    language: str = ENGLISH  # Its tag (BCP 47), as ``de``.
    texts: Mapping[str, str] = field(default_factory=dict)  # By what they are in English.

    def __call__(self, text: str, **values: object) -> str:
        """Return a text with its values, as ``{n}``."""
        return self.texts.get(text, text).format(**values)

    def counted(self, n: int, one: str, several: str) -> str:
        """Return the text for a number."""
        return self(one if n == 1 else several, n=n)


@functools.cache
def translations() -> dict[str, Translation]:
    """Return every language that pages have, English too."""
    files = [file for file in (resources.files(__package__) / "words").iterdir() if file.name.endswith(".json")]
    read = [Translation(file.name[:-5], json.loads(file.read_text(encoding="utf-8"))) for file in files]
    return {ENGLISH: Translation(), **{one.language: one for one in read}}
