"""Opens a gallery wherever it is kept: the one place that chooses between a folder and a server."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.records import ModelSpec


def open_gallery(gallery: AnyGallery | PathLike[str] | str, *, spec: ModelSpec | None = None) -> AnyGallery:
    """Open a gallery, unless it is open already.

    Parameters
    ----------
    gallery : Path, str or gallery
        A folder, an address of a server (``milvus://host:19530/name``), or a gallery, which is returned.
    spec : ModelSpec, optional
        The model that queries will use; another one than the gallery's is refused.

    Returns
    -------
    Gallery or MilvusGallery
        What both can be asked is `placeprint.gallery.protocol.AnyGallery`.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError, GalleryMismatchError, GalleryEngineError
    UsageError
        For an address that cannot be read, and for what is no gallery.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.open_gallery("town.gallery").places
    ('castle-gate', 'town-hall', 'town-hall-2', 'water-tower', 'windmill-field')
    """
    if isinstance(gallery, str | PathLike):
        return _opened(fspath(gallery), spec)
    if not callable(getattr(type(gallery), "around", None)):  # of its type: a property might ask a server
        raise UsageError(f"a gallery is a folder, an address or an open gallery, not {type(gallery).__name__}")
    if spec is not None:
        gallery.require(spec)
    return gallery


def checked_address(address: str) -> str:
    """Return an address as it is printed, without asking the server. Raises `UsageError` when it cannot be read."""
    from placeprint.gallery.milvus.address import parse_address

    return str(parse_address(address))


def _opened(where: str | bytes, spec: ModelSpec | None) -> AnyGallery:
    if isinstance(where, bytes):
        raise UsageError("a gallery's path is text, not bytes")
    if not is_address(where):
        return Gallery.open(Path(where), spec=spec)
    from placeprint.gallery.milvus.gallery import MilvusGallery

    return MilvusGallery.at(where, spec=spec)
