"""Checks, indexes, evaluates and reports: ``placeprint run`` and ``placeprint.run``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from placeprint.dataset.checks.check import check
from placeprint.dataset.checks.report import CheckReport
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.errors import UsageError
from placeprint.evaluation.diagnosis.diagnosis import Diagnosis, diagnose
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import refuse_strangers
from placeprint.grouping.result import Grouping
from placeprint.indexing.folder import index_source
from placeprint.indexing.sources import open_source
from placeprint.options import BuildOptions, BuildWords, DecisionOptions, DecisionWords, records_of
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.report.html import require_room, write_report
from placeprint.report.unlabelled import PAGE, gallery_of, grouped, refuse_unlabelled, to_group

GALLERY = "gallery"
"""Folder of a run."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything that one run produced.

    Attributes
    ----------
    check : CheckReport
    gallery : Gallery or None
        None where no photo had a place and none was found.
    evaluation : EvaluationResult or None
    diagnosis : Diagnosis or None
        None where there was neither a place nor a position to judge by.
    report : Path
        The HTML file.
    not_calibrated : str
        Why the gallery was not calibrated; empty where it was.
    grouping : Grouping or None
        The places that were found among photos without labels; None where they have some.
    map : Path or None
        A KML of the photos' positions; None where photos have labels, or no positions.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.run("town", "out")  # doctest: +SKIP
    >>> done.evaluation.recall[1], done.report  # doctest: +SKIP
    """

    check: CheckReport
    gallery: AnyGallery | None
    evaluation: EvaluationResult | None
    diagnosis: Diagnosis | None
    report: Path
    not_calibrated: str = ""
    grouping: Grouping | None = None
    map: Path | None = None

    def __repr__(self) -> str:
        """Say what was measured, and where the report is."""
        return f"<RunResult: {self.evaluation or self.grouping!r}; {self.report}>"


class RunWords(BuildWords, DecisionWords, total=False):
    """Keywords of `run`."""


def run(
    dataset: Path | str | Manifest,
    out: Path | str,
    *,
    radius: float | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    **options: Unpack[RunWords],
) -> RunResult:
    """Check, index and evaluate a dataset; OUT gets ``gallery``, ``report.html`` and ``report.json``.

    Without labels OUT gets ``groups.html``, with positions ``photos.kml``, and without any no report.

    Parameters
    ----------
    dataset : Path, str or Manifest
    out : Path or str
        A folder; made when it is not there.
    radius : float, optional
        Metres within which a match is right, instead of places.
    replace : bool
        Whether the gallery in it may lose something.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``, ``preset``, ``index``, ``threshold``, ``margin_threshold``,
        ``false_accept_rate``, as in `placeprint.evaluate`.

    Raises
    ------
    UsageError
        Also where OUT is a file, or a folder of the dataset that holds its images.
    DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.run("town", "out", preset="fast")
    >>> done.evaluation.recall[1], done.report.name
    (1.0, 'report.html')
    """
    build, decision = records_of(options, BuildOptions, DecisionOptions)
    manifest, out = _usable(dataset, Path(out)), Path(out)
    checked = check(manifest, progress=progress)
    grouping, located = grouped(manifest, out, build, progress) if to_group(manifest, radius) else (None, None)
    if grouping is not None and not any(record.degrees or record.metres for record in manifest.records):
        gallery = gallery_of(grouping, manifest, out / GALLERY, build, replace=replace, progress=progress)
        return RunResult(checked, gallery, None, None, out / PAGE, grouping=grouping)
    done = index_source(open_source(manifest), out / GALLERY, build, replace=replace, progress=progress)
    inputs, result, diagnosis = _evaluated(manifest, done.gallery, build, decision, radius, checked, progress)
    report = write_report(
        result,
        out,
        gallery=done.gallery,
        query_root=manifest.root,
        progress=progress,
        check=checked,
        diagnosis=diagnosis,
        parts=inputs.queries.parts,
    )
    return RunResult(checked, done.gallery, result, diagnosis, report, done.not_calibrated, grouping, located)


def _evaluated(
    manifest: Manifest,
    gallery: AnyGallery,
    build: BuildOptions,
    decision: DecisionOptions,
    radius: float | None,
    checked: CheckReport,
    progress: Progress | None,
) -> tuple[Inputs, EvaluationResult, Diagnosis]:
    """Ask the gallery what can be judged, and tell why it fails."""
    with opened_cache(build.cache):  # keeps what is matched
        inputs = gather(manifest, gallery, options=dataclasses.replace(build, preset=None), progress=progress)
        inputs = inputs.judged(choose_truth(inputs.gallery.records, inputs.queries.records, radius=radius))
        result = evaluate_inputs(inputs, decision=decision, radius=radius, progress=progress)
        return inputs, result, diagnose(result, inputs, check=checked, root=manifest.root)


def _usable(dataset: Path | str | Manifest, out: Path) -> Manifest:
    """Read a dataset; refuse a folder that takes no gallery and no report. Raises `UsageError`."""
    manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
    _require_apart(out, manifest)
    refuse_strangers(out / GALLERY)
    require_room(out)
    if to_group(manifest):
        refuse_unlabelled(out)
    return manifest


def _require_apart(out: Path, manifest: Manifest) -> None:
    """Refuse to write a gallery and a report among images, where they would be read as part of the dataset.

    Raises `UsageError`.
    """
    root, folder = manifest.root.resolve(), out.resolve()
    if not folder.is_relative_to(root):
        return
    names = folder.relative_to(root).parts
    if any(tuple(record.path.split("/")[: len(names)]) == names for record in manifest.records):
        apart = folder.with_name(f"{folder.name}-run")
        raise UsageError(
            f'"{out}" holds photographs of the dataset, and a run writes a gallery and a report there: '
            f'give a folder of its own, as -o "{apart}"'
        )
