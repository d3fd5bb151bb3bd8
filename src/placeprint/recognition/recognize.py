"""The verb `recognize`: one image, or several of one place, against a gallery or a server."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from placeprint.errors import UsageError
from placeprint.gallery.filters import Near, rows_where
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import rate_for_a_server
from placeprint.recognition.combined_answer import combined_answer
from placeprint.recognition.gallery_model import open_for
from placeprint.recognition.recognizer import Recognizer, RecognizeWords
from placeprint.records import Answer

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput


def recognize(
    gallery: AnyGallery | Path | str | None = None,
    photo: ImageInput | list[ImageInput] | tuple[ImageInput, ...] = (),
    *,
    url: str | None = None,
    k: int = 5,
    places: Collection[str] = (),
    split: str | None = None,
    near: Near | None = None,
    **options: Unpack[RecognizeWords],
) -> Answer:
    """Answer one image, or several of one place, against a gallery; for many images keep a `Recognizer`.

    Parameters
    ----------
    gallery : Gallery, Path or str, optional
        Left out when `url` is given.
    photo : path, str, bytes, binary file, PIL.Image.Image or ndarray, or a list of those
        As in `Recognizer`; several are images of one place, see `placeprint.recognition.combined_answer`.
    url : str, optional
        Ask a server of ``placeprint serve`` instead, as ``http://127.0.0.1:8000``: its gallery decides as it was
        calibrated, or at the `false_accept_rate` that is asked for.
    k : int
        How many matches the answer lists.
    places, split, near
        Ask only these images of the gallery, see `placeprint.gallery.filters.rows_where`.
    **options
        As in `Recognizer`.

    Raises
    ------
    ImageError, GalleryError, ModelError, UsageError
    ServerError
        When a server cannot be reached.
    """
    images = list(photo) if isinstance(photo, list | tuple) else [photo]
    if not images:
        raise UsageError("there is no photo to answer")
    if (gallery is None) == (url is None):
        raise UsageError("give a gallery, or the url of a server")
    if url is not None:
        rate = rate_for_a_server(options)
        from placeprint.recognition.client import recognize_at  # what it needs takes 16 ms to import

        return recognize_at(url, images, k=k, places=places, split=split, near=near, false_accept_rate=rate)
    assert gallery is not None
    opened = open_for(gallery, images)
    filtered = places or split is not None or near is not None
    only = rows_where(opened, places=places, split=split, near=near) if filtered else None
    recognizer = Recognizer(opened, only=only, **options)
    return combined_answer([recognizer.recognize(one, k=k) for one in images])[1]
