"""What `group` may be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from placeprint.options import EmbedOptions, EmbedWords, Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions(EmbedOptions):
    """How photos without labels are grouped."""

    false_merge_rate: Annotated[
        float, Flag("--false-merge-rate", "The share of photos that may be in the group of another place.")
    ] = 0.02


class GroupWords(EmbedWords, total=False):
    """`GroupOptions` as keywords."""

    false_merge_rate: float
