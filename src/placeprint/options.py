"""Options as frozen records, made once at the door and handed on.

The door is the command line, a public function or a request. A field's `Flag` is its option on the command line, so
that its name, default and help stand once. A public function takes the fields as keywords: ``Unpack[EmbedWords]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, TypeVar, overload

from placeprint.presets import DEFAULT_PRESET, Preset, find_preset

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

A = TypeVar("A", bound="DataclassInstance")
B = TypeVar("B", bound="DataclassInstance")
C = TypeVar("C", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field is given on the command line.

    Attributes
    ----------
    name : str
        As ``--model``.
    help : str
    short : str
        As ``-m``; empty where there is none.
    least, most : float or None
        Smaller and larger numbers are refused.
    """

    name: str
    help: str
    short: str = ""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which model embeds, and what runs it.

    Attributes
    ----------
    model : str or None
        A name or a source of `placeprint models`, or an ONNX file; None takes the gallery's own, or the default.
    runner : str
        ``openvino`` or ``onnx``.
    """

    model: Annotated[
        str | None,
        Flag("--model", "A name or source from `placeprint models`, or the path of an .onnx file.", short="-m"),
    ] = None
    runner: Annotated[str, Flag("--runner", "What runs the model: openvino or onnx.")] = "openvino"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions(ModelOptions):
    """How images are embedded.

    Attributes
    ----------
    model, runner
        As in `ModelOptions`.
    cache : bool
        False neither reads nor writes the user's cache.
    workers : int or None
        Images in flight; None takes as many as there are cores.
    """

    cache: Annotated[bool, Flag("--no-cache", "Do not read or write the embedding cache.")] = True
    workers: Annotated[int | None, Flag("--workers", "Images in flight; by default one per core.", least=1)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(EmbedOptions):
    """How a gallery is built, or how one that is there is asked.

    Attributes
    ----------
    model, runner, cache, workers
        As in `EmbedOptions`.
    preset : str, Preset or None
        ``fast``, ``balanced`` or ``best``, possibly with changes, see `placeprint.presets.find_preset`; None takes the
        gallery's own, or the default.
    index : str
        ``auto``, ``exact`` or ``faiss``.
    """

    preset: Annotated[
        str | Preset | None,
        Flag(
            "--preset",
            "How much is done for an answer: fast, balanced (default) or best; with changes: "
            "balanced:verified=20:budget_ms=100.",
        ),
    ] = None
    index: Annotated[str, Flag("--index", "How neighbours are found: auto, exact or faiss.")] = "auto"

    def found_preset(self) -> Preset:
        """Return the preset that a new gallery gets.

        Raises
        ------
        UsageError
            For a preset that is not known.
        """
        return find_preset(self.preset or DEFAULT_PRESET)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """When a place is accepted; what is given here overrides the gallery's calibration.

    Attributes
    ----------
    threshold : float or None
        The answer is UNKNOWN when the best score is below it.
    margin_threshold : float or None
        The answer is UNKNOWN when the best other place is closer than this.
    """

    threshold: Annotated[
        float | None, Flag("--unknown-threshold", "Answer UNKNOWN when the best score is below it.")
    ] = None
    margin_threshold: Annotated[
        float | None, Flag("--unknown-margin", "Answer UNKNOWN when the best other place is closer than this.")
    ] = None

    @property
    def given(self) -> bool:
        """Whether any of them is given, so that a calibration does not decide."""
        return self.threshold is not None or self.margin_threshold is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Embeddings that somebody has already.

    Attributes
    ----------
    embeddings : Path, str or None
        A ``.npy`` file of shape (n, dim), float32.
    records : Path, str or None
        The manifest that names its rows.
    """

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


class ImportedWords(TypedDict, total=False):
    """`Imported` as keywords."""

    embeddings: Path | str | None
    records: Path | str | None


@overload
def records_of(words: Mapping[str, object], first: type[A], second: type[B], /) -> tuple[A, B]: ...


@overload
def records_of(words: Mapping[str, object], first: type[A], second: type[B], third: type[C], /) -> tuple[A, B, C]: ...


def records_of(words: Mapping[str, object], *kinds: type[Any]) -> tuple[Any, ...]:
    """Make records of the keywords that a public function was given, one of each kind.

    Raises
    ------
    TypeError
        For a keyword that is a field of none of them.
    """
    names = [{field.name for field in fields(kind)} for kind in kinds]
    if unknown := set(words) - set().union(*names):
        raise TypeError(
            f"unexpected keyword argument {min(unknown)!r}: there are {', '.join(sorted(set().union(*names)))}"
        )
    return tuple(kind(**{n: words[n] for n in own if n in words}) for kind, own in zip(kinds, names, strict=True))
