"""The layouts of folders that are understood, and choosing one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from placeprint.errors import UsageError

SHOWN = 3
"""Names that a message lists of many."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which of the folders around an image names its place, and which its split."""

    name: str  # The name for ``--layout``.
    says: str  # The form, for people.
    # place, split: Depth of that folder, from 0 for the outermost; None for no folder.
    place: int | None
    split: int | None


SPLIT_FIRST = Layout("split-first", "gallery/<place>/*, query/<place>/*", 1, 0)
PLACE_FIRST = Layout("place-first", "<place>/gallery/*, <place>/query/*", 0, 1)
PLACES = Layout("places", "<place>/*", 0, None)
FLAT = Layout("flat", "without places", None, 0)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (SPLIT_FIRST, PLACE_FIRST, PLACES, FLAT)}
"""Layouts by name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``--layout`` says."""

    layout: Layout | None = None
    # gallery, query: Names of the folders of each split (lower case); empty when they are not named.
    gallery: tuple[str, ...] = ()
    query: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Choice:
        """Read ``split-first``, ``train/val``, ``train+val/test`` or ``place-first:day/night``; None chooses nothing.

        Raises `UsageError`.
        """
        if text is None:
            return cls()
        name, colon, pair = text.partition(":")
        layout = LAYOUTS.get(name.strip().lower())
        sides = (pair if colon and layout else "" if layout else text).lower().split("/")
        if sides == [""] and layout is not None and not colon:
            return cls(layout)
        gallery, query = (tuple(n.strip() for n in side.split("+") if n.strip()) for side in (*sides, "")[:2])
        if len(sides) != 2 or not (gallery or query) or set(gallery) & set(query) or layout is PLACES:
            raise UsageError(
                f'there is no layout "{text}": give {", ".join(LAYOUTS)}, or the folders of gallery and queries as in '
                "train/val or train+val/test"
            )
        return cls(layout, gallery, query)

    @property
    def named(self) -> bool:
        """True when the folders of the splits were named."""
        return bool(self.gallery or self.query)


NO_CHOICE = Choice()


def some(names: Iterable[str]) -> str:
    """Return the first names in alphabetical order, for a message."""
    ranked = sorted(names)
    return ", ".join(ranked[:SHOWN]) + (", …" if len(ranked) > SHOWN else "")
