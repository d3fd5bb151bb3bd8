"""Options as frozen records, made once at the door and handed on.

The door is the command line, a public function or a request. A field's `Flag` is its option on the command line, so
that its name, default and help stand once. A public function takes the fields as keywords: ``Unpack[EmbedWords]``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, TypeVar, overload

from placeprint.errors import UsageError
from placeprint.presets import Preset, default_preset, find_preset

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

A = TypeVar("A", bound="DataclassInstance")
B = TypeVar("B", bound="DataclassInstance")
C = TypeVar("C", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field is given on the command line."""

    name: str  # As ``--model``.
    help: str
    short: str = ""  # As ``-m``; empty where there is none.
    words: tuple[str, ...] = ()  # What completion offers.
    # least, most: Smaller and larger numbers are refused.
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which model embeds, and what runs it."""

    # None takes the gallery's own, or the default.
    model: Annotated[
        str | None,
        Flag("--model", "A name or source from `placeprint models`, or the path of an .onnx file.", short="-m"),
    ] = None
    runner: Annotated[str, Flag("--runner", "What runs the model: openvino or onnx.", words=("openvino", "onnx"))] = (
        "openvino"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions(ModelOptions):
    """How images are embedded."""

    cache: Annotated[bool, Flag("--no-cache", "Do not read or write the embedding cache.")] = True
    workers: Annotated[int | None, Flag("--workers", "Images in flight; by default one per core.", least=1)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(EmbedOptions):
    """How a gallery is built, or how one that is there is asked."""

    # See `placeprint.presets.find_preset`; None takes the gallery's own, or the default.
    preset: Annotated[
        str | Preset | None,
        Flag(
            "--preset",
            "How much is done for an answer: fast, balanced (default) or best; with changes: "
            "balanced:verified=20:budget_ms=100.",
            words=("fast", "balanced", "best"),
        ),
    ] = None
    index: Annotated[
        str, Flag("--index", "How neighbours are found: auto, exact or faiss.", words=("auto", "exact", "faiss"))
    ] = "auto"

    def found_preset(self) -> Preset:
        """Return the preset that a new gallery gets. Raises `UsageError` for a preset that is not known."""
        return find_preset(self.preset or default_preset())


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """When a place is accepted; what is given here overrides the gallery's calibration.

    Attributes
    ----------
    threshold : float or None
        No place is accepted when the probability of the best one is below it, 0 to 1, where the gallery is calibrated;
        where it is not, when the best score is below it.
    margin_threshold : float or None
        No place is accepted when the score of the best other place is closer than this.
    false_accept_rate : float or None
        Of images of places that the gallery lacks, the share that may get a place: decides at this rate, or the next
        lower one that the gallery's calibration keeps.

    Raises
    ------
    UsageError
        For what is not a number, a rate that is not between 0 and 1, or both a threshold and a rate.

    Examples
    --------
    >>> import placeprint
    >>> strict = placeprint.DecisionOptions(threshold=0.999)
    >>> recognizer = placeprint.Recognizer("town.gallery")
    >>> answer, _ = recognizer.answer_within(recognizer.describe("town-hall.jpg").vector, decision=strict)
    >>> answer.place, answer.best_guess
    (None, 'town-hall')
    """

    threshold: Annotated[
        float | None,
        Flag(
            "--unknown-threshold",
            "Accept no place below it: a probability from 0 to 1 where the gallery is calibrated, else a score.",
        ),
    ] = None
    margin_threshold: Annotated[
        float | None, Flag("--unknown-margin", "Accept no place when the next best one's score is closer than this.")
    ] = None
    false_accept_rate: Annotated[
        float | None,
        Flag(
            "--false-accept-rate",
            "Decide at this rate (0.1: 10 % of photos of unknown places may get a place) instead of the one that the "
            "gallery was calibrated for.",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what is no number, no rate, or contradicts itself."""
        for name, value in (("--unknown-threshold", self.threshold), ("--unknown-margin", self.margin_threshold)):
            if value is not None and math.isnan(value):
                raise UsageError(f"{name} must be a number, not {value}")
        if (rate := self.false_accept_rate) is not None:
            require_rate(rate)
            if self.threshold is not None:
                raise UsageError("--unknown-threshold and --false-accept-rate both say what is accepted: give one")


def require_rate(rate: float) -> None:
    """Refuse a false-accept rate that is none. Raises `UsageError`."""
    if not 0 < rate < 1:
        raise UsageError(f"a false-accept rate must be above 0 and below 1, not {rate:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Embeddings that somebody has already."""

    # A ``.npy`` file of shape (n, dim), float32.
    embeddings: Annotated[
        Path | str | None, Flag("--embeddings", "Vectors you already have (.npy), with --records.")
    ] = None
    records: Annotated[Path | str | None, Flag("--records", "The manifest that names the rows of --embeddings.")] = None

    @property
    def given(self) -> bool:
        """Whether any of them is given."""
        return self.embeddings is not None or self.records is not None


class ModelWords(TypedDict, total=False):
    """`ModelOptions` as keywords."""

    model: str | None
    runner: str


class EmbedWords(ModelWords, total=False):
    """`EmbedOptions` as keywords."""

    cache: bool
    workers: int | None


class BuildWords(EmbedWords, total=False):
    """`BuildOptions` as keywords."""

    preset: str | Preset | None
    index: str


class DecisionWords(TypedDict, total=False):
    """`DecisionOptions` as keywords."""

    threshold: float | None
    margin_threshold: float | None
    false_accept_rate: float | None


class ImportedWords(TypedDict, total=False):
    """`Imported` as keywords."""

    embeddings: Path | str | None
    records: Path | str | None


def rate_for_a_server(words: Mapping[str, Any]) -> float | None:
    """Return the false-accept rate among keywords; a server takes no other of how an answer is made.

    Raises `UsageError` when there is another one, or the rate is none.
    """
    if any(value is not None for name, value in words.items() if name != "false_accept_rate"):
        raise UsageError(
            "a server decides by its own gallery, model and calibration, or at a false-accept rate: leave out "
            "thresholds, model and preset"
        )
    return DecisionOptions(false_accept_rate=words.get("false_accept_rate")).false_accept_rate


@overload
def records_of(words: Mapping[str, object], first: type[A], second: type[B], /) -> tuple[A, B]: ...


@overload
def records_of(words: Mapping[str, object], first: type[A], second: type[B], third: type[C], /) -> tuple[A, B, C]: ...


def records_of(words: Mapping[str, object], *kinds: type[Any]) -> tuple[Any, ...]:
    """Make records of the keywords that a public function was given, one of each kind.

    Raises `TypeError` for a keyword that is a field of none of them.
    """
    names = [{field.name for field in fields(kind)} for kind in kinds]
    if unknown := set(words) - set().union(*names):
        raise TypeError(
            f"unexpected keyword argument {min(unknown)!r}: there are {', '.join(sorted(set().union(*names)))}"
        )
    return tuple(kind(**{n: words[n] for n in own if n in words}) for kind, own in zip(kinds, names, strict=True))
