"""Results of several runs side by side, and which of them must not be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from placeprint.dataset.protocols.published import published
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.json_values import plain
from placeprint.evaluation.result import EvaluationResult
from placeprint.evaluation.standing import Standing, standing_of, why_not_comparable
from placeprint.notebooks import Tabular
from placeprint.storage.regular_files import read_regular

_LARGEST = 1 << 28
"""Bytes of a file of results: one with every query of a large set has some tens of millions."""

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Leaderboard(Sequence[Standing], Tabular):
    """Runs, group by group, the best first.

    Attributes
    ----------
    rows : tuple of Standing

    Examples
    --------
    >>> import placeprint
    >>> result = placeprint.evaluate(gallery="town.gallery")
    >>> placeprint.leaderboard([result])
    <Leaderboard of 1 run, all comparable: efficientnet-lite0 1.000>
    """

    rows: tuple[Standing, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """Return one row."""
        return self.rows[index]

    @property
    def measures(self) -> tuple[str, ...]:
        """The figures that any row has, in order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.figures))

    def __repr__(self) -> str:
        """Name the runs that can be compared with the first."""
        apart = sum(bool(row.why_not) for row in self.rows)
        best = ", ".join(
            f"{row.model} {next(iter(row.figures.values())):.3f}"
            for row in self.rows
            if not row.why_not and row.figures
        )
        told = f"{apart} of them not comparable" if apart else "all comparable"
        return f"<Leaderboard of {len(self.rows)} run{'s' if len(self.rows) != 1 else ''}, {told}: {best}>"

    def table(self) -> list[dict[str, Any]]:
        """Return one flat row a run: rank, model, figures in per cent, costs, and why it is not comparable."""
        return [
            {
                "group": row.group,
                "rank": row.rank,
                "model": row.model,
                "preset": row.preset,
                "dim": row.dim or None,
                **{f"{name}, %": _per_cent(row.figures.get(name)) for name in self.measures},
                "search, ms": plain(row.ms),
                "bytes an image": plain(row.bytes_an_image),
                "dataset": row.protocol or row.dataset,
                "not comparable": row.why_not,
                "source": row.source,
            }
            for row in self.rows
        ]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "comparable": not any(row.why_not for row in self.rows),
            "rows": [
                {f.name: plain(getattr(row, f.name)) for f in fields(Standing)} | {"figures": plain(dict(row.figures))}
                for row in self.rows
            ],
        }


def ranked_runs(results: Sequence[Path | str | EvaluationResult], *, with_published: bool = True) -> Leaderboard:
    """Put results side by side, as `placeprint.leaderboard` does. Raises `UsageError` or `DatasetError`."""
    if not results:
        raise UsageError("give at least one file of results, as `placeprint evaluate DATASET --json` prints them")
    rows: list[tuple[Standing, Mapping[str, Any]]] = []
    for given in results:
        if isinstance(given, EvaluationResult):
            run = given.to_dict()
            rows.append((standing_of(run, given.dataset), run))
        else:
            rows += ((standing_of(read, str(given)), read) for read in _runs(Path(given)))
    return Leaderboard(tuple(_ranked(rows, with_published=with_published)))


def _runs(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the runs of a file."""
    try:
        found = json.loads(read_regular(path, _LARGEST))
    except OSError as error:
        raise DatasetError(f'"{path}" cannot be read: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f'"{path}" is not JSON as `placeprint evaluate --json` prints it') from error
    for row in (found or [None]) if isinstance(found, list) else [found]:
        run = row.get("result", row) if isinstance(row, dict) else None
        if not isinstance(run, dict) or not {"model", "recall", "truth"} <= set(run):
            raise DatasetError(f'"{path}" holds no results of `placeprint evaluate --json` or `compare --json`')
        yield run


def _ranked(rows: Sequence[tuple[Standing, Mapping[str, Any]]], *, with_published: bool) -> Iterator[Standing]:
    """Yield the runs group by group, each group by its first figure."""
    groups: list[list[Standing]] = []
    for row, _ in rows:
        home = next((group for group in groups if not why_not_comparable(row, group[0])), None)
        if home is None:
            groups.append([row])
        else:
            home.append(row)
    first, run = rows[0]
    if with_published and first.protocol and not (run.get("benchmark") or {}).get("doubts", True):
        groups[0] += _published(first)
    for number, group in enumerate(groups, start=1):
        why = why_not_comparable(group[0], first) if number > 1 else ""
        best = sorted(group, key=_first_figure)
        yield from (replace(row, group=number, rank=rank, why_not=why) for rank, row in enumerate(best, start=1))


def _first_figure(row: Standing) -> float:
    value = next(iter(row.figures.values()), _NAN)
    return -value if value == value else float("inf")


def _published(first: Standing) -> Iterator[Standing]:
    for figure in published(first.protocol):
        yield Standing(
            source=figure.citation,
            model=figure.model,
            protocol=first.protocol,
            dim=figure.dim,
            figures={name: value / 100 for name, value in figure.values.items()},
        )


def _per_cent(value: float | None) -> float | None:
    return None if value is None or value != value else 100 * value
