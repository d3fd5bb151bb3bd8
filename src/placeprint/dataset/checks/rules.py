"""The registry of checks: each has a name, a severity and one sentence of advice.

An `ImageRule` also gives each image a score and compares it with a threshold; the report keeps both. A new check is one
more entry in `IMAGE_RULES`.

An *error* is an image that cannot be used, or labels that contradict each other; a *warning* makes measurements
doubtful; an *info* is good to know. Only errors change the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from placeprint.arrays import Flags, Floats
from placeprint.dataset.checks.duplicates import Exact, Relation
from placeprint.dataset.checks.measurements import ImageFacts


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One check."""

    name: str  # Short and stable, for programs.
    severity: Severity
    advice: str  # One sentence: what to do.


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule(Rule):
    """A check that gives every image a score and a verdict."""

    score: Callable[[ImageFacts], float]  # Returns a number for an image's facts.
    threshold: float
    above: bool = False  # True: flagged when the score is above the threshold; False: when it is below.
    says: str  # The finding's message; ``{score}`` and ``{threshold}`` are filled in.

    def verdict(self, scores: Floats) -> Flags:
        """Return True where a score is on the wrong side of the threshold."""
        return scores > self.threshold if self.above else scores < self.threshold

    def message(self, score: float) -> str:
        """Return one line about one image."""
        return self.says.format(score=score, threshold=self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding of a check.

    Attributes
    ----------
    check : str
        Name of the rule.
    severity : Severity
    paths : tuple of str
        Its images; empty when it is about the dataset, or a place without images.
    message : str
        One line for people.
    score : float or None
        The image's score, or a pair's distance.
    known : bool or None
        True when it is in the baseline, False when it is new, None when no baseline can tell.

    Examples
    --------
    >>> import placeprint
    >>> first = placeprint.check("town").findings[0]
    >>> first.check, first.paths, first.message
    ('empty', ('gallery/castle-gate/06.jpg',), 'the file has no bytes')
    """

    check: str
    severity: Severity
    paths: tuple[str, ...]
    message: str
    score: float | None = None
    known: bool | None = None


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

IMAGE_RULES: tuple[ImageRule, ...] = (
    ImageRule(
        "too-small",
        _W,
        "Replace it with a larger copy: too little of the place is left in it.",
        score=lambda facts: float(min(facts.width, facts.height)),
        threshold=32.0,
        says="the shorter side has {score:.0f} px, less than {threshold:.0f}",
    ),
    ImageRule(
        "odd-aspect",
        _W,
        "Crop it: the centre that the model sees is a small part of it.",
        score=lambda facts: max(facts.width, facts.height) / min(facts.width, facts.height),
        threshold=4.0,
        above=True,
        says="the longer side is {score:.1f} times the shorter, more than {threshold:g}",
    ),
    ImageRule(
        "blank",
        _W,
        "Remove it: it shows nothing that can be recognised.",
        score=lambda facts: facts.contrast,
        threshold=0.02,
        says="it is almost of one tone (contrast {score:.3f}, less than {threshold:g})",
    ),
    ImageRule(
        "dark",
        _W,
        "Look at it, and replace it unless night photographs are meant to be recognised.",
        score=lambda facts: facts.brightness,
        threshold=0.06,
        says="it is very dark (brightness {score:.3f}, less than {threshold:g})",
    ),
    ImageRule(
        "greyscale",
        _I,
        "Nothing, unless all others are in colour: a colour copy is easier to match.",
        score=lambda facts: facts.colour,
        threshold=0.02,
        says="it has no colour ({score:.3f}, less than {threshold:g})",
    ),
    ImageRule(
        "damaged",
        _E,
        "Copy or download the file again: part of the picture is missing.",
        score=lambda facts: facts.whole,
        threshold=1.0,
        says="the picture is damaged: about {score:.0%} of it is there",
    ),
)
"""The checks of each image. Thresholds were chosen on real images: the darkest that could still be recognised has
brightness 0.03 and contrast 0.027, and the faintest colour is 0.039."""

BLANK = "blank"
DAMAGED = "damaged"

_OTHER_RULES = (
    Rule("missing", _E, "Restore the file, or take its row out of the manifest."),
    Rule("empty", _E, "Copy the file again: it has no bytes."),
    Rule("unreadable", _E, "Convert the file to JPEG or PNG, or remove it."),
    Rule("truncated", _E, "Copy or download the file again: its end is missing."),
    Rule(
        "too-large",
        _E,
        "Scale the image down, save it again, or raise the limit that its reason names.",
    ),
    Rule("outside", _E, "Copy the file into the dataset's folder: paths and links out of it are not followed."),
    Rule("not-a-file", _E, "Rename or remove what is there: it is not a photograph."),
    Rule("bad-name", _E, "Rename the file."),
    Rule("linked-folder", _E, "Copy the folder into the dataset: what is behind a link is not read."),
    Rule(
        "unreadable-folder", _E, "Give yourself permission to read it, or mount it again: its photographs are left out."
    ),
    Rule("left-out", _W, "Convert them to JPEG or PNG, or give them the ending of what they are."),
    Rule("unknown-split", _E, "Write gallery or query, or leave the split empty."),
    Rule("bad-row", _E, "Correct this row of the manifest, or this file name."),
    Rule("reserved-place", _E, "Give the place another name, or put its photographs into the query split."),
    Rule("exact-duplicate-different-places", _E, "Keep one label: the same photograph is filed under two places."),
    Rule("exact-duplicate-across-splits", _W, "Remove one of the two: the query has its own copy in the gallery."),
    Rule("exact-duplicate", _W, "Remove one of the two: the second copy adds nothing."),
    Rule("near-duplicate-different-places", _W, "Look at the pair: one photograph may be filed under two places."),
    Rule("near-duplicate-across-splits", _W, "Look at the pair: if it is one photograph, the query is too easy."),
    Rule("near-duplicate", _I, "Look at the pair: a copy of a photograph adds little."),
    Rule("near-duplicates-cut", _I, "Ask for a smaller Hamming distance, or thin out the image sequence."),
    Rule("empty-place", _W, "Add photographs of the place, or remove it."),
    Rule("single-photo-place", _I, "Add photographs: one view of a place is seldom enough."),
    Rule("open-set-place", _I, "Nothing, if this is intended: the right answer to its queries is UNKNOWN."),
    Rule("name-clash", _W, "Rename one: on Windows or macOS one of the files would replace the other."),
    Rule("place-clash", _W, "Use one spelling: each of these labels counts as a place of its own."),
    Rule("unlabelled", _W, "Give the image a place: without one it cannot be evaluated."),
    Rule("position-zero", _W, "Give the true position, or none: 0, 0 is what a device without a fix writes."),
    Rule("position-impossible", _W, "Correct the position in the photo's metadata, or give the true one in the table."),
    Rule("position-odd", _I, "Look whether the photo is where that says: it was written in a form that needs a guess."),
    Rule(
        "position-jump",
        _W,
        "Look at both: one position is wrong, or the camera's clock is; no aeroplane is as fast.",
    ),
    Rule("position-contradicted", _W, "Look at both pictures: if they show one place, one of the positions is wrong."),
    Rule("no-gallery", _W, "Add gallery images: there is nothing to search in."),
    Rule("doubtful-table", _W, "Correct the table or the name of the column, unless this is intended."),
    Rule("listed-twice", _W, "Remove one of the rows."),
    Rule("changed-file", _W, "Restore the file, or correct the checksum in the manifest."),
)

RULES: Mapping[str, Rule] = {rule.name: rule for rule in (*_OTHER_RULES, *IMAGE_RULES)}
"""Every check by its name."""


def finding(check: str, message: str, *paths: str, score: float | None = None) -> Finding:
    """Make a finding of a registered check."""
    return Finding(check=check, severity=RULES[check].severity, paths=paths, message=message, score=score)


def duplicate_check(exact: Exact, relation: Relation) -> str:
    """Return the name of the check that a pair belongs to."""
    kind = "near-duplicate" if exact is Exact.NONE else "exact-duplicate"
    if relation.different_places:
        return f"{kind}-different-places"
    return f"{kind}-across-splits" if relation.across else kind
