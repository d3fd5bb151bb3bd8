"""The result of a check, as columns and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.dataset.checks.baseline import Baseline
from placeprint.dataset.checks.duplicates import DuplicatePairs, Exact, Relation
from placeprint.dataset.checks.measurements import ImageFacts
from placeprint.dataset.checks.rules import RULES, Finding, Severity, duplicate_check, finding
from placeprint.dataset.overview import Overview
from placeprint.records import FailedImage, ImageRecord
from placeprint.terminal import counted

FORMAT = 1
"""Version of the dictionary that `CheckReport.to_dict` returns."""

_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class ImageTable:
    """The images that could be read: their records, facts, and a score and a verdict for each check."""

    records: tuple[ImageRecord, ...]  # With content hash, width and height.
    facts: tuple[ImageFacts, ...]
    scores: Mapping[str, Floats]  # Each (n_images,): By the name of the check.
    verdicts: Mapping[str, Flags]  # Each (n_images,): True where the check flags the image.

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.records)

    def row(self, index: int) -> dict[str, Any]:
        """Return one image, ready for JSON."""
        record, facts = self.records[index], self.facts[index]
        return {
            "path": record.path,
            "split": str(record.split),
            "places": list(record.places),
            "width": facts.width,
            "height": facts.height,
            "bytes": facts.bytes,
            "content_hash": facts.content_hash,
            "pixel_hash": facts.pixel_hash,
            "dhash": f"{facts.dhash:016x}",
            "scores": {name: float(column[index]) for name, column in self.scores.items()},
            "flagged": [name for name, column in self.verdicts.items() if column[index]],
        }


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """All findings of one check.

    Attributes
    ----------
    check, severity, advice
        Of the rule.
    count : int
        Findings; for duplicates, pairs.
    new : int or None
        How many of them are not in the baseline; None when no baseline can tell.
    example : Finding
        The first.

    Examples
    --------
    >>> import placeprint
    >>> [(row.check, row.count) for row in placeprint.check("town").summary()][:2]
    [('empty', 1), ('missing', 1)]
    """

    check: str
    severity: Severity
    count: int
    new: int | None
    example: Finding
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """The result of `placeprint.dataset.checks.check.check`.

    Attributes
    ----------
    root : Path
        The folder that all paths are relative to.
    source : str
        How the dataset was understood.
    images : ImageTable
        What could be read; `pairs` refers to its rows.
    failures : tuple of FailedImage
        What could not; each is also a finding.
    findings : tuple of Finding
        All but the duplicates, errors first, then by check.
    pairs : DuplicatePairs
    hamming, min_side : int
        The settings of the check.
    baseline : Baseline or None
    overview : Overview
        How the dataset was understood.

    Examples
    --------
    >>> import placeprint
    >>> report = placeprint.check("town")
    >>> report.ok, report.findings[0].check
    (False, 'empty')
    """

    root: Path
    source: str
    images: ImageTable
    failures: tuple[FailedImage, ...]
    findings: tuple[Finding, ...]
    pairs: DuplicatePairs
    hamming: int = 5
    min_side: int = 32
    baseline: Baseline | None = None
    overview: Overview | None = None

    def __repr__(self) -> str:
        """Say how much was found."""
        return f"<CheckReport of {self.root}: {counted(len(self.findings), 'finding')}, {self.errors} of them errors>"

    @property
    def errors(self) -> int:
        """Number of errors, duplicates included."""
        apart = np.isin(self.pairs.relation, [r for r in Relation if r.different_places])
        exact = self.pairs.exact != Exact.NONE
        return sum(f.severity is Severity.ERROR for f in self.findings) + int((apart & exact).sum())

    @property
    def ok(self) -> bool:
        """True when there are no errors."""
        return self.errors == 0

    def counts(self) -> dict[str, int]:
        """Count ``images``, ``failed``, ``places``, and the images of each split."""
        splits = Counter(str(r.split) for r in self.images.records)
        places = {place for r in self.images.records for place in r.places}
        return {
            "images": len(self.images),
            "failed": len(self.failures),
            "places": len(places),
            **{split: splits[split] for split in ("gallery", "query", "none")},
        }

    @property
    def no_problems(self) -> str:
        """The message for a check without findings."""
        counts = self.counts()
        found = f"{counted(counts['images'], 'image')} of {counted(counts['places'], 'place')}"
        return f"no problems found: {found}, and all could be read"

    def duplicates(self, *, within: int | None = None) -> Iterator[Finding]:
        """Yield one finding for each pair, exact ones first.

        Parameters
        ----------
        within : int, optional
            Leave out near pairs with a greater distance.
        """
        pairs = self.pairs if within is None else self.pairs.within(within)
        for row in range(len(pairs)):
            yield self._duplicate(pairs, row)

    def _duplicate(self, pairs: DuplicatePairs, row: int) -> Finding:
        first, second = (self.images.records[i].path for i in (pairs.first[row], pairs.second[row]))
        exact, relation = Exact(pairs.exact[row]), Relation(pairs.relation[row])
        how = {
            Exact.BYTES: "the same bytes",
            Exact.PIXELS: "the same pixels",
            Exact.NONE: f"{pairs.distance[row]} of 64 bits differ",
        }
        text = f"{how[exact]}, {relation.label.replace('-', ' ')}"
        found = finding(duplicate_check(exact, relation), text, first, second, score=float(pairs.distance[row]))
        return found if self.baseline is None else replace(found, known=self.baseline.knows_pair(first, second))

    def all_findings(self) -> Iterator[Finding]:
        """Yield the findings, then the duplicates."""
        yield from self.findings
        yield from self.duplicates()

    def summary(self) -> list[SummaryRow]:
        """Return one row for each check that found something, the worst first."""
        first: dict[str, Finding] = {}
        count: Counter[str] = Counter()
        known: Counter[str] = Counter()
        for found in self.all_findings():
            first.setdefault(found.check, found)
            count[found.check] += 1
            known[found.check] += found.known is True
        rows = [
            SummaryRow(
                name,
                example.severity,
                count[name],
                None if example.known is None else count[name] - known[name],
                example,
                RULES[name].advice,
            )
            for name, example in first.items()
        ]
        return sorted(rows, key=lambda row: (_SEVERITIES.index(row.severity), row.check))

    def new(self) -> list[Finding] | None:
        """Return the findings that are not in the baseline; None without one."""
        return None if self.baseline is None else [f for f in self.all_findings() if f.known is False]

    def table(self) -> list[dict[str, Any]]:
        """Return one row a finding."""
        return [
            {"severity": f.severity.value, "check": f.check, "paths": f.paths, "message": f.message, "score": f.score}
            for f in self.findings
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; it can be the baseline of a later check."""
        new = self.new()
        return {
            "tool": "placeprint check",
            "format": FORMAT,
            "source": self.source,
            "understood": None if self.overview is None else self.overview.to_dict(),
            "ok": self.ok,
            "errors": self.errors,
            "new": None if new is None else len(new),
            "counts": self.counts(),
            "parameters": {"hamming": self.hamming, "hamming_used": self.pairs.hamming, "min_side": self.min_side},
            "summary": [
                {"check": r.check, "severity": r.severity.value, "count": r.count, "new": r.new, "advice": r.advice}
                for r in self.summary()
            ],
            "findings": [_finding_row(f) for f in self.findings],
            "pairs": [self._pair_row(row) for row in range(len(self.pairs))],
            "images": [self.images.row(i) for i in range(len(self.images))],
        }

    def _pair_row(self, row: int) -> dict[str, Any]:
        found = self._duplicate(self.pairs, row)
        return {
            "first": found.paths[0],
            "second": found.paths[1],
            "distance": int(self.pairs.distance[row]),
            "exact": Exact(self.pairs.exact[row]).label,
            "relation": Relation(self.pairs.relation[row]).label,
            "check": found.check,
            "severity": found.severity.value,
            "known": found.known,
        }


def _finding_row(found: Finding) -> dict[str, Any]:
    return {
        "check": found.check,
        "severity": found.severity.value,
        "paths": list(found.paths),
        "message": found.message,
        "score": found.score,
        "known": found.known,
    }
