"""What a gallery shows of itself: in a line, and as a table in notebooks."""

from pathlib import Path

import numpy as np
import pytest

from placeprint.errors import GalleryCorruptError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.table import RecordTable
from placeprint.records import ImageRecord, ModelSpec

RECORDS = [ImageRecord(path=f"{i}.jpg", places=(("<b>hall</b>", "yard")[i % 2],)) for i in range(3)]


def built(folder: Path) -> Gallery:
    spec = ModelSpec(name="<i>mine</i>", dim=4)
    return Gallery.build(folder, records=RECORDS, vectors=np.eye(4, dtype=np.float32)[:3], spec=spec)


def test_a_folder_and_memory_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "x.gallery"
    told = "3 images, 2 places, model '<i>mine</i>', preset 'fast')"
    assert repr(built(folder)) == f"Gallery({str(folder)!r}, {told}"
    spec = ModelSpec(name="<i>mine</i>", dim=4)
    assert repr(Gallery.in_memory(RECORDS, np.eye(4, dtype=np.float32)[:3], spec=spec)) == f"Gallery(in memory, {told}"


def test_a_table_escapes_what_names_hold(tmp_path: Path) -> None:
    table = built(tmp_path / "a&b")._repr_html_()
    assert "a&amp;b" in table
    assert "<td>&lt;i&gt;mine&lt;/i&gt;</td>" in table
    assert "<tr><th>places</th><td>2</td></tr>" in table
    assert "<i>" not in table


def test_a_gallery_whose_places_cannot_be_read_is_shown_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: object) -> None:
        raise GalleryCorruptError("places.json is damaged")

    gallery = built(tmp_path / "g")
    monkeypatch.setattr(RecordTable, "places", property(damaged))
    assert repr(gallery) == f"Gallery({str(gallery.path)!r}, 3 images, model '<i>mine</i>', preset 'fast')"
