"""Where a photo was taken, by what it shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPosition:
    """The position of a query by picture, or why there is none.

    Attributes
    ----------
    latitude, longitude : float or None
        Degrees; None where it has no position.
    radius : float or None
        Metres within which it lies, at `share`.
    share : float
        Of all positions that are given, those that lie within their radius.
    false_accept_rate : float
        Of photos of elsewhere, those that get a position.
    confidence : float or None
        The score of the best match at the spot that most speaks for; None where no match has a position.
    images : tuple of str
        Paths of the gallery's images at that spot, best first.
    why : str
        One line for people.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.AnswerPosition(latitude=48.1372, longitude=11.5756, radius=47.0).said()
    '48.137200, 11.575600, within 47 m (90 %)'
    """

    latitude: float | None = None
    longitude: float | None = None
    radius: float | None = None
    share: float = 0.9
    false_accept_rate: float = 0.05
    confidence: float | None = None
    images: tuple[str, ...] = ()
    why: str = ""

    @property
    def located(self) -> bool:
        """Whether there is one."""
        return self.latitude is not None

    def said(self) -> str:
        """Return it for people; where there is none, why."""
        if self.latitude is None or self.longitude is None or self.radius is None:
            return f"none: {self.why}"
        return f"{self.latitude:.6f}, {self.longitude:.6f}, within {self.radius:.0f} m ({100 * self.share:g} %)"
