"""The functions `recognize` and `recognize_place`: one image, or several of one place, and one answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from placeprint.dataset.query_image import several
from placeprint.errors import ImageError, UsageError
from placeprint.recognition.query import QueryWords, answered, ask, photo_list
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import Answer

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput
    from placeprint.gallery.protocol import AnyGallery


def recognize(
    gallery: AnyGallery | Path | str | None = None,
    photo: ImageInput | None = None,
    *,
    url: str | None = None,
    k: int = 5,
    **options: Unpack[QueryWords],
) -> Answer:
    """Answer one image; to ask again and again keep a `Recognizer`.

    Parameters
    ----------
    gallery : Gallery, Path or str, optional
        Left out when `url` is given.
    photo : path, str, bytes, binary file, PIL.Image.Image or ndarray
        A file, its content, or its pixels: see `placeprint.dataset.query_image`.
    url : str, optional
        Ask a server of ``placeprint serve`` instead, as ``http://127.0.0.1:8000``: its gallery decides as it was
        calibrated, or at the `false_accept_rate` that is asked for.
    k : int
        How many matches the answer lists.
    **options
        ``model``, ``runner``, ``preset``, ``threshold``, ``margin_threshold``, ``false_accept_rate``, ``places``,
        ``near``, ``split``, as in `placeprint.query`.

    Raises
    ------
    ImageError, GalleryError, ModelError, UsageError
    ServerError
        When a server cannot be reached.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.recognize("town.gallery", "town-hall.jpg").place
    'town-hall'
    """
    if several(photo):
        raise UsageError(
            "recognize answers one photo: recognize_many answers each of a list, recognize_place several of one place"
        )
    asked, _ = ask(gallery, [] if photo is None else [photo], url=url, k=k, **options)
    assert photo is not None
    return asked.recognize(photo, k=k)


def recognize_place(
    gallery: AnyGallery | Path | str | None = None,
    photos: Iterable[ImageInput] = (),
    *,
    url: str | None = None,
    k: int = 5,
    **options: Unpack[QueryWords],
) -> Answer:
    """Answer several images of one place together: surer where they agree, UNKNOWN where they do not.

    Parameters
    ----------
    gallery : Gallery, Path or str, optional
        Left out when `url` is given.
    photos : iterable of path, str, bytes, binary file, PIL.Image.Image or ndarray
        All of one place; see `placeprint.recognition.combined_answer`.
    url, k
        As in `recognize`.
    **options
        ``model``, ``runner``, ``preset``, ``threshold``, ``margin_threshold``, ``false_accept_rate``, ``places``,
        ``near``, ``split``, as in `placeprint.query`.

    Raises
    ------
    ImageError, GalleryError, ModelError, UsageError
    ServerError
        When a server cannot be reached.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.recognize_place("town.gallery", ["town-hall.jpg", "town-hall-2.jpg"]).place
    'town-hall'
    """
    many = photo_list(photos, "recognize_place")
    asked, _ = ask(gallery, many, url=url, k=k, **options)
    if not isinstance(asked, Recognizer):
        return asked.recognize_place(many, k=k)
    from placeprint.recognition.combined_answer import combined_answer

    answers = []
    for one in answered(asked, many, k=k, explain=False):
        if one.failure is not None:
            raise ImageError(one.failure.kind, one.failure.reason, one.image)
        answers += [one.answer] if one.answer is not None else []
    return combined_answer(answers)[1]
