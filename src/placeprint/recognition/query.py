"""Many images, each with its answer or the reason why there is none: `query` and `recognize_many`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from placeprint.dataset.query_image import image_name, several
from placeprint.dataset.query_paths import query_paths
from placeprint.errors import ImageError, UsageError
from placeprint.gallery.filters import Filter, FilterWords
from placeprint.options import DecisionOptions, DecisionWords, ModelOptions, ModelWords, rate_for_a_server, records_of
from placeprint.presets import Preset, find_preset
from placeprint.recognition.query_result import Answered, QueryResult
from placeprint.records import Answer, FailedImage

if TYPE_CHECKING:
    from placeprint.dataset.query_image import ImageInput
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.recognition.recognizer import Recognizer
    from placeprint.recognition.server import Server


class Answers(Protocol):
    """What answers an image: a `placeprint.Recognizer`, or a `placeprint.recognition.server.Server`."""

    def recognize(self, photo: ImageInput, *, k: int = 5) -> Answer:
        """Answer one image."""


def answered(
    asked: Answers, images: Iterable[ImageInput | FailedImage], *, k: int, explain: bool
) -> Iterator[Answered]:
    """Answer each image as it comes; one that cannot be used costs no other."""
    for number, image in enumerate(images):
        if isinstance(image, FailedImage):
            yield Answered(image.path, failure=image)
            continue
        name = image_name(image, number)
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
        raise UsageError("a server explains answers on its page: give a gallery to explain one here")
    return asked


def outdated(gallery: AnyGallery, decision: DecisionOptions) -> dict[str, str]:
    """Return why what decides may not fit any more: a fact each of the calibration and of positions, where so."""
    from placeprint.recognition.gallery_model import limits_of

    learned, positions = gallery.calibration, gallery.position_evidence
    decides = learned is not None and limits_of(gallery, decision).probability is not None
    told = {
        "calibration_outdated": learned.outdated(gallery.where) if learned and decides else "",
        "positions_outdated": positions.outdated(gallery.where) if positions else "",
    }
    return {name: line for name, line in told.items() if line}


class QueryWords(ModelWords, DecisionWords, FilterWords, total=False):
    """Keywords of `query` and of `recognize`: how images are embedded and decided, and which images are asked."""

    preset: str | Preset | None


_FILTERS = FilterWords.__optional_keys__


def query(
    gallery: AnyGallery | Path | str | None,
    images: ImageInput | Iterable[ImageInput],
    *,
    url: str | None = None,
    k: int = 5,
    explain: bool = False,
    **options: Unpack[QueryWords],
) -> QueryResult:
    """Say which place each image shows, or UNKNOWN; an image that cannot be used has the reason instead.

    Parameters
    ----------
    gallery : Gallery, Path, str or None
        An open gallery, a folder or an address; None with `url`.
    images : path, str, bytes, binary file, PIL.Image.Image or ndarray, or several of those
        Of a folder all images are asked about.
    url : str, optional
        Ask a server of ``placeprint serve`` instead; its gallery, model and calibration decide.
    k : int
        How many matches an answer lists.
    explain : bool
        Also find out why each match is there.
    **options
        ``model``, ``runner``, ``preset``: how images are embedded, and how the gallery is asked; ``threshold``,
        ``margin_threshold``, ``false_accept_rate``: when a place is accepted, see `placeprint.options.DecisionOptions`;
        ``places``, ``near`` (latitude, longitude, metres), ``split``: which images of the gallery are asked.

    Raises
    ------
    UsageError, GalleryError, ModelError, ServerError

    Examples
    --------
    >>> import placeprint
    >>> for one in placeprint.query("town.gallery", ["town-hall.jpg", "gone.jpg"]).answers:
    ...     print(one.image, one.answer.place if one.answer else one.failure.reason)
    town-hall.jpg town-hall
    gone.jpg the file is not there
    """
    given: Any = images
    many = list(given) if several(given) else [given]
    asked, facts = ask(gallery, many, url=url, k=k, **options)
    if explain and url is not None:
        raise UsageError("a server explains answers on its page: give a gallery to explain one here")
    answers = tuple(answered(asked, _expanded(many), k=k, explain=explain))
    return QueryResult(answers, dict(facts))


def recognize_many(
    gallery: AnyGallery | Path | str | None = None,
    photos: Iterable[ImageInput] = (),
    *,
    url: str | None = None,
    k: int = 5,
    **options: Unpack[QueryWords],
) -> QueryResult:
    """Answer each of several images, one answer an image, in their order; one that cannot be used costs no other.

    Parameters
    ----------
    gallery : Gallery, Path or str, optional
        Left out when `url` is given.
    photos : iterable of path, str, bytes, binary file, PIL.Image.Image or ndarray
        A folder is no photo here; `query` answers all images of one.
    url, k
        As in `query`.
    **options
        ``model``, ``runner``, ``preset``, ``threshold``, ``margin_threshold``, ``false_accept_rate``, ``places``,
        ``near``, ``split``, as in `query`.

    Raises
    ------
    UsageError, GalleryError, ModelError, ServerError

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.recognize_many("town.gallery", ["town-hall.jpg", "gone.jpg"])
    >>> [one.answer.place if one.answer else one.failure.kind for one in found.answers]
    ['town-hall', 'missing']
    """
    many = photo_list(photos, "recognize_many")
    asked, facts = ask(gallery, many, url=url, k=k, **options)
    return QueryResult(tuple(answered(asked, many, k=k, explain=False)), dict(facts))


def photo_list(photos: Any, verb: str) -> list[ImageInput]:
    """Return several images as a list. Raises `UsageError` for a single one, and for none."""
    if not several(photos):
        raise UsageError(f"{verb} takes a list of photos: recognize answers a single one")
    if not (many := list(photos)):
        raise UsageError("there is no photo to answer")
    return many


def ask(
    gallery: AnyGallery | Path | str | None,
    images: Sequence[ImageInput],
    *,
    url: str | None,
    k: int,
    **options: Unpack[QueryWords],
) -> tuple[Recognizer | Server, Mapping[str, Any]]:
    """Return what answers these images, and what holds for all answers, complete once they are there.

    Raises `UsageError` without a gallery and a server, or with both; for options that a server decides.
    """
    words: dict[str, Any] = dict(options)
    preset = words.pop("preset", None)
    model, decision, chosen = records_of(words, ModelOptions, DecisionOptions, Filter)
    if not images:
        raise UsageError("there is no photo to answer")
    if (gallery is None) == (url is None):
        raise UsageError("give a gallery, or the url of a server")
    if k < 1:
        raise UsageError(f"k must be at least 1, not {k}")
    if url is not None:
        rate = rate_for_a_server({name: word for name, word in options.items() if name not in _FILTERS})
        from placeprint.recognition.server import Server

        server = Server(url, chosen, rate)
        return server, server.facts
    assert gallery is not None
    from placeprint.recognition.gallery_model import open_for
    from placeprint.recognition.recognizer import Recognizer

    opened = open_for(gallery, images)
    if preset is not None:
        opened = opened.asked_as(find_preset(preset))
    only = opened.where_images(chosen) if chosen.given else None
    facts: dict[str, Any] = {} if only is None else {"filter": chosen.to_dict(only)}
    facts |= outdated(opened, decision)
    return Recognizer(opened, only=only, **asdict(model), **asdict(decision)), facts


def _expanded(images: Sequence[Any]) -> Iterator[ImageInput | FailedImage]:
    for image in images:
        yield from query_paths([Path(image)]) if isinstance(image, str | Path) else [image]
