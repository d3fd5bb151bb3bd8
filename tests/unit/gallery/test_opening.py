"""One way to open a gallery, wherever it is kept, and what each kind can be asked."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from placeprint import Gallery, ImageRecord, calibrate, evaluate, imported_spec, mine, open_gallery, recognize
from placeprint.errors import GalleryMismatchError, GalleryNotFoundError, UsageError
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.index import Numbering
from placeprint.gallery.milvus.opened import Opened
from placeprint.gallery.protocol import AnyGallery

SPEC = imported_spec("made", 4)
ADDRESS = "milvus://127.0.0.1:1/town"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    records = [ImageRecord(path=f"{i}.jpg", places=("ab"[i % 2],)) for i in range(4)]
    vectors = np.eye(4, dtype=np.float32)
    Gallery.build(tmp_path / "town.gallery", records=records, vectors=vectors, spec=SPEC)
    return tmp_path / "town.gallery"


def on_a_server() -> MilvusGallery:
    """A gallery on a server that nobody asks."""
    connection: Any = SimpleNamespace(address=parse_address(ADDRESS))
    nobody: Any = None
    numbering = Numbering(2, np.empty(0, np.int64))
    return MilvusGallery(Opened(connection, nobody, nobody, Head(spec=SPEC, end=2), numbering))


@pytest.mark.parametrize("form", [str, Path])
def test_a_folder_is_opened_by_its_path(folder: Path, form: Any) -> None:
    opened = open_gallery(form(folder), spec=SPEC)
    assert isinstance(opened, Gallery)
    assert (opened.places, len(opened), opened.path) == (("a", "b"), 4, folder)
    assert opened.download() is opened


@pytest.mark.parametrize("kind", ["folder", "server"])
def test_an_open_gallery_is_itself(folder: Path, kind: str) -> None:
    opened = Gallery.open(folder) if kind == "folder" else on_a_server()
    assert open_gallery(opened, spec=SPEC) is opened
    with pytest.raises(GalleryMismatchError, match=r'"made".*"other"'):
        open_gallery(opened, spec=imported_spec("other", 4))


def test_what_is_no_gallery_is_refused_by_its_kind(tmp_path: Path) -> None:
    for wrong in (3, b"town.gallery", ["town.gallery"], SPEC):
        with pytest.raises(UsageError, match=f"not {type(wrong).__name__}"):
            open_gallery(wrong)  # type: ignore[arg-type]
        for verb in (evaluate, mine):
            with pytest.raises(UsageError, match=f"not {type(wrong).__name__}"):
                verb(gallery=wrong)  # type: ignore[arg-type,operator]
        with pytest.raises(UsageError, match=f"not {type(wrong).__name__}"):
            calibrate(wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"not {type(wrong).__name__}"):
            recognize(wrong, "photo.jpg")  # type: ignore[arg-type]
    with pytest.raises(GalleryNotFoundError):
        open_gallery(tmp_path / "nothing")


@pytest.mark.parametrize("form", [str, Path])
def test_a_folder_class_names_what_opens_an_address(form: Any) -> None:
    with pytest.raises(UsageError, match=r"placeprint\.open_gallery"):
        Gallery.open(form(ADDRESS))


def test_both_kinds_can_be_asked_all_of_the_protocol_and_a_server_no_more() -> None:
    asked = {name for name in vars(AnyGallery) if not name.startswith("_")}
    assert {"around", "download", "where_images", "located", "spec"} <= asked
    there, here = on_a_server(), Gallery.in_memory([], np.empty((0, 4), np.float32), spec=SPEC)
    for gallery in (there, here):
        known = {*dir(gallery)}
        assert sorted(asked - known) == []
    for name in ("records", "vectors", "parts", "index", "root_of"):
        assert hasattr(here, name)
        assert not hasattr(there, name), f"{name} of all images: it comes with a copy"


def test_a_gallery_on_a_server_is_pickled_as_its_address() -> None:
    gallery = on_a_server()
    again, words = gallery.__reduce__()
    assert (again.func, again.keywords, words) == (MilvusGallery.at, {"spec": SPEC}, (ADDRESS,))
    assert pickle.loads(pickle.dumps(again)).keywords == {"spec": SPEC}


def test_a_gallery_on_a_server_is_shown_without_asking_it() -> None:
    gallery = on_a_server()
    assert repr(gallery) == f"MilvusGallery('{ADDRESS}', 2 images, model 'made', preset 'fast')"
    assert "<th>images</th><td>2</td>" in gallery._repr_html_()
    assert "<th>places</th>" not in gallery._repr_html_()
