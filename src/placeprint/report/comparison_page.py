"""Writes a comparison of settings as one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from placeprint.evaluation.compare import Comparison, Run
from placeprint.evaluation.result import EvaluatedQuery
from placeprint.gallery.gallery import Gallery
from placeprint.progress import Progress
from placeprint.report.comparison import EVERY_SETTING, Changed, changes_of, decided, differing, headline, told
from placeprint.report.html import MAX_QUERIES, images_of
from placeprint.report.interval_chart import charts
from placeprint.report.outcomes import Outcome, count
from placeprint.report.templates import environment
from placeprint.report.thumbnails import ImageFile, thumbnails
from placeprint.storage.atomic import write_atomic

MAX_PICTURES = 600
"""Of the page, about 10 kB each; what is not shown is in the table of queries."""
MAX_CASES = 20
"""Of what one setting gained, or lost."""
SHOWN_CASES = 2
"""Of these, whose pictures are not folded away."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """Where the images of one run are: of the queries, of the best matches, and of a right place."""

    queries: Mapping[str, ImageFile]
    best: Mapping[str, ImageFile]
    right: Mapping[str, ImageFile]


def pictured(run: Run, query_root: Path | None) -> Pictured:
    """Note where the images of a run are, so that its gallery needs not be held.

    `query_root`: The folder that the queries' paths are relative to; None when the gallery's own images were the
    queries.
    """
    image = images_of(run.gallery)
    queries, best, right = {}, {}, {}
    places = _first_rows(run.gallery) if run.row.result.truth == "same place" else {}
    for query in run.row.result.queries:
        queries[query.path] = image(query.own_rows[0]) if query_root is None else ImageFile(query_root, query.path)
        if query.matches:
            best[query.path] = image(query.matches[0].row)
        first = query.first_positive
        if first is not None and first <= len(query.matches):
            right[query.path] = image(query.matches[first - 1].row)
        elif rows := [row for place in query.places for row in places.get(place, ()) if row not in query.own_rows]:
            right[query.path] = image(rows[0])  # it is too far behind for its match to be kept
    return Pictured(queries, best, right)


def _first_rows(gallery: Gallery) -> dict[str, list[int]]:
    """Return two rows of each place: one may be the query itself."""
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(gallery.records):
        for place in record.places:
            if len(kept := rows.setdefault(place, [])) < 2:
                kept.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class Said:
    """What one setting said of a query, and the image it found."""

    setting: str
    query: EvaluatedQuery
    image: ImageFile | None


@dataclass(frozen=True, slots=True)
class Case:
    """A query that changed: the query, an image of the right place, and what settings said."""

    change: Changed
    places: tuple[str, ...]
    image: ImageFile
    right: ImageFile | None
    said: tuple[Said, ...]

    def images(self) -> list[ImageFile]:
        """Return every image that is shown."""
        return [one for one in (self.image, self.right, *(said.image for said in self.said)) if one is not None]


def write_comparison(
    comparison: Comparison, seen: Sequence[Pictured], page: Path, *, progress: Progress | None = None
) -> None:
    """Write the page, in one step.

    `seen`: One for each setting.
    Raises `OSError` when the folder cannot be written to.
    """
    write_atomic(page, render_comparison(comparison, seen, progress=progress).encode("utf-8"))


def render_comparison(comparison: Comparison, seen: Sequence[Pictured], *, progress: Progress | None = None) -> str:
    """Return the page; parameters as in `write_comparison`."""
    from importlib.metadata import version

    changes = changes_of(comparison)
    limit = _cases_each(comparison)

    def cases(changed: Sequence[Changed]) -> tuple[Case, ...]:
        return tuple(_case(one, comparison, seen) for one in changed[:limit])

    sections = [(one, cases(one.lost), cases(one.gained)) for one in changes]
    images = (image for _, lost, gained in sections for case in (*lost, *gained) for image in case.images())
    rows = differing(comparison)
    most = max(1, MAX_QUERIES * 2 // (len(comparison) + 1))
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            rows=comparison.rows,
            names=[row.setting.name for row in comparison],
            first=comparison[0].result,
            asked=any(decided(row.result) for row in comparison),
            decides=[decided(row.result) for row in comparison],
            counts=[count(row.result.queries) for row in comparison],
            outcomes=Outcome,
            headline=headline(comparison),
            more=[told(comparison[one.number], one, comparison[0].setting.name) for one in changes],
            sections=sections,
            shown_cases=SHOWN_CASES,
            thumbnails=thumbnails(images, progress=progress),
            charts=charts(comparison),
            queries=rows[:most],
            differing=len(rows),
            version=version("placeprint"),
        )
    )


def _cases_each(comparison: Comparison) -> int:
    """Return how many cases of each list are shown, so that the page stays one that a browser opens."""
    others = max(1, len(comparison) - 1)
    tiles = 2 + min(len(comparison), EVERY_SETTING)
    return max(1, min(MAX_CASES, MAX_PICTURES // (2 * others * tiles)))


def _case(change: Changed, comparison: Comparison, seen: Sequence[Pictured]) -> Case:
    path, (number, query) = change.path, next(iter(change.said.items()))
    said = tuple(Said(comparison[n].setting.name, q, seen[n].best.get(path)) for n, q in change.said.items())
    right = next((one.right[path] for one in seen if path in one.right), None)
    return Case(change, query.places, seen[number].queries[path], right if query.known else None, said)
