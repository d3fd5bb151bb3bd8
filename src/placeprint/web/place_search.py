"""Search of places by name: accents, the order of words and what stands between them do not matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from placeprint.web.catalogue import Place

_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that people without them type otherwise, and that Unicode does not take apart."""


@lru_cache(maxsize=1 << 16)
def folded_words(text: str) -> tuple[str, ...]:
    """Return the words of a name as they are compared: ``Phố cổ Hội An`` is pho, co, hoi, an."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in apart if not unicodedata.combining(c)).translate(_LETTERS)
    return tuple(_WORD.findall(plain))


def named_like(places: Iterable[Place], asked: str) -> list[Place]:
    """Return the places whose names hold every word that is asked, the closest first.

    The name itself comes first, then names in which each asked word begins a word, then those that hold it anywhere;
    of equal ones the order stays. What has no letter and no digit is looked for as it is written.
    """
    words = folded_words(asked)
    if not words:
        return [place for place in places if asked.strip() in f"{place.name} {place.title or ''}"]
    ranked = [(rank, place) for place in places if (rank := _best_rank(place, words)) is not None]
    return [place for _, place in sorted(ranked, key=lambda one: one[0])]


def _best_rank(place: Place, asked: tuple[str, ...]) -> int | None:
    """Return the rank of the name or of the title, whichever is closer."""
    ranks = [_rank(folded_words(text), asked) for text in (place.name, place.title) if text]
    return min((rank for rank in ranks if rank is not None), default=None)


def _rank(name: tuple[str, ...], asked: tuple[str, ...]) -> int | None:
    if name == asked:
        return 0
    if all(any(word.startswith(one) for word in name) for one in asked):
        return 1
    whole = " ".join(name)
    return 2 if all(one in whole for one in asked) else None
