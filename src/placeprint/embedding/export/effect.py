"""What a change of a model did on somebody's images, in plain numbers and words."""

from __future__ import annotations

from dataclasses import dataclass

from placeprint.terminal import counted

SLOWER_THAN = 0.95
"""Share of the time or size before: what takes more was not made faster or smaller."""
FAR = 0.99
"""Vectors with a lower cosine have moved too far for a threshold that was learned before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure before and after, with the paired interval of the difference over queries (95 %)."""

    before: float
    after: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        """Both, the difference and its interval."""
        gain = self.after - self.before
        return f"{self.before:.3f} to {self.after:.3f}, {gain:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A model beside the one that it was made from."""

    dataset: str
    preset: str
    queries: int  # That have an answer in the gallery.
    recall_at_1: Difference
    average_precision: Difference
    photos: int  # Images that the next two were measured on.
    # The lowest similarity of the two embeddings of an image; None where they were meant to differ.
    cosine: float | None
    milliseconds: tuple[float, float]  # Of one decoded image on one thread, before and after: medians.
    megabytes: tuple[float, float]  # Of the ONNX files.

    def lines(self) -> tuple[str, ...]:
        """Return lines for people: the numbers, then what they mean."""
        photos, queries = counted(self.photos, "photo"), counted(self.queries, "query", "queries")
        moved = "" if self.cosine is None else f"; lowest cosine to it on {photos} {self.cosine:.4f}"
        return (
            f"on {self.dataset} (preset {self.preset}, {queries} with an answer), before to after, with "
            "paired 95 % intervals:",
            f"Recall@1 {self.recall_at_1}",
            f"mAP {self.average_precision}",
            f"{self.megabytes[0]:.1f} to {self.megabytes[1]:.1f} MB; "
            f"{self.milliseconds[0]:.1f} to {self.milliseconds[1]:.1f} ms a photo here{moved}",
            *self.verdict(),
        )

    def verdict(self) -> tuple[str, ...]:
        """Return what the numbers mean: better, worse, not faster, not smaller."""
        figures = {"Recall@1": self.recall_at_1, "mAP": self.average_precision}
        worse = [name for name, figure in figures.items() if figure.high < 0]
        better = [name for name, figure in figures.items() if figure.low > 0]
        said = []
        if worse:
            said.append(f"WORSE in {' and '.join(worse)}, the whole interval lies below 0: keep the model as it was")
        elif better:
            said.append(f"better in {' and '.join(better)}: the whole interval lies above 0")
        else:
            said.append("no difference in accuracy beyond chance on this many queries")
        if self.milliseconds[1] > SLOWER_THAN * self.milliseconds[0]:
            said.append("not faster on this machine")
        if self.megabytes[1] > SLOWER_THAN * self.megabytes[0]:
            said.append("the file is not smaller")
        if self.cosine is not None and self.cosine < FAR:
            said.append("some embeddings moved far: galleries and thresholds must be made with this model")
        return tuple(said)
