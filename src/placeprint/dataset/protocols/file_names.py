"""Forms whose file names say all: positions, frames and places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from placeprint.dataset.positions import position_in_name
from placeprint.dataset.protocols.found import Found, below, images_in, read_file
from placeprint.dataset.protocols.protocol import Form, Protocol
from placeprint.errors import UsageError
from placeprint.records import FailedImage, ImageRecord, Split

Made = ImageRecord | FailedImage
_FRAME = 7
"""The field of an @ name that VPR-datasets-downloader writes the number of a frame or a pair to."""
_NUMBER = re.compile(r"\d{1,15}")


def read_positions(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:
    """Read ``@east@north@…`` names; where frames decide, the frame too."""
    frames = protocol.right.frames is not None

    def one(path: str, name: str, split: Split) -> Made:
        position = position_in_name(name)
        if not position:
            return FailedImage(path, "bad-row", "the file name carries no position: @east@north@…")
        frame = _frame(name.split("@")[_FRAME]) if frames and name.count("@") > _FRAME else None
        if frames and frame is None:
            return FailedImage(path, "bad-row", f"field {_FRAME} of the file name is no number of a frame")
        return ImageRecord(path=path, split=split, frame=frame, **position)

    return Found.of(_each(root, inside, form, one))


def read_numbers(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:  # noqa: ARG001 - as all readers
    """Read file names that are the numbers of frames or pairs: ``0017.png``."""

    def one(path: str, name: str, split: Split) -> Made:
        frame = _frame(name.rpartition(".")[0])
        if frame is None:
            return FailedImage(path, "bad-row", "the file name is no number of a frame")
        return ImageRecord(path=path, split=split, frame=frame)

    return Found.of(_each(root, inside, form, one))


def read_order(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:  # noqa: ARG001 - as all readers
    """Read two folders of frames that are in step when their names are sorted, those of a list alone."""
    table = read_file(root / inside / form.table).decode("utf-8", "replace")
    wanted = {line.strip() for line in table.splitlines()} - {""}
    numbers = {Split.GALLERY: 0, Split.QUERY: 0}

    def one(path: str, name: str, split: Split) -> Made | None:
        if name not in wanted:
            return None
        numbers[split] += 1
        return ImageRecord(path=path, split=split, frame=numbers[split] - 1)

    return Found.of(_each(root, inside, form, one))


def read_gsv(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:  # noqa: ARG001 - as all readers
    """Read ``City/City_0000130_2018_04_015_51.4861_-0.0895151_panorama.jpg``: the place and the position."""
    made: list[Made] = []
    for found in images_in(root, below(inside, form.gallery)):
        if isinstance(found, FailedImage):
            made.append(found)
            continue
        path, names = found
        fields = names[-1].split("_", 7)
        try:
            place, latitude, longitude = f"{names[0]}/{fields[1]}", float(fields[5]), float(fields[6])
            made.append(ImageRecord(path=path, places=(place,), latitude=latitude, longitude=longitude))
        except (IndexError, ValueError):  # UsageError is a ValueError: a latitude that there is not
            made.append(FailedImage(path, "bad-row", "the file name is not city_place_year_month_bearing_lat_lon_id"))
    return Found.of(made)


def _each(root: Path, inside: str, form: Form, one: Callable[[str, str, Split], Made | None]) -> Iterator[Made]:
    """Yield what `one` makes of each image of gallery and queries; it may make nothing."""
    for folder, split in ((form.gallery, Split.GALLERY), (form.queries, Split.QUERY)):
        for found in images_in(root, below(inside, folder)):
            if isinstance(found, FailedImage):
                yield found
                continue
            path, names = found
            try:
                made = one(path, names[-1], split)
            except UsageError as error:
                made = FailedImage(path, "bad-row", str(error))
            if made is not None:
                yield made


def _frame(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None
