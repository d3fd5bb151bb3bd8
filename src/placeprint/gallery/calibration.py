"""The frozen record of a learned decision, kept in the gallery's head. It is learned in `recognition`."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from placeprint.errors import GalleryFormatError, UsageError
from placeprint.gallery.trade_off import OperatingPoint, point_for
from placeprint.presets import EVIDENCE
from placeprint.rates import most_of_none
from placeprint.storage.json_records import record_from
from placeprint.terminal import counted

FORMAT = 1
FALSE_ACCEPT_RATE = 0.05
"""The default."""
STALE_SHARE = 0.2
"""A calibration is stale when more than this share of the images changed."""
ENOUGH_KNOWN = 5
"""Queries of known places from which on how alike photos of a place are is no guess."""
KEEPS = 0.5
"""Share of queries of known places; a calibration that accepts fewer says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """When to accept a place, learned from a gallery or from labelled queries.

    Attributes
    ----------
    coefficients : tuple of 3 floats
        Of the logistic: intercept, of the standing, of the agreement; see `placeprint.recognition.decision.rules`.
    low, high : float
        The scores that have standing 0 and 1.
    usual_agreement : float
        Used when there is no other place.
    threshold : float
        A probability below it is UNKNOWN.
    interval : tuple of 2 floats
        95 % interval of the threshold: what other places than those seen could have made of it.
    false_accept_rate : float
        The rate asked for: the share of queries of unknown places that get a place.
    rate_interval : tuple of 2 floats
        95 % interval of the false-accept rate at this threshold, over new places.
    accepted_share : float
        The share of queries of known places expected to get a place; NaN when nothing tells.
    source : str
        ``gallery`` or ``queries``.
    automatic : bool
        True when `index` or `add` made it unasked; `add` then makes it again.
    learned : str
        How, in one line for people.
    guarantee : str
        What is promised, and on which condition; empty when nothing is.
    n_known, n_unknown : int
        Queries asked with their place in the gallery, and with it held out.
    n_places : int
        Different places held out.
    seed : int
    images : int
        In the gallery when it was calibrated.
    changed : int
        Added, replaced or removed since.
    trade_off : tuple of OperatingPoint
        What other rates would keep and let in, in ascending order, with the one asked for among them; empty where an
        earlier release calibrated.
    evidence : str
        How matched points told in the scores that it was learned from, see `placeprint.presets.EVIDENCE`; empty where
        none were matched.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.open_gallery("town.gallery").calibration.false_accept_rate
    0.05
    """

    coefficients: tuple[float, float, float]
    low: float
    high: float
    usual_agreement: float
    threshold: float
    interval: tuple[float, float]
    false_accept_rate: float
    rate_interval: tuple[float, float]
    accepted_share: float
    source: str
    automatic: bool
    learned: str
    guarantee: str
    n_known: int
    n_unknown: int
    n_places: int
    seed: int
    images: int
    changed: int = 0
    trade_off: tuple[OperatingPoint, ...] = ()
    evidence: str = ""

    def at(self, rate: float, gallery: str = "GALLERY") -> tuple[float, float]:
        """Return the threshold of a false-accept rate, and the rate that it is for: this one or the next lower kept.

        Raises
        ------
        UsageError
            When no other rate is kept, or all are higher.
        """
        if rate == self.false_accept_rate:
            return self.threshold, rate
        if not self.trade_off:
            raise UsageError(
                f"the calibration of the gallery keeps no rate but {self.false_accept_rate:g}: to ask at another "
                f"--false-accept-rate, calibrate it again with: {self.command(gallery)}"
            )
        point = point_for(self.trade_off, rate)
        if point is None:
            least = min(point.false_accept_rate for point in self.trade_off)
            raise UsageError(
                f"--false-accept-rate {rate:g} is below the smallest rate that the gallery keeps, {least:g}: ask at a "
                f"higher one, or calibrate it for this one with: {self.command(gallery, rate)}"
            )
        return point.threshold, point.false_accept_rate

    @property
    def stale(self) -> bool:
        """True when so many images changed, or how they are compared, that it should be learned again."""
        return self.changed > STALE_SHARE * self.images or not self.compares_as_now

    @property
    def compares_as_now(self) -> bool:
        """False when images are compared otherwise by this release than when it was learned."""
        return self.evidence in ("", EVIDENCE)

    @property
    def guessed(self) -> bool:
        """True when too few images tell how alike those of one place, or of different places, are."""
        return self.n_known < ENOUGH_KNOWN or self.n_places < 2

    @property
    def _lets_none_in(self) -> bool:
        point = point_for(self.trade_off, self.false_accept_rate)
        return (self.rate_interval[1] if point is None else point.expected_rate) <= 0

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to know before trusting it, one line each; usually nothing."""
        found = []
        if not self.n_known:
            found.append(
                "no place has two different photos: how alike those of a place are was taken from other galleries, and "
                "nothing tells how many are turned away; second photos of some places would"
            )
        elif self.n_known < ENOUGH_KNOWN:
            told = f"{counted(self.n_known, 'photo')} of a place that is here"
            found.append(f"only {told} could be asked: how alike those of a place are is a guess")
        if self.n_places < 2:
            found.append("no photo of another place was seen: what tells them apart was taken from other galleries")
        if self.accepted_share < KEEPS:
            found.append(
                f"{100 * (1 - self.accepted_share):.0f} % of photos of places that are here would be turned away: "
                "asking at a higher --false-accept-rate keeps more"
            )
        if self._lets_none_in:
            found.append(
                f"{counted(self.n_places, 'place')} cannot show a rate of {100 * self.false_accept_rate:g} %: no photo "
                f"of another place came above the threshold, and "
                f"up to {100 * (self.rate_interval[1] or most_of_none(max(self.n_places, 1))):.0f} % may"
            )
        return tuple(found)

    def outdated(self, gallery: str) -> str:
        """Return a line that says what changed since it was learned, and how to renew it; empty when nothing did."""
        renew = f"renew it with: {self.command(gallery)}"
        if not self.compares_as_now:
            return f"calibrated by another release of placeprint, which compared photos otherwise: {renew}"
        if not self.changed:
            return ""
        changed = counted(self.changed, "image was", "images were")
        return f"calibrated before {changed} added, replaced or removed: {renew}"

    def command(self, gallery: str, rate: float | None = None) -> str:
        """Return the command that calibrates again as before, or at another rate."""
        command = ["placeprint", "calibrate", gallery, *(["--queries", "PHOTOS"] if self.source == "queries" else [])]
        wanted = self.false_accept_rate if rate is None else rate
        if wanted != FALSE_ACCEPT_RATE:
            command += ["--false-accept-rate", f"{wanted:g}"]
        return shlex.join(command)

    def told(self, gallery: str = "GALLERY") -> dict[str, Any]:
        """Return JSON for people: with its doubts and how to renew it, which are not stored."""
        return self.to_dict() | {"doubts": list(self.doubts), "outdated": self.outdated(gallery) or None}

    def after(self, changed: int) -> Self:
        """Return the calibration after that many more images were added, replaced or removed."""
        return dataclasses.replace(self, changed=self.changed + changed)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON to store; NaN becomes null."""
        row = dataclasses.asdict(self) | {"format": FORMAT, "strategy": "logistic"}
        row["accepted_share"] = None if math.isnan(self.accepted_share) else self.accepted_share
        row["trade_off"] = [point.to_dict() for point in self.trade_off]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in row.items()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], evidence: str = "") -> Self:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        evidence : str
            How matched points tell in the gallery now. A record that does not say it is of a release that took their
            logarithm.

        Raises
        ------
        GalleryFormatError
            When another release wrote it, or a field is not what it must be.
        """
        values = {"evidence": evidence and "log"} | dict(row)
        if (values.pop("format", None), values.pop("strategy", None)) != (FORMAT, "logistic"):
            raise GalleryFormatError(
                f"the gallery's calibration has format {row.get('format')}, this release reads {FORMAT}: "
                "upgrade placeprint, or build the gallery again"
            )
        if values.get("accepted_share", 0.0) is not None:
            return cls._read(values)
        return dataclasses.replace(cls._read({**values, "accepted_share": 0.0}), accepted_share=math.nan)

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> Self:
        try:
            return record_from(cls, values)
        except (TypeError, ValueError) as error:
            raise GalleryFormatError(f"the gallery's calibration cannot be read ({error}): calibrate again") from error
