"""What a gallery is in one line, and as a table for notebooks. Nothing is asked of a server for it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Protocol

from placeprint.gallery.calibration import Calibration
from placeprint.presets import Preset
from placeprint.records import ModelSpec
from placeprint.terminal import counted


class Described(Protocol):
    """A gallery, wherever it is kept."""

    @property
    def where(self) -> str:
        """Where it is kept, for people; ``None`` in memory."""

    @property
    def spec(self) -> ModelSpec:
        """The model whose embeddings it keeps."""

    @property
    def preset(self) -> Preset:
        """How it is asked."""

    @property
    def calibration(self) -> Calibration | None:
        """When to accept a place; None when that was not learned."""

    def __len__(self) -> int:
        """Return the number of images."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts about a gallery that people look for first."""

    gallery: Described
    places: int | None = None  # How many; None when they were not read: a server's, and those of a damaged file.

    @property
    def _kind(self) -> str:
        return type(self.gallery).__name__

    @property
    def _where(self) -> str:
        return "in memory" if self.gallery.where == "None" else self.gallery.where

    def line(self) -> str:
        """Return what ``repr`` shows: ``Gallery(town.gallery, 67 images, 12 places, model 'mine', preset 'fast')``."""
        images, model, preset = len(self.gallery), self.gallery.spec.name, self.gallery.preset.name
        size = [counted(images, "image"), *([] if self.places is None else [counted(self.places, "place")])]
        where = self._where if self._where == "in memory" else repr(self._where)
        return f"{self._kind}({', '.join([where, *size, f'model {model!r}', f'preset {preset!r}'])})"

    def html(self) -> str:
        """Return a table for notebooks, with strangers' names escaped."""
        learned = self.gallery.calibration
        facts = {
            self._kind: self._where,
            "images": f"{len(self.gallery):,}",
            "places": "" if self.places is None else f"{self.places:,}",
            "model": self.gallery.spec.name,
            "preset": self.gallery.preset.name,
            "calibrated": "no" if learned is None else f"for {100 * learned.false_accept_rate:g} % false accepts",
        }
        rows = (f"<tr><th>{escape(name)}</th><td>{escape(fact)}</td></tr>" for name, fact in facts.items() if fact)
        return f"<table>{''.join(rows)}</table>"
