"""The verb `query`: many images, each with its answer or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from placeprint.dataset.query_paths import query_paths
from placeprint.errors import ImageError, UsageError
from placeprint.options import DecisionOptions, DecisionWords, ModelWords, rate_for_a_server
from placeprint.presets import Preset, find_preset
from placeprint.recognition.answered import Answered, QueryResult
from placeprint.records import Answer, FailedImage

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput
    from placeprint.gallery.filters import Near, Rows
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.recognition.recognizer import Recognizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which images of a gallery are asked.

    Attributes
    ----------
    places : tuple of str
        Only images of these places; of all where it is empty.
    near : tuple of 3 floats, or None
        Only images taken within a distance: latitude, longitude, metres.
    split : str or None
        Only images of this split.
    """

    places: tuple[str, ...] = ()
    near: Near | None = None
    split: str | None = None

    @property
    def given(self) -> bool:
        """Whether any images are left out."""
        return bool(self.places) or self.near is not None or self.split is not None

    def rows(self, gallery: AnyGallery) -> Rows | None:
        """Return the images that are asked; None when all of them are.

        Raises
        ------
        UsageError
            As `placeprint.gallery.filters.rows_where`.
        """
        from placeprint.gallery.filters import rows_where

        return rows_where(gallery, places=self.places, near=self.near, split=self.split) if self.given else None

    def to_dict(self, rows: Rows) -> dict[str, Any]:
        """Ready for JSON, with the number of images that are asked."""
        near = None if self.near is None else dict(zip(("latitude", "longitude", "metres"), self.near, strict=True))
        return {"places": list(self.places), "near": near, "split": self.split, "images": int(rows.sum())}


class Answers(Protocol):
    """What answers an image: a `placeprint.Recognizer`, or a `Server`."""

    def recognize(self, photo: ImageInput, *, k: int = 5) -> Answer:
        """Answer one image."""


class Server:
    """Answers images by asking a server of ``placeprint serve``.

    Parameters
    ----------
    url : str
    asked : Filter
    rate : float, optional
        The false-accept rate at which its gallery decides; the one that it was calibrated for when not given.

    Attributes
    ----------
    filter : mapping or None
        What the server said of the images that it asked last, when it was not all of them.
    """

    def __init__(self, url: str, asked: Filter, rate: float | None = None) -> None:
        self.url, self.asked, self.rate = url, asked, rate
        self.filter: dict[str, Any] | None = None

    def recognize(self, photo: ImageInput, *, k: int = 5) -> Answer:
        """Answer one image.

        Raises
        ------
        ImageError, UsageError, ServerError
        """
        from placeprint.recognition.answer_json import answer_of
        from placeprint.recognition.client import told_by

        asked = self.asked
        row = told_by(
            self.url,
            [photo],
            k=k,
            places=asked.places,
            near=asked.near,
            split=asked.split,
            false_accept_rate=self.rate,
        )
        self.filter = row.get("filter")
        return answer_of(row)


def answered(
    asked: Answers, images: Iterable[ImageInput | FailedImage], *, k: int, explain: bool
) -> Iterator[Answered]:
    """Answer each image as it comes; one that cannot be used costs no other."""
    for number, image in enumerate(images):
        if isinstance(image, FailedImage):
            yield Answered(image.path, failure=image)
            continue
        name = str(image) if isinstance(image, str | Path) else f"image {number}"
        try:
            if explain:
                from placeprint.recognition.explanation import explain as explained

                found = explained(_recognizer(asked), image, k=k)
                yield Answered(name, found.answer, found)
            else:
                yield Answered(name, asked.recognize(image, k=k))
        except ImageError as error:
            yield Answered(name, failure=FailedImage(name, error.kind, error.reason))


def _recognizer(asked: Answers) -> Recognizer:
    from placeprint.recognition.recognizer import Recognizer

    if not isinstance(asked, Recognizer):
        raise UsageError("a server explains on its page: ask a gallery to explain an answer here")
    return asked


