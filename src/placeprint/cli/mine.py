"""The verb mine."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing, slips
from placeprint.cli.option_records import Without, given
from placeprint.errors import UsageError
from placeprint.options import BuildOptions
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.evaluation.mining.result import MinedImage, MiningResult, PlacePair
    from placeprint.records import Match

Row = tuple[str | tuple[str, ...] | float, ...]

SHOWN = 10
COLUMNS = (
    "anchor",
    "positive",
    "negative",
    "anchor_places",
    "positive_places",
    "negative_places",
    "positive_score",
    "negative_score",
)
"""Of a triplet; in a CSV several places are joined by ``|``."""


@dataclass(frozen=True, kw_only=True)
class Mined:
    """How much is looked for, and by which index."""

    negatives: Annotated[int, typer.Option(help="Hard negatives per photo.")] = 10
    positives: Annotated[int, typer.Option(help="Hard positives per photo.")] = 1
    pairs: Annotated[int, typer.Option(help="Most pairs of confusable places to list.")] = 100
    index: Annotated[str, typer.Option("--index", help="How neighbours are found: auto, exact or faiss.")] = "exact"


def mine(
    context: typer.Context,
    dataset: Annotated[Path | None, typer.Argument(help="A folder of photos by place, or a manifest.")] = None,
    *,
    searched: options.Searched,
    mined: Mined,
    build: Annotated[BuildOptions, Without("workers", "index")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write triplets to this .jsonl or .csv.")] = None,
    output: options.TableOutput,
) -> None:
    """Find hard negatives and confusable places: what to train on, and what to photograph next."""
    if out is not None and out.suffix not in (".jsonl", ".csv"):
        raise UsageError(f'"{out}": triplets are written to a file that ends in .jsonl or .csv')
    from placeprint.evaluation.mining.mine import mine as dig
    from placeprint.storage.atomic import require_ours

    if out is not None:
        require_ours(out, _are_triplets)

    slips.refuse_more(dataset, context.args)
    result = dig(
        datasets.asked(dataset, searched),
        gallery=searched.gallery,
        embeddings=searched.embeddings,
        records=searched.records,
        progress=output.progress,
        **given(mined, build),
    )
    written = None if out is None else write_triplets(out, result)
    if output.as_json:
        printing.show_json(result.to_dict() | {"triplets": written})
        return
    if output.as_csv:
        printing.show_csv(result.table())
        return
    show_mining(result)
    if written is not None:
        printing.say("", f"{out}: {counted(written, 'triplet')}; paths are relative to {' and '.join(result.roots)}")


def write_triplets(path: Path, result: MiningResult) -> int:
    """Write one line a triplet, as JSON Lines or CSV by the file's ending, atomically; return how many."""
    from placeprint.storage.atomic import write_atomic

    rows = (_row(*triplet) for triplet in result.triplets())
    buffer = io.StringIO(newline="")
    count = _write_csv(buffer, rows) if path.suffix == ".csv" else _write_json_lines(buffer, rows)
    write_atomic(path, buffer.getvalue().encode("utf-8", errors="surrogateescape"))
    return count


def _are_triplets(data: bytes) -> bool:
    """Return whether `write_triplets` wrote this."""
    from placeprint.storage.atomic import has_keys

    header = io.StringIO(newline="")
    _write_csv(header, ())
    return data.startswith(header.getvalue().encode()) or has_keys(data.split(b"\n", 1)[0], *COLUMNS)


def _write_json_lines(file: io.StringIO, rows: Iterable[Row]) -> int:
    lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
    return sum(file.write(line) > 0 for line in lines)


def _write_csv(file: io.StringIO, rows: Iterable[Row]) -> int:
    table = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    table.writerow(COLUMNS)
    return sum(table.writerow("|".join(c) if isinstance(c, tuple) else c for c in row) > 0 for row in rows)


def _row(anchor: MinedImage, positive: Match, negative: Match) -> Row:
    images = (anchor, positive, negative)
    return (*(i.path for i in images), *(i.places for i in images), positive.score, negative.score)


def show_mining(result: MiningResult) -> None:
    """Print what is confused, the hardest photos, and what to look at before training."""
    printing.show_failures(result.unusable)
    printing.say(f"{result.dataset}: {result.says}; {counted(result.n_gallery, 'gallery image')}, model {result.model}")
    if result.set_aside:
        printing.say(f"not asked: {', '.join(aside.says for aside in result.set_aside)}")
    if result.pairs:
        title = (
            f"Confusable pairs of places ({result.n_pairs}): "
            "photos of one whose nearest photo of another place shows the other"
        )
        columns: Sequence[str] = ("place", "and", "photos", "mistaken", "highest", "mean", "photos to take")
        printing.table(columns, [_pair(p) for p in result.pairs[:SHOWN]], title=title, right=(2, 3, 4, 5))
    judged = [row for anchor in result.anchors[:SHOWN] if (row := _hard(anchor))]
    if judged:
        nearer = counted(len(result.violations), "photo is", "photos are")
        title = f"Hardest triplets: {nearer} nearer to another place than to its own"
        columns = ("photo", "own place's nearest", "score", "another place's nearest", "score", "margin")
        printing.table(columns, judged, title=title, right=(2, 4, 5))
    _show_doubtful(result)


def _pair(pair: PlacePair) -> Sequence[str]:
    counts = (str(pair.anchors), str(pair.violations))
    return (*pair.places, *counts, f"{pair.highest:.3f}", f"{pair.mean:.3f}", pair.advice)


def _hard(anchor: MinedImage) -> Sequence[str]:
    own, other = anchor.best_positive, next(iter(anchor.negatives), None)
    if own is None or other is None:
        return ()
    return (anchor.path, own.path, f"{own.score:.3f}", other.path, f"{other.score:.3f}", f"{anchor.margin:.3f}")


def _show_doubtful(result: MiningResult) -> None:
    """Print what is wrong with the labels: suspects, places of one photo, photos without a place."""
    if result.suspects:
        printing.table(
            ("photo", "place", "and", "place", "alike"),
            [
                (s.path, "|".join(s.places), s.other.path, "|".join(s.other.places), s.how)
                for s in result.suspects[:SHOWN]
            ],
            title=f"Suspect labels ({len(result.suspects)}): a wrong label, or the same place twice",
        )
    for names, what in (
        (result.without_positives, "Places without a second photo in the gallery, so without a positive"),
        (result.unlabelled, "Photos without a place, left out"),
    ):
        if names:
            shown = ", ".join(names[:SHOWN])
            printing.say("", f"{what} ({len(names)}): {shown}{', …' if len(names) > SHOWN else ''}")
