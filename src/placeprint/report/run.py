"""Check, index, evaluate and report: what ``placeprint run`` and ``placeprint.run`` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset.checks.check import check
from placeprint.dataset.checks.report import CheckReport
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.evaluation.diagnosis.diagnosis import Lessons, learn
from placeprint.evaluation.evaluate import evaluate_sides
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.inputs import gather
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import refuse_strangers
from placeprint.indexing.folder import index as make_index
from placeprint.presets import DEFAULT_PRESET, Preset
from placeprint.progress import Progress
from placeprint.report.html import require_room, write_report

GALLERY = "gallery"
"""Folder of a run."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything that one run made.

    Attributes
    ----------
    check : CheckReport
    gallery : Gallery
    evaluation : EvaluationResult
    lessons : Lessons
    report : Path
        The HTML file.
    not_calibrated : str
        Why the gallery was not calibrated; empty where it was.
    """

    check: CheckReport
    gallery: AnyGallery
    evaluation: EvaluationResult
    lessons: Lessons
    report: Path
    not_calibrated: str = ""


def run(
    dataset: Path | str | Manifest,
    out: Path | str,
    *,
    model: str | None = None,
    index: str = "auto",
    runner: str = "openvino",
    preset: str | Preset = DEFAULT_PRESET,
    threshold: float | None = None,
    margin_threshold: float | None = None,
    radius: float | None = None,
    cache: bool = True,
    workers: int | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Do the whole job on a dataset; OUT holds ``gallery``, ``report.html`` and ``report.json``.

    Parameters are those of `placeprint.index` and `placeprint.evaluate`.

    Raises
    ------
    UsageError
        Also where OUT is a file, or a folder of the dataset that holds its photographs.
    DatasetError, GalleryError, ModelError
    """
    manifest, out = dataset if isinstance(dataset, Manifest) else read_dataset(dataset), Path(out)
    _require_apart(out, manifest)
    refuse_strangers(out / GALLERY)
    require_room(out)
    checked = check(manifest, progress=progress)
    done = make_index(
        manifest,
        out / GALLERY,
        model=model or DEFAULT_MODEL,
        index=index,
        runner=runner,
        preset=preset,
        cache=cache,
        workers=workers,
        replace=replace,
        progress=progress,
    )
    sides = gather(
        manifest,
        gallery=done.gallery,
        embeddings=None,
        records=None,
        model=model,
        index=index,
        runner=runner,
        preset=None,
        cache=cache,
        progress=progress,
    )
    sides = sides.judged(choose_truth(sides.gallery.records, sides.queries, radius=radius))
    result = evaluate_sides(
        sides, threshold=threshold, margin_threshold=margin_threshold, radius=radius, progress=progress
    )
    lessons = learn(result, sides, check=checked, root=manifest.root)
    report = write_report(
        result,
        out,
        gallery=done.gallery,
        query_root=manifest.root,
        check=checked,
        lessons=lessons,
        parts=sides.parts,
        progress=progress,
    )
    return RunResult(checked, done.gallery, result, lessons, report, done.not_calibrated)


def _require_apart(out: Path, manifest: Manifest) -> None:
    """Refuse to put a gallery and a report among photographs, where they would be read as a part of the dataset.

    Raises
    ------
    UsageError
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