def outdated(gallery: AnyGallery, decision: DecisionOptions) -> str:
    """Return why the calibration that decides may not fit any more; empty where it fits, or does not decide."""
    from placeprint.recognition.gallery_model import limits_of

    decides = gallery.calibration is not None and limits_of(gallery, decision).probability is not None
    return gallery.calibration.outdated(gallery.where) if gallery.calibration and decides else ""


class QueryWords(ModelWords, DecisionWords, total=False):
    """What `query` is given besides images: how they are embedded and decided, and which images are asked."""

    preset: str | Preset | None
    places: Sequence[str]
    near: Near | None
    split: str | None


def query(
    gallery: AnyGallery | Path | str | None,
    images: ImageInput | Sequence[ImageInput],
    *,
    url: str | None = None,
    k: int = 5,
    explain: bool = False,
    **settings: Unpack[QueryWords],
) -> QueryResult:
    """Say which place each image shows, or UNKNOWN; an image that cannot be used has the reason instead.

    Parameters
    ----------
    gallery : Gallery, Path, str or None
        An open gallery, a folder or an address; None with `url`.
    images : path, str, bytes, binary file, PIL.Image.Image or ndarray, or a sequence of those
        Of a folder all images are asked about.
    url : str, optional
        Ask a server of ``placeprint serve`` instead; its gallery, model and calibration decide.
    k : int
        How many matches an answer lists.
    explain : bool
        Also find out why each match is there.
    **settings
        ``model``, ``runner``, ``preset``: how images are embedded, and how the gallery is asked; ``threshold``,
        ``margin_threshold``, ``false_accept_rate``: when a place is accepted, see `placeprint.options.DecisionOptions`;
        ``places``, ``near`` (latitude, longitude, metres), ``split``: which images of the gallery are asked.

    Raises
    ------
    UsageError, GalleryError, ModelError, ServerError

    Examples
    --------
    >>> import placeprint
    >>> for one in placeprint.query("town.gallery", ["a.jpg", "b.jpg"]).answers:  # doctest: +SKIP
    ...     print(one.image, one.answer.place if one.answer else one.failure.reason)
    """
    if (gallery is None) == (url is None):
        raise UsageError("give a gallery, or the url of a server")
    if k < 1:
        raise UsageError(f"k must be at least 1, not {k}")
    many = images if isinstance(images, list | tuple) else [images]
    if not many:
        raise UsageError("there is no photo to answer")
    asked = Filter(
        places=tuple(settings.pop("places", ())), near=settings.pop("near", None), split=settings.pop("split", None)
    )
    if url is not None:
        if explain:
            raise UsageError("a server explains on its page: ask a gallery to explain an answer here")
        server = Server(url, asked, rate_for_a_server(settings))
        answers = tuple(answered(server, _expanded(many), k=k, explain=False))
        return QueryResult(answers, {"filter": server.filter} if server.filter else {})
    assert gallery is not None
    from placeprint.recognition.gallery_model import open_for

    recognizer, facts = _opened(open_for(gallery, many), asked, dict(settings))
    return QueryResult(tuple(answered(recognizer, _expanded(many), k=k, explain=explain)), facts)


def _opened(gallery: AnyGallery, asked: Filter, settings: dict[str, Any]) -> tuple[Recognizer, dict[str, Any]]:
    """Return what answers from a gallery, and what holds for all of its answers."""
    from placeprint.recognition.recognizer import Recognizer

    preset = settings.pop("preset", None)
    if preset is not None:
        gallery = gallery.asked_as(find_preset(preset))
    only = asked.rows(gallery)
    recognizer = Recognizer(gallery, only=only, **settings)
    facts: dict[str, Any] = {} if only is None else {"filter": asked.to_dict(only)}
    if old := outdated(gallery, recognizer.decision):
        facts["calibration_outdated"] = old
    return recognizer, facts


def _expanded(images: Sequence[Any]) -> Iterator[ImageInput | FailedImage]:
    for image in images:
        yield from query_paths([Path(image)]) if isinstance(image, str | Path) else [image]
