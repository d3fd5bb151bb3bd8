"""What `export` and `distil` may be asked for: frozen records, made once of the keywords that were given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.options import Flag
from placeprint.presets import DEFAULT_PRESET, WHITENINGS, Preset, find_preset
from placeprint.spelling import choices

PRECISIONS = ("int8", "float16", "bfloat16")
"""What a model's weights may be stored in; see `placeprint.embedding.export.precision`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOptions:
    """What every change of a model may be asked for."""

    name: Annotated[str | None, Flag("--name", "Name of the new model; by default that of its file.")] = None
    # Also what ``int8`` takes its ranges from, of the gallery split.
    measure: Annotated[
        Path | str | Manifest | None,
        Flag("--measure", "Compare the new model with the one it was made from on these labelled photos."),
    ] = None
    preset: str | Preset = DEFAULT_PRESET  # How images are looked at to learn from them, and how both models are asked.
    cache: bool = True  # False neither reads nor writes the user's cache.
    workers: int | None = None  # Images in flight; None takes as many as there are cores.

    def __post_init__(self) -> None:
        """Refuse a preset that is not known."""
        find_preset(self.preset)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions(ChangeOptions):
    """What `placeprint.export` may be asked for."""

    # weights, branch, trust: As in `placeprint.embedding.export.candidate.ModelSource`.
    weights: Annotated[
        Path | None,
        Flag("--weights", "A checkpoint (.pth, .ckpt, .safetensors, …); only numbers are read from it."),
    ] = None
    branch: Annotated[
        str, Flag("--branch", "With --weights: which network, where it holds several, such as teacher.")
    ] = ""
    trust: Annotated[bool, Flag("--trust", "Allow hub: to run the code of its repository.")] = False
    # Of these the gallery split.
    whiten: Annotated[
        Path | str | Manifest | None,
        Flag("--whiten", "Learn a whitening from these labelled photos, and put it into the graph."),
    ] = None
    # See `placeprint.embedding.whitening.learn_whitening`.
    whitening: Annotated[
        str, Flag("--whitening", "What the whitening evens out: places (how photos of one place differ) or pca.")
    ] = "places"
    dim: Annotated[int | None, Flag("--dim", "With --whiten: length of the embedding.", least=1)] = None
    # See `placeprint.embedding.export.precision`.
    precision: Annotated[str | None, Flag("--precision", "Store the model in int8, float16 or bfloat16.")] = None

    @property
    def changes(self) -> bool:
        """Whether the model is changed, and not only written as it is."""
        return self.whiten is not None or self.precision is not None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        ChangeOptions.__post_init__(self)
        if self.branch and self.weights is None:
            raise UsageError("--branch goes with --weights: it says which network of the checkpoint is meant")
        if not self.changes and (self.dim is not None or self.measure is not None):
            raise UsageError("--dim goes with --whiten, and --measure with --whiten or --precision")
        if self.changes and self.whitening not in WHITENINGS[1:]:
            raise UsageError(f'whitening "{self.whitening}" is not known: {choices(self.whitening, WHITENINGS[1:])}')
        if self.precision is not None and self.precision not in PRECISIONS:
            raise UsageError(f'precision "{self.precision}" is not known: {choices(self.precision, PRECISIONS)}')
        if self.dim is not None and self.whiten is None:
            raise UsageError("--dim goes with --whiten: the directions to keep are learned from photos")
        if self.precision == "int8" and self.measure is None:
            raise UsageError("int8 needs photos of yours to find its ranges and to measure the loss: --measure DATASET")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilOptions(ChangeOptions):
    """What `placeprint.distil` may be asked for."""

    student: Annotated[str, Flag("--student", "The model to change.")] = DEFAULT_MODEL
    seed: Annotated[int, Flag("--seed", "Seed that chooses which photos are held out.")] = 0


class ChangeWords(TypedDict, total=False):
    """`ChangeOptions` as keywords."""

    name: str | None
    measure: Path | str | Manifest | None
    preset: str | Preset
    cache: bool
    workers: int | None


class ExportWords(ChangeWords, total=False):
    """`ExportOptions` as keywords of `placeprint.export`."""

    weights: Path | None
    branch: str
    trust: bool
    whiten: Path | str | Manifest | None
    whitening: str
    dim: int | None
    precision: str | None


class DistilWords(ChangeWords, total=False):
    """`DistilOptions` as keywords of `placeprint.distil`."""

    student: str
    seed: int
