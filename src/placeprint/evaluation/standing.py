"""One run on a leaderboard: read from what a verb wrote, and whether it can be compared with another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from placeprint.dataset.protocols.table import protocols
from placeprint.errors import DatasetError
from placeprint.evaluation.benchmark import Tolerance

_NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run on a leaderboard.

    Attributes
    ----------
    source : str
        The file, or whose published figure it is.
    model, preset, dataset, protocol : str
        The protocol is empty where a run had none.
    truth, asked : str
        What counts as right; whether queries or left out images were asked.
    gallery, queries, dim : int
        Images, and the size of the embeddings.
    names, positives : str
        Of its test set, see `placeprint.TestSet`; empty for what an older version wrote, or for published figures.
    figures : mapping of str to float
        ``R@1``, ``R@5``, ``R@10``, ``R@20``, ``mAP``; with a protocol what that reports; a share.
    ms, bytes_an_image : float
        Milliseconds of search a query; NaN where not told.
    tolerances : tuple of Tolerance
        Recall by distance or frames, where those decide what is right.
    group, rank : int
        Runs of one group are comparable, and ranked by their first figure.
    why_not : str
        Why it cannot be compared with the first run; empty when it can.

    Examples
    --------
    >>> import placeprint
    >>> first = placeprint.leaderboard([placeprint.evaluate(gallery="town.gallery")])[0]
    >>> first.rank, first.truth, first.figures["R@1"]
    (1, 'same place', 1.0)
    """

    source: str
    model: str
    preset: str = ""
    dataset: str = ""
    protocol: str = ""
    truth: str = ""
    asked: str = ""
    gallery: int = 0
    queries: int = 0
    dim: int = 0
    names: str = ""
    positives: str = ""
    figures: Mapping[str, float]
    ms: float = _NAN
    bytes_an_image: float = _NAN
    tolerances: tuple[Tolerance, ...] = ()
    group: int = 0
    rank: int = 0
    why_not: str = ""

    @property
    def named(self) -> str:
        """Model and preset, for people."""
        return ", ".join(filter(None, (self.model, self.preset)))


def standing_of(run: Mapping[str, Any], source: str) -> Standing:
    """Read one run. Raises `DatasetError` when it is not as `EvaluationResult.to_dict` writes it."""
    try:
        held, by = run.get("test_set") or {}, run.get("benchmark") or {}
        given = by.get("figures") or {f"R@{k}": v for k, v in run["recall"].items()} | {"mAP": run.get("map")}
        return Standing(
            source=source,
            model=str(run["model"]),
            preset=str(run.get("preset", "")),
            dataset=str(run.get("dataset", "")),
            protocol=str(by.get("protocol", "")),
            truth=str(run["truth"]),
            asked=str(run.get("protocol", "")),
            gallery=int(run.get("n_gallery", 0)),
            queries=int(run.get("n_queries", 0)),
            dim=int(run.get("dim", 0)),
            names=str(held.get("names", "")),
            positives=str(held.get("positives", "")),
            figures={str(name): _NAN if value is None else float(value) for name, value in given.items()},
            ms=1000 * float((run.get("seconds") or {}).get("search_per_query", _NAN)),
            bytes_an_image=float(run.get("gallery_bytes", _NAN)) / max(int(run.get("n_gallery", 0)), 1),
            tolerances=tuple(map(_tolerance, run.get("tolerances") or ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f'"{source}" holds no results of `placeprint evaluate --json`') from error


def _tolerance(row: Mapping[str, Any]) -> Tolerance:
    recall = {int(k): min(max(float(share), 0.0), 1.0) for k, share in row["recall"].items()}
    return Tolerance(float(row["tolerance"]), str(row["unit"]), int(row["answerable"]), recall)


def why_not_comparable(one: Standing, other: Standing) -> str:
    """Return why a run cannot be compared with another one, in words; empty when it can."""
    if not one.names or not other.names:
        return "it does not say what it was measured on: evaluate again with this version"
    if one.protocol != other.protocol:
        return f"other protocol: {one.protocol or 'none'}, not {other.protocol or 'none'}"
    if one.names != other.names:
        if (one.gallery, one.queries) == (other.gallery, other.queries):
            return f"other images: {_counts(one)} too, by other names"
        return f"other images: {_counts(one)}, not {_counts(other)}"
    if one.truth != other.truth:
        return f"other truth: right is {one.truth}, not {other.truth}"
    if one.asked != other.asked:
        return f"asked in another way: {one.asked}, not {other.asked}"
    if one.positives != other.positives:
        return f"other truth: right is {one.truth} in both, by other labels or positions"
    return ""


def _counts(row: Standing) -> str:
    """Return the numbers of images, and which published set of its dataset has as many."""
    family = {p.family for p in protocols() if p.name == row.protocol}
    fits = [p.name for p in protocols() if p.family in family and p.fits(row.gallery, row.queries)]
    which = f" (as {' or '.join(fits)})" if fits else ""
    return f"{row.gallery:,} gallery images and {row.queries:,} queries{which}"
