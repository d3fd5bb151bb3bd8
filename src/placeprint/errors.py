"""Every exception that placeprint raises on purpose.

::

    PlaceprintError                 exit code 3
    ├── UsageError                  exit code 2: an option or argument is wrong
    ├── MissingExtraError           exit code 2: an optional package is not installed
    ├── DatasetError                the dataset or manifest cannot be read at all
    ├── ImageError                  one image cannot be used (it becomes a row, it never ends a run)
    ├── ModelError                  a model file is missing, damaged or wrong
    ├── VectorError                 vectors have a wrong shape, type or value
    ├── CalibrationError            there is nothing to learn a decision from
    ├── ServerError                 a server cannot be reached, or does not answer
    └── GalleryError                a gallery cannot be read or written
        ├── GalleryNotFoundError    there is no gallery at this path
        ├── GalleryFormatError      written by another release, or not a gallery
        ├── GalleryCorruptError     a checksum does not match
        ├── GalleryBusyError        another process is writing to it
        ├── GalleryEngineError      its server does not answer, refuses, or is full
        └── GalleryMismatchError    it was built with another model

A message says what happened, on which thing, and what to do next. It is one line: whatever it quotes of a file, a name
or a library is escaped where it would not be visible as itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

from placeprint.terminal import printable


class PlaceprintError(Exception):
    """Base of every error that placeprint raises on purpose.

    Examples
    --------
    >>> import placeprint
    >>> try:
    ...     placeprint.open_gallery("nowhere")
    ... except placeprint.PlaceprintError as error:
    ...     print(type(error).__name__, error.exit_code)
    GalleryNotFoundError 3
    """

    exit_code: ClassVar[int] = 3

    def __str__(self) -> str:
        """Return the message, on one line."""
        return printable(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        """Make every subclass picklable, whatever its `__init__` takes: else a pool of processes would hang."""
        return _restored, (type(self), self.args, vars(self))


class UsageError(PlaceprintError, ValueError):
    """An option or an argument is wrong."""

    exit_code: ClassVar[int] = 2


class MissingExtraError(PlaceprintError, ImportError):
    """An optional package is needed and not installed."""

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional package: pip install "placeprint[{extra}]"')


class DatasetError(PlaceprintError):
    """The dataset or manifest cannot be read at all."""


class ImageError(PlaceprintError):
    """One image cannot be used; it becomes a row with this reason.

    `kind`: A short, stable word for programs: ``missing``, ``empty``, ``unreadable``, ``truncated``, ``damaged``,
    ``too-large``, ``outside``, ``not-a-file``, ``bad-name``.
    `reason`: One line for people, without the image's name, which stands beside it in a row.
    `image`: What the message calls it; empty where it has no name, or whoever shows the message says it.
    """

    def __init__(self, kind: str, reason: str, image: str = "") -> None:
        super().__init__(f"{image}: {reason}" if image else reason)
        self.kind = kind
        self.reason = printable(reason)
        self.image = image


class ModelError(PlaceprintError):
    """A model file is missing, damaged or wrong."""


class VectorError(PlaceprintError, ValueError):
    """Vectors have a wrong shape, type or value."""


class CalibrationError(PlaceprintError):
    """There is nothing to learn a decision from."""


class ServerError(PlaceprintError):
    """A server cannot be reached, or does not answer."""


class GalleryError(PlaceprintError):
    """A gallery cannot be read or written."""


class GalleryNotFoundError(GalleryError):
    """There is no gallery at this path."""


class GalleryFormatError(GalleryError):
    """The folder was written by another release, or is not a gallery."""


class GalleryCorruptError(GalleryError):
    """A checksum does not match."""


class GalleryBusyError(GalleryError):
    """Another process is writing to the gallery."""


class GalleryEngineError(GalleryError):
    """The gallery's server does not answer in time, refuses, is full, or is another kind of server."""


class GalleryMismatchError(GalleryError):
    """The gallery was built with another model than the one asked for."""


def in_brief(error: BaseException) -> str:
    """Return an error's message in one line of at most 300 characters: it may quote whatever a file holds."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:150]} ... {text[-150:]}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 160 characters; its class when there is none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


def _restored(kind: type[PlaceprintError], args: tuple[object, ...], state: dict[str, object]) -> PlaceprintError:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error
