"""The pairs of a set of images, and what was left out on the way to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from placeprint.evaluation.json_values import plain
from placeprint.notebooks import Tabular
from placeprint.records import FailedImage
from placeprint.terminal import counted


@dataclass(frozen=True, slots=True)
class ImagePair:
    """Two images that are worth matching.

    Attributes
    ----------
    first, second : str
        Paths; the first is before the second in alphabetical order.
    score : float
        By which the likelier of the two found the other; NaN for neighbours in a sequence that were not compared.
    agreement : float
        How sure the matches of local features are, summed; NaN where they were not matched.
    kind : str
        ``retrieved``, or ``window`` for neighbours in a sequence.

    Examples
    --------
    >>> import placeprint
    >>> pair = placeprint.pairs("town", preset="fast", top=1).pairs[0]
    >>> pair.first < pair.second, pair.kind
    (True, 'retrieved')
    """

    first: str
    second: str
    score: float
    agreement: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairList(Tabular):
    """The pairs of a dataset.

    Attributes
    ----------
    dataset, model, preset : str
    images : int
        That took part.
    verified : bool
        Whether local features had to agree.
    pairs : tuple of ImagePair
        Each once, in the order of names.
    dropped : mapping of str to int
        Pairs that were found and left out, by the reason.
    alone : tuple of str
        Images without a pair.
    unusable : tuple of FailedImage
    text : str
        The list, in its form.
    seconds : float

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.pairs("town", preset="fast", top=1)
    >>> found.images, found.verified, found.alone
    (26, False, ())
    """

    dataset: str
    model: str
    preset: str
    images: int
    verified: bool
    pairs: tuple[ImagePair, ...]
    dropped: Mapping[str, int]
    alone: tuple[str, ...]
    unusable: tuple[FailedImage, ...]
    text: str
    seconds: float

    def __repr__(self) -> str:
        """Count pairs and images."""
        return f"<PairList of {self.dataset}: {counted(len(self.pairs), 'pair')} of {counted(self.images, 'image')}>"

    def table(self) -> list[dict[str, Any]]:
        """Return one row a pair."""
        return [dataclasses.asdict(pair) for pair in self.pairs]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, without the text."""
        values = {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "text"}
        return values | {"dropped": dict(self.dropped)}
