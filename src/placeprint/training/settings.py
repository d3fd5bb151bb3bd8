"""The settings of a training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypedDict

from placeprint.errors import UsageError
from placeprint.options import Flag
from placeprint.presets import DEFAULT_PRESET, find_preset
from placeprint.spelling import choices

LOSSES = ("multi-similarity", "triplet", "triplet-semihard", "arcface")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """All that a training depends on besides its images and its base."""

    full: Annotated[bool, Flag("--full", "Train the whole network, not only a head.")] = False
    # How the model will be asked: a head learns from images as this preset looks at them, and the test asks by it.
    preset: str = DEFAULT_PRESET
    loss: Annotated[str, Flag("--loss", "multi-similarity, triplet, triplet-semihard or arcface.")] = "multi-similarity"
    epochs: Annotated[int, Flag("--epochs", "Train for at most this many epochs.")] = 60
    patience: Annotated[int, Flag("--patience", "Stop after this many epochs without a better score.")] = 10
    # places, images: P and K of a batch: so many places, and so many images of each.
    places: Annotated[int, Flag("--places", "Places per batch.")] = 16
    images: Annotated[int, Flag("--images", "Photos of each place in a batch.")] = 4
    # Share of a batch's places that are chosen because they are confused with the others in it, 0 to 1.
    hardness: Annotated[
        float, Flag("--hardness", "Share of a batch that is chosen because it is hard to tell apart.")
    ] = 0.5
    learning_rate: Annotated[float, Flag("--learning-rate", "The learning rate of Adam.")] = 3e-4
    # A step draws back by so much times the learning rate.
    decay: Annotated[float, Flag("--decay", "How strongly weights are pulled back to the base's.")] = 0.01
    # validation, test: Share of the places that are held out, and about that share of the images: to choose by, and to
    # test with.
    validation: Annotated[float, Flag("--validation", "Share of the places that the best epoch is chosen by.")] = 0.2
    test: Annotated[float, Flag("--test", "Share of the places kept for the final test.")] = 0.2
    side: Annotated[int, Flag("--side", "Image side in pixels for --full; 0 takes the model's own.")] = 0
    # The gradient stays that of the whole batch.
    accumulate: Annotated[int, Flag("--accumulate", "Split each batch into this many parts, to save memory.")] = 1
    augment: Annotated[
        bool, Flag("--augment/--no-augment", "Vary light, season, viewpoint, crop and sharpness (with --full).")
    ] = True
    # ArcFace learns behind a batch norm that the finished model does not have (the BNNeck of Luo et al. 2019).
    neck: Annotated[bool, Flag("--neck/--no-neck", "Put a batch norm before ArcFace.")] = True
    seed: Annotated[int, Flag("--seed", "The same seed gives the same model.")] = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        self._refuse_names()
        for name, least in (("epochs", 1), ("patience", 1), ("places", 2), ("images", 2), ("accumulate", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("learning_rate", "decay", "hardness"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UsageError(f"{name} must be a number of 0 or more, not {getattr(self, name)}")
        if self.hardness > 1:
            raise UsageError(f"hardness is a share, 0 to 1, not {self.hardness:g}")
        if not (self.validation > 0 and self.test > 0 and self.validation + self.test < 1):
            raise UsageError("validation and test are shares of the places, above 0 and together below 1")
        if self.side and (self.side < 64 or self.side % 32):
            raise UsageError(f"side must be a multiple of 32, and at least 64, not {self.side}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"seed must be 0 to {2**32 - 1}, not {self.seed}")

    def _refuse_names(self) -> None:
        if self.loss not in LOSSES:
            raise UsageError(f'loss "{self.loss}" is not known: {choices(self.loss, LOSSES)}')
        if find_preset(self.preset).whiten:
            raise UsageError(f'preset "{self.preset}" learns a whitening from each gallery: train without it')

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the settings that were given by name.

        Raises `UsageError` for a setting that is not known or cannot be.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise UsageError(f'"{unknown[0]}" is not a setting of a training: {choices(unknown[0], sorted(known))}')
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dataclasses.asdict(self)


class TrainWords(TypedDict, total=False):
    """`TrainSettings` as keywords of `placeprint.train`."""

    full: bool
    preset: str
    loss: str
    epochs: int
    patience: int
    places: int
    images: int
    hardness: float
    learning_rate: float
    decay: float
    validation: float
    test: float
    side: int
    accumulate: int
    augment: bool
    neck: bool
    seed: int
