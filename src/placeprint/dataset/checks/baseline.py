"""The findings of an earlier check, to tell which of those of a new one are new."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PureWindowsPath
from typing import Any, Self

from placeprint.dataset.checks.rules import Finding
from placeprint.errors import DatasetError
from placeprint.storage.regular_files import read_regular

LARGEST = 1 << 28

Key = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings of an earlier check."""

    # Paths of duplicates, in alphabetical order; a pair is known whatever its distance was.
    pairs: frozenset[tuple[str, str]]
    findings: frozenset[Key] | None  # All other findings; None when the file lists only duplicates.

    def knows_pair(self, first: str, second: str) -> bool:
        """Return whether these two were duplicates before."""
        return _pair(first, second) in self.pairs

    def knows(self, finding: Finding) -> bool | None:
        """Return whether a finding was there before; None when the baseline cannot tell."""
        return None if self.findings is None else _key(finding.check, finding.paths, finding.message) in self.findings

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the JSON of an earlier ``check --json``, or a list of duplicates as it is published.

        Raises `DatasetError` when the file cannot be read, or is neither.
        """
        try:
            content = json.loads(read_regular(path, LARGEST))
        except (OSError, ValueError) as error:
            raise DatasetError(f'the baseline "{path}" cannot be read: {error}') from error
        try:
            if content["tool"] == "placeprint check":
                return cls(_own_pairs(content), _own_findings(content))
        except (KeyError, TypeError):
            pass
        try:
            return cls(frozenset(_published_pairs(content)), None)
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(
                f'"{path}" is not a baseline: give the output of "placeprint check --json", '
                "or a list with exact_duplicates and near_duplicates"
            ) from error


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)


def _key(check: str, paths: tuple[str, ...], message: str) -> Key:
    """Identify a finding by its images, or by its message when it has none."""
    return check, tuple(sorted(paths)), "" if paths else message


def _own_pairs(content: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(_pair(row["first"], row["second"]) for row in content["pairs"])


def _own_findings(content: Mapping[str, Any]) -> frozenset[Key]:
    return frozenset(_key(row["check"], tuple(row["paths"]), row["message"]) for row in content["findings"])


def _published_pairs(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Read groups of equal images, and near pairs; paths are below `dataset_root`, or begin with its name."""
    root = PureWindowsPath(content.get("parameters", {}).get("dataset_root", "")).name
    for prefix in {"", f"{root}/" if root else ""}:
        for groups in content["exact_duplicates"].values():
            for group in groups if isinstance(groups, list) else ():
                for first, second in combinations(group["images"], 2):
                    yield _pair(prefix + first, prefix + second)
        for row in content["near_duplicates"]["pairs"]:
            yield _pair(prefix + row["query_image"], prefix + row["gallery_image"])
