"""Make a record of each row of a table, or a failure with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from placeprint.dataset.files import CONTROL, refuse_odd_name
from placeprint.dataset.positions import Position, completed
from placeprint.dataset.reserved_labels import refuse_unknown
from placeprint.dataset.tables.cells import MISSING, decimal, is_doubtful, labels, present, whole
from placeprint.dataset.tables.columns import Columns, names_of, quoted
from placeprint.dataset.tables.encoding import WINDOWS
from placeprint.dataset.tables.paths import Folder
from placeprint.dataset.tables.rows import Row, Table
from placeprint.errors import ImageError, UsageError
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.terminal import counted


class UnknownSplitError(ValueError):
    """A row's split is not a known name."""


def record_of(row: Row, columns: Columns, folder: Folder, splits: Mapping[str, Split]) -> ImageRecord | FailedImage:
    """Return the record of a row, or a failure with the reason."""
    try:
        if row.fault:
            raise ValueError(row.fault)
        return _record(row, columns, folder, splits)
    except ImageError as error:
        kind, reason = error.kind, error.reason
    except (UsageError, ValueError) as error:
        kind = "unknown-split" if isinstance(error, UnknownSplitError) else "bad-row"
        reason = str(error)
    path = row.cells.get(columns.of(row.cells).get("path", ""), "").strip()
    if not path:  # the row's number takes the place of its path
        return FailedImage(f"row {row.number}", kind, reason)
    return FailedImage(path, kind, f"row {row.number}: {reason}")


def _record(row: Row, columns: Columns, folder: Folder, splits: Mapping[str, Split]) -> ImageRecord:
    named = columns.of(row.cells)
    value = {field: present(row.cells[column]) for field, column in named.items()}
    used = {column for field, column in named.items() if field != "title"}  # titles are also kept as they are
    extra = {column: cell for column, cell in row.cells.items() if column not in used and cell}
    split, frame = value.get("split", ""), value.get("frame", "")
    if split.lower() not in splits:
        raise UnknownSplitError(f'the split "{split}" is neither gallery nor query')
    path = folder.relative(row.cells[named["path"]]) if value.get("path") else ""
    refuse_odd_name(path)
    places = labels(value.get("place", ""))
    if any(map(CONTROL.search, places)):
        raise ValueError("the place holds a line break or a control character: is a quotation mark not closed?")
    refuse_unknown(places, splits[split.lower()])
    if frame and whole(frame) is None:
        extra[named["frame"]] = frame
    return ImageRecord(
        path=path,
        places=places,
        titles=_titles(value.get("title", ""), places),
        split=splits[split.lower()],
        content_hash=value.get("content_hash", ""),
        width=_pixels(value.get("width", "")),
        height=_pixels(value.get("height", "")),
        **_position(value),
        sequence=value.get("sequence") or None,
        frame=whole(frame),
        address=value.get("address") or None,
        licence=value.get("licence") or None,
        extra=extra,
    )


def _titles(cell: str, places: tuple[str, ...]) -> tuple[str, ...]:
    """Return a title for each place; none where they are not as many, or say nothing else."""
    titles = tuple(part.strip() for part in cell.split("|")) if len(places) > 1 else (cell,)
    if CONTROL.search(cell) or len(titles) != len(places) or not all(titles):
        return ()
    return () if titles == places else titles


def _position(value: Mapping[str, str]) -> Position:
    zone = value.get("zone", "")
    number = whole(zone)
    return completed(
        decimal(value.get("easting", ""), "easting", metres=True),
        decimal(value.get("northing", ""), "northing", metres=True),
        decimal(value.get("latitude", ""), "latitude"),
        decimal(value.get("longitude", ""), "longitude"),
        number=zone if number is None else str(number),
        letter=value.get("zone_letter", ""),
        hemisphere=value.get("hemisphere", ""),
    )


def _pixels(cell: str) -> int:
    """Read a width or height; 0 when it is wrong, as the image is measured anyway."""
    pixels = whole(cell) or 0
    return pixels if 0 < pixels < 2**31 else 0


def doubts(table: Table, columns: Columns, records: Sequence[ImageRecord]) -> Iterator[str]:
    """Yield doubts about a table: its encoding, words that may not be labels, missing splits, missing labels."""
    if WINDOWS in table.described:
        example = next((label for r in records for label in r.places if not label.isascii()), "")
        yield f"it is not UTF-8 and was read as {WINDOWS}" + (f", as in {quoted(example)}" if example else "")
    cells = [row.cells.get(c, "").strip() for row in table.rows for c in columns.claims.get("place", ())[:1]]
    if missing := Counter(cell for cell in cells if cell in MISSING):
        yield f"{_counted(missing)} in the column of the place is read as no label"
    if doubtful := Counter(label for r in records for label in r.places if is_doubtful(label)):
        yield f"{_counted(doubtful)} is read as a place: leave the cell empty if there is no place"
    without = sum(record.split is Split.NONE for record in records)
    if without and any(record.split is Split.QUERY for record in records):
        have = f"{without} of {counted(len(records), 'row')} {'has' if without == 1 else 'have'} no split"
        yield f"{have}: searched as the gallery is, and not asked"
    if not records or any(r.places or r.latitude is not None or r.easting is not None for r in records):
        return
    if "place" in columns.claims:
        yield f"the column {quoted(columns.claims['place'][0])} names no place"
    else:
        yield f"no column is read as the place: the columns are {quoted(*table.columns)}; call it {names_of('place')}"


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{quoted(word)} ({counted(count, 'time')})" for word, count in words.most_common(5))
