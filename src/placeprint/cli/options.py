"""Arguments and options that several verbs share; `placeprint.cli.option_records` makes options of the records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.errors import UsageError
from placeprint.options import DecisionOptions, Imported
from placeprint.progress import on_stderr

if TYPE_CHECKING:
    from placeprint.progress import Progress

Dataset = Annotated[Path, typer.Argument(help="A folder of photos by place, or a manifest (.csv, .jsonl).")]
LayoutName = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How to read the folders when two layouts fit: split-first, place-first, places, flat, or the folders of "
        "gallery and queries: train/val, train+val/test.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a dataset is read: its folders, and where its photos were taken."""

    layout: LayoutName = None
    gpx: Annotated[
        Path | None,
        typer.Option("--gpx", help="A GPX track that gives positions to photos without one, by their time of capture."),
    ] = None
    clock_offset: Annotated[
        str | None,
        typer.Option(
            "--clock-offset",
            metavar="+HH:MM",
            help="How far the camera's clock is ahead of UTC, or of the time zone that its photos state; with --gpx.",
        ),
    ] = None


GalleryPath = Annotated[
    str, typer.Argument(metavar="GALLERY", help="A gallery's folder, or its address: milvus://host:19530/name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace an existing gallery even if it would lose something.")
]


AsCsv = Annotated[
    bool, typer.Option("--csv", help="Print CSV for spreadsheets; text that would run as a formula gets a ' in front.")
]


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form in which a table is printed: for people, as JSON or as CSV."""

    as_json: AsJson = False
    as_csv: AsCsv = False

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        if self.as_json and self.as_csv:
            raise UsageError("--json and --csv are two forms of the same: give one")


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is printed: text or JSON, and progress beside the text."""

    as_json: AsJson = False
    quiet: Quiet = False

    @property
    def progress(self) -> Progress | None:
        """What shows progress on stderr; None where nothing is to be shown."""
        return on_stderr(quiet=self.quiet or self.as_json)


@dataclass(frozen=True, kw_only=True)
class TableOutput(Form):
    """What is printed where a table comes out, and progress beside it."""

    quiet: Quiet = False

    @property
    def progress(self) -> Progress | None:
        """What shows progress on stderr; None where nothing is to be shown."""
        return on_stderr(quiet=self.quiet or self.as_json or self.as_csv)


@dataclass(frozen=True, kw_only=True)
class Searched(Reading, Imported):
    """What is searched, and how what is asked is read."""

    gallery: Annotated[
        str | None, typer.Option("--gallery", "-g", help="The gallery to search: a folder or an address.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Judged(DecisionOptions):
    """When a place is accepted, and when it is right."""

    radius: Annotated[
        float | None, typer.Option("--radius", help="A match is right within this many metres, by coordinates.")
    ] = None
