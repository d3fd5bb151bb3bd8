"""Writes an evaluation as one HTML file that needs no network, and the same numbers as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from placeprint.errors import UsageError
from placeprint.evaluation.diagnosis.diagnosis import Diagnosis
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.protocol import AnyGallery
from placeprint.progress import Progress
from placeprint.recognition.explanation import what_is_missing
from placeprint.report.cases import choose_cases
from placeprint.report.curves import reliability_curve, risk_curve, tolerance_curves, trade_off_curve
from placeprint.report.histogram import score_histogram
from placeprint.report.outcomes import worst_first
from placeprint.report.reasons import explain_cases
from placeprint.report.templates import environment
from placeprint.report.threshold import thresholds_of
from placeprint.report.thumbnails import ImageFile, thumbnails
from placeprint.report.verdict import headline, more
from placeprint.storage.atomic import has_keys, require_ours, write_atomic, write_json
from placeprint.storage.ragged import Ragged

if TYPE_CHECKING:
    from placeprint.dataset.checks.report import CheckReport

REPORT = "report.html"
_HEAD_BYTES = 2000
"""What a page says of itself is in its first bytes."""
MAX_ROWS = 200
"""Rows of a table; the rest is in report.json."""
SHOWN_MISSES = 2
"""Misses whose pictures are not folded away."""
MAX_QUERIES = 2000
"""Rows of the table of queries, the worst first: about 500 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a report shows besides the numbers."""

    check: CheckReport | None = None  # Its findings are listed.
    diagnosis: Diagnosis | None = None  # Kinds of failures, leaks, and what the gallery lacks.
    # What is kept of each query, `placeprint.recognition.queries.Queries.parts`: with the cells, pictures show where
    # the first misses and doubtful cases agree with their matches.
    parts: Mapping[str, Ragged] | None = None


class FindingsWords(TypedDict, total=False):
    """`Findings` as keywords."""

    check: CheckReport | None
    diagnosis: Diagnosis | None
    parts: Mapping[str, Ragged] | None


_NOTHING_MORE = Findings()


def write_report(
    result: EvaluationResult,
    out: Path | str,
    *,
    gallery: AnyGallery,
    query_root: Path | str | None,
    progress: Progress | None = None,
    **findings: Unpack[FindingsWords],
) -> Path:
    """Write OUT/report.html, one file with everything in it, and OUT/report.json.

    Both are replaced in one step each. An image that is gone is named instead of shown.

    Parameters
    ----------
    result : EvaluationResult
    out : Path or str
        A folder; made when it is not there.
    gallery : Gallery
        The one that was searched.
    query_root : Path, str or None
        The folder that the queries' paths are relative to; None when the gallery's own images were the
        queries (`evaluate` without a dataset).
    progress : Progress, optional
    **findings
        ``check``, ``diagnosis``, ``parts``, as in `Findings`.

    Returns
    -------
    Path
        Of the HTML file.

    Raises
    ------
    UsageError
        When the folder holds files of these names that somebody else made.
    OSError
        When the folder cannot be written to.

    Examples
    --------
    >>> import placeprint
    >>> gallery = placeprint.open_gallery("town.gallery")
    >>> result = placeprint.evaluate("town", gallery=gallery)
    >>> placeprint.write_report(result, "out", gallery=gallery, query_root="town").name
    'report.html'
    """
    told = Findings(**findings)
    require_room(Path(out))
    page = render(result, told, gallery=gallery, query_root=query_root, progress=progress)
    report = Path(out) / REPORT
    learned = {} if told.diagnosis is None else {"lessons": told.diagnosis.to_dict()}
    write_json(report.with_suffix(".json"), result.to_dict(every_query=True) | learned)
    write_atomic(report, page.encode("utf-8"))
    return report


def require_room(out: Path) -> None:
    """Refuse a folder where a report would overwrite files that placeprint did not write. Raises `UsageError`."""
    require_ours(out / REPORT, is_page, most=_HEAD_BYTES)
    require_ours((out / REPORT).with_suffix(".json"), lambda data: has_keys(data, "protocol", "headlines", "queries"))


def require_page(page: Path | str) -> Path:
    """Return the path of a page; refuse one that cannot be written, before anything is computed.

    Raises `UsageError`.
    """
    page = Path(page)
    if page.is_dir():
        raise UsageError(f'"{page}" is a folder: name the file of the page, as "{page / "page.html"}"')
    require_ours(page, is_page, most=_HEAD_BYTES)
    return page


def is_page(data: bytes) -> bool:
    """Return whether placeprint wrote this page."""
    return b'<meta name="generator" content="placeprint">' in data[:_HEAD_BYTES]


def render(
    result: EvaluationResult,
    told: Findings = _NOTHING_MORE,
    *,
    gallery: AnyGallery,
    query_root: Path | str | None,
    progress: Progress | None = None,
) -> str:
    """Return the page; parameters as in `write_report`."""
    from importlib.metadata import version

    gallery_image = images_of(gallery)
    if query_root is None:
        images = [gallery_image(query.own_rows[0]) for query in result.queries]
    else:
        images = [ImageFile(Path(query_root), q.path) for q in result.queries]
    sheets = choose_cases(result, query_images=images, gallery_image=gallery_image)
    numbers = {query: number for number, query in enumerate(result.queries)}
    return (
        environment()
        .get_template("template.html.j2")
        .render(
            result=result,
            headline=headline(result),
            more=more(result),
            sheets=sheets,
            thumbnails=thumbnails(sheets.images(), progress=progress),
            explained=explain_cases(
                sheets, numbers, gallery=gallery, parts=told.parts or {}, gallery_image=gallery_image
            ),
            unexplained="" if told.parts is None else what_is_missing(gallery, told.parts),
            histogram=score_histogram(result),
            risk=risk_curve(result),
            claimed=reliability_curve(result),
            trade_off=trade_off_curve(result),
            tolerances=tolerance_curves(result.tolerances),
            queries=worst_first(result)[:MAX_QUERIES],
            thresholds=thresholds_of(result),
            diagnosis=told.diagnosis,
            findings=None if told.check is None else told.check.summary(),
            no_problems="" if told.check is None else told.check.no_problems,
            index_asked=gallery.index_name,
            max_rows=MAX_ROWS,
            shown_misses=SHOWN_MISSES,
            version=version("placeprint"),
        )
    )


def images_of(gallery: AnyGallery) -> Callable[[int], ImageFile]:
    """Return a function from a gallery row to its image."""

    def image(row: int) -> ImageFile:
        return ImageFile(*gallery.located(row))

    return image
