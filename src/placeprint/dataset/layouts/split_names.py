"""Names of splits: the words of the field, and folder names made of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from placeprint.errors import DatasetError
from placeprint.records import Split

_GALLERY = {
    "gallery": ("gallery", "galleries"),
    "database": ("database", "databases", "db", "dbs"),
    "reference": ("reference", "references", "ref", "refs"),
    "map": ("map", "maps", "mapping"),
    "base": ("base",),
    "index": ("index",),
    "support": ("support", "supports"),
    "enrolled": ("enrolled", "enroll", "enrol", "enrollment", "enrolment"),
    "train": ("train", "training", "trn"),
    "trainval": ("trainval", "trainvalid", "trainvalidation"),
}
_QUERY = {
    "query": ("query", "queries", "qry", "querys"),
    "probe": ("probe", "probes"),
    "holdout": ("holdout", "holdouts", "heldout"),
    "eval": ("eval", "evaluation", "evaluate"),
    "test": ("test", "tests", "testing", "tst"),
    "val": ("val", "vals", "valid", "validation", "validate", "validating", "dev"),
}
_WORDS = {w: (kind, Split.GALLERY) for kind, words in _GALLERY.items() for w in words} | {
    w: (kind, Split.QUERY) for kind, words in _QUERY.items() for w in words
}
STAGES = ("train", "val", "test")
"""Kinds that name a stage; beside a word for gallery or query (``test_database``) they do not decide."""
_STAGES = (*STAGES, "trainval", "eval", "holdout")

SPLITS: Mapping[str, Split] = {**{w: split for w, (_, split) in _WORDS.items()}, "": Split.NONE, "none": Split.NONE}
"""Names of splits in tables (lower case)."""

_IMAGES = ("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pics", "jpg", "jpgs", "jpeg")
FILLERS = frozenset((*_IMAGES, "png", "pngs", "frames", "data", "dataset", "datasets", "set", "sets", "files"))
"""Words without meaning: a folder of such a name is not a place, and ``train_images`` is ``train``."""
_ALSO = ("split", "splits", "subset", "folder", "dir", "real", "full", "all", "small", "v", "resized")
_GLUED = re.compile(r"(.+?)(?:set|data|images|image|imgs|img|photos|split|folder|jpg)$")


@dataclass(frozen=True, slots=True)
class SplitName:
    """The meaning of a folder's name that has words for splits."""

    split: Split | None  # None when it has words for both gallery and query.
    # The name without differences of spelling and fillers: ``Queries`` and ``query_images`` are of one kind.
    kind: tuple[str, ...]
    sure: bool  # False when it has other words too: ``queries_night``, but also ``train station``.


def read_split(name: str) -> SplitName | None:
    """Read a folder's name; None when it has no word for a split."""
    tokens = _tokens(name)
    numbers = tuple(t for t in tokens if t.isdigit())
    for joined in ("".join(tokens), "".join(t for t in tokens if not _filler(t))):  # hold_out, train-val
        if joined in _WORDS:
            kind, split = _WORDS[joined]
            return SplitName(split, (kind, *numbers), True)
    found = [_WORDS[t] for t in tokens if t in _WORDS]
    if not found:
        return None
    sides = {split for kind, split in found if kind not in _STAGES} or {split for _, split in found}
    others = tuple(t for t in tokens if t not in _WORDS and not _filler(t))
    kinds = (*sorted({kind for kind, _ in found}), *others, *numbers)
    return SplitName(sides.pop() if len(sides) == 1 else None, kinds, not others)


def require_one_each(where: str, names: Iterable[str], *, spelled: bool) -> None:
    """Refuse several splits for gallery or query, as in train, val and test: the user must choose.

    `where`: The dataset, for the message.
    `names`: Names of the splits.
    `spelled`: True when ``query`` and ``queries`` are two splits; False when they are two spellings of one.
    Raises `DatasetError`.
    """
    sides: dict[Split | None, dict[tuple[str, ...], str]] = defaultdict(dict)
    for name in sorted(names):
        if (found := read_split(name)) is not None:
            sides[found.split].setdefault((name.lower(),) if spelled else found.kind, name)
    gallery, query = (list(sides[side].values()) for side in (Split.GALLERY, Split.QUERY))
    if len(gallery) <= 1 and len(query) <= 1:
        return
    pairs = [f"{g}/{q}" for g, q in product(gallery or [""], query or [""])]
    readings = " or ".join(pairs) if len(pairs) < 5 else f"{', '.join(pairs[:4])} …"
    raise DatasetError(
        f'"{where}" can be read in several ways, its splits are {", ".join(sorted((*gallery, *query)))}: '
        f"say which to search and which to ask, by --layout {readings}"
    )


def known_splits(cells: Iterable[str]) -> Mapping[str, Split]:
    """Return the values that a table's split column may have; beside ``test``, ``val`` is not one."""
    kinds = {_WORDS[word][0] for cell in cells if (word := cell.strip().lower()) in _WORDS}
    if not kinds & (set(_QUERY) - {"val"}):
        return SPLITS
    return {word: split for word, split in SPLITS.items() if word not in _QUERY["val"]}


def _tokens(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    found = re.findall(r"[^\W\d_]+|\d+", spaced.lower())
    return [m[1] if t not in _WORDS and (m := _GLUED.match(t)) and m[1] in _WORDS else t for t in found]


def _filler(token: str) -> bool:
    return token in FILLERS or token in _ALSO or token.isdigit()
