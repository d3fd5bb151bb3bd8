"""The frozen result of a training, and the card that goes with the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.embedding.export.output_path import CARD_END
from placeprint.evaluation.json_values import plain
from placeprint.records import FailedImage, ModelSpec
from placeprint.storage.atomic import write_atomic, write_json
from placeprint.terminal import counted
from placeprint.training.held_out import Verdict
from placeprint.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found on places held out."""

    recall_at_1: float
    map: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """The result of one training.

    Attributes
    ----------
    path : Path
        The ONNX file; beside it lie its description (``.json``), its card (``.card.json``, ``.md``) and its page
        (``.html``).
    spec : ModelSpec
    base : ModelSpec
    settings : TrainSettings
    datasets : tuple of str
    images, places : tuple of three int
        That trained, chose the epoch, and tested.
    epochs, best_epoch : int
        Done, and the one that was kept; 0 is the base.
    history : tuple of dict
        ``loss``, ``recall_at_1`` and ``map`` on the validation places after each epoch, the base first.
    test_base, test : Figures
        On the test places, which no choice saw; both by the ordinary pipeline, the trained model from its file.
    verdict : Verdict
        The paired test of the two.
    cosine : float
        The lowest similarity of the file's embeddings to those computed apart from it.
    constant : float
        What stands behind each embedding; see `placeprint.training.spread`.
    left_out : int
        Images without a place, with several places, or equal to another.
    unusable : tuple of FailedImage
    seconds : float
    device : str
        ``cpu`` or ``cuda``.

    Examples
    --------
    >>> import placeprint
    >>> result = placeprint.train("photos", "mine.onnx")  # doctest: +SKIP
    >>> result.better, result.test.recall_at_1, result.test_base.recall_at_1  # doctest: +SKIP
    """

    path: Path
    spec: ModelSpec
    base: ModelSpec
    settings: TrainSettings
    datasets: tuple[str, ...]
    images: tuple[int, int, int]
    places: tuple[int, int, int]
    epochs: int
    best_epoch: int
    history: tuple[dict[str, float], ...]
    test_base: Figures
    test: Figures
    verdict: Verdict
    cosine: float
    constant: float
    left_out: int
    unusable: tuple[FailedImage, ...]
    seconds: float
    device: str

    @property
    def better(self) -> bool:
        """True when the model is better than its base beyond chance."""
        return self.verdict.better

    @property
    def recommended(self) -> str:
        """The model to use: the path of the trained one, or the name of the base."""
        return str(self.path) if self.better else self.base.name

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        names = [n for n in self.__slots__ if n not in ("path", "spec", "base")]
        row = {name: plain(getattr(self, name)) for name in names}
        specs = {"spec": self.spec.to_dict(), "base": self.base.to_dict()}
        return {"path": str(self.path), "recommended": self.recommended, **specs, **row}


def write_card(result: TrainingResult) -> None:
    """Write the model's card as JSON and as Markdown beside it. Raises `OSError`."""
    write_json(result.path.with_suffix(".card.json"), result.to_dict())
    write_atomic(result.path.with_suffix(".md"), _markdown(result).encode("utf-8", "backslashreplace"))


def _markdown(result: TrainingResult) -> str:
    counts = zip(("trained", "chose the epoch", "tested"), result.places, result.images, strict=True)
    used = "; ".join(f"{counted(place, 'place')} ({counted(image, 'photo')}) {what}" for what, place, image in counts)
    rows = (("base", result.test_base), ("this model", result.test))
    figures = "\n".join(f"| {name} | {f.recall_at_1:.3f} | {f.map:.3f} |" for name, f in rows)
    kind = "the whole network" if result.settings.full else "a linear head behind the base, which was not changed"
    return f"""# {result.spec.name}
Place recognition model, {result.spec.dim} numbers an image, trained by `placeprint train`.

**{result.verdict.says[0].upper()}{result.verdict.says[1:]}.**

- Base: {result.base}, {result.base.source}
- Licence: {result.spec.licence or "that of the base, which does not say"}; that of the photos may bind it too
- Trained: {kind}
- Photos: {", ".join(result.datasets)}: {used}
- Kept: epoch {result.best_epoch} of {result.epochs}, by Recall@1 and mAP on the places that chose
- The file computes what was trained: cosine at least {result.cosine:.6f}
- Behind each unit vector stands {result.constant:.3f}, so that cosines of different places are as spread as the base's
- Settings: `{json.dumps(result.settings.to_dict())}`

| on the test places, which no choice saw, asked by {result.settings.preset} | Recall@1 | mAP |
|---|---|---|
{figures}

The places are few and of these datasets: measure it on photos of your own, with `placeprint compare`.

{CARD_END}"""
