"""Check a dataset: every image is read once, and whatever is wrong becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from placeprint.dataset.checks.baseline import Baseline
from placeprint.dataset.checks.duplicates import DuplicatePairs, find_duplicates
from placeprint.dataset.checks.jumps import jump_findings
from placeprint.dataset.checks.labels import label_findings
from placeprint.dataset.checks.measurements import ImageFacts, measure_files
from placeprint.dataset.checks.report import CheckReport, ImageTable
from placeprint.dataset.checks.rules import BLANK, DAMAGED, IMAGE_RULES, Finding, ImageRule, Severity, finding
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.overview import Overview
from placeprint.dataset.scan import read_dataset
from placeprint.errors import UsageError
from placeprint.progress import Progress, Stretch
from placeprint.records import FailedImage, ImageRecord


def check(
    dataset: Path | str | Manifest,
    *,
    hamming: int = 5,
    min_side: int = 32,
    workers: int | None = None,
    baseline: Path | str | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Find what is wrong with a dataset's images, labels and splits.

    Every file is read and decoded once, at full size. The rules are in `placeprint.dataset.checks.rules`.

    Parameters
    ----------
    dataset : Path, str or Manifest
        A folder, a manifest file, or a manifest that was read already.
    hamming : int
        Bits of the 64-bit dHash in which near duplicates may differ; `DuplicatePairs.within` narrows it afterwards.
    min_side : int
        Pixels that the shorter side of an image should have.
    workers : int, optional
        Decoding threads; by default one for each core, at most 8.
    baseline : Path or str, optional
        The JSON of an earlier check, or a published list of duplicates: findings then say whether they are known.
    progress : Progress, optional

    Raises
    ------
    UsageError
        When a number is out of range.
    DatasetError
        When there is no dataset, or the baseline cannot be read.

    Examples
    --------
    >>> import placeprint
    >>> [(row.check, row.count) for row in placeprint.check("town").summary()][:2]
    [('empty', 1), ('missing', 1)]
    """
    _refuse_bad_options(hamming, min_side, workers)
    known = None if baseline is None else Baseline.read(Path(baseline))
    manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
    rules = _rules(min_side)
    images, failed = _measure(manifest, rules, workers, progress)
    failures, pairs = (*manifest.failures, *failed), _duplicates(images, hamming)
    found = [finding(f.kind, f.reason, f.path) for f in (*failures, *manifest.position_faults)]
    found += [*_image_findings(images, rules), *_cut(pairs, hamming), *_listed_findings(manifest, images)]
    return CheckReport(
        root=manifest.root,
        source=manifest.source,
        images=images,
        failures=failures,
        findings=_sorted(found, known),
        pairs=pairs,
        hamming=hamming,
        min_side=min_side,
        baseline=known,
        overview=Overview.of(manifest),
    )


def with_findings(report: CheckReport, found: Sequence[Finding]) -> CheckReport:
    """Return a report with more findings, which a room above made."""
    return replace(report, findings=_sorted((*report.findings, *found), report.baseline))


def _refuse_bad_options(hamming: int, min_side: int, workers: int | None) -> None:
    if not 0 <= hamming <= 64:
        raise UsageError(f"hamming is {hamming}: give 0 to 64, the bits of a dHash")
    if min_side < 1:
        raise UsageError(f"min_side is {min_side}: give at least 1 pixel")
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}: give at least 1")


def _measure(
    manifest: Manifest, rules: Sequence[ImageRule], workers: int | None, progress: Progress | None
) -> tuple[ImageTable, list[FailedImage]]:
    """Measure and judge each file once, also when the manifest lists it twice."""
    paths = list(dict.fromkeys(r.path for r in manifest.records))
    measured: dict[str, ImageFacts] = {}
    failed: list[FailedImage] = []
    with Stretch(progress, "checking", len(paths)) as step:
        for path, result in zip(paths, measure_files(manifest.root, paths, workers=workers), strict=True):
            if isinstance(result, FailedImage):
                failed.append(result)
            else:
                measured[path] = result
            step()
    usable = [r for r in manifest.records if r.path in measured]
    facts = tuple(measured[r.path] for r in usable)
    records = (
        replace(r, content_hash=f.content_hash, width=f.width, height=f.height)
        for r, f in zip(usable, facts, strict=True)
    )
    return _table(tuple(records), facts, rules), failed


def _rules(min_side: int) -> tuple[ImageRule, ...]:
    return tuple(replace(r, threshold=float(min_side)) if r.name == "too-small" else r for r in IMAGE_RULES)


def _table(records: tuple[ImageRecord, ...], facts: tuple[ImageFacts, ...], rules: Sequence[ImageRule]) -> ImageTable:
    scores = {rule.name: np.array([rule.score(f) for f in facts], dtype=np.float64) for rule in rules}
    verdicts = {rule.name: rule.verdict(scores[rule.name]) for rule in rules}
    return ImageTable(records, facts, scores, verdicts)


def _whole(images: ImageTable) -> list[ImageRecord]:
    return [r for r, damaged in zip(images.records, images.verdicts[DAMAGED], strict=True) if not damaged]


def _duplicates(images: ImageTable, hamming: int) -> DuplicatePairs:
    return find_duplicates(
        images.records,
        [f.pixel_hash for f in images.facts],
        dhashes=np.array([f.dhash for f in images.facts], dtype=np.uint64),
        blank=images.verdicts[BLANK] | images.verdicts[DAMAGED],
        distance=hamming,
    )


def _image_findings(images: ImageTable, rules: Sequence[ImageRule]) -> Iterator[Finding]:
    told = set()
    for rule in rules:
        for row in np.flatnonzero(images.verdicts[rule.name]):
            path, score = images.records[row].path, float(images.scores[rule.name][row])
            if (rule.name, path) not in told:  # a file that is listed twice is one finding
                told.add((rule.name, path))
                yield finding(rule.name, rule.message(score), path, score=score)


def _listed_findings(manifest: Manifest, images: ImageTable) -> Iterator[Finding]:
    yield from label_findings(manifest, _whole(images))
    yield from jump_findings(manifest.records)


def _cut(pairs: DuplicatePairs, hamming: int) -> Iterator[Finding]:
    if pairs.hamming < hamming:
        text = f"there are too many near duplicates to list: only those within {pairs.hamming} bits are"
        yield finding("near-duplicates-cut", text)


def _sorted(findings: Sequence[Finding], known: Baseline | None) -> tuple[Finding, ...]:
    order = list(Severity)
    ranked = sorted(findings, key=lambda f: (order.index(f.severity), f.check, f.paths))
    return tuple(ranked if known is None else (replace(f, known=known.knows(f)) for f in ranked))
