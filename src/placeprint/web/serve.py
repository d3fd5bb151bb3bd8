"""The verb `serve`; what it needs is imported when it is called, because the extra `web` may not be installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from placeprint.errors import MissingExtraError
from placeprint.options import ModelOptions, records_of
from placeprint.web.settings import Listen, ServerOptions, ServeWords

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery


def serve(
    gallery: AnyGallery | Path | str,
    *,
    photos: Path | None = None,
    say: Callable[[str], None] = print,
    **settings: Unpack[ServeWords],
) -> None:
    """Serve a gallery to browsers and programs over HTTP, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    gallery : Gallery, Path or str
        A folder, or an address of a server.
    photos : Path, optional
        Folder for the images that are added to a gallery on a server; without it they are not kept.
    say : callable
        Is told the address, once the server listens on it.
    **settings
        ``host``, ``port``, ``unix_socket``: where it listens; ``allow_host``, ``root_path``: how it is called behind a
        proxy; ``token_file``: who may write; ``max_mb``, ``max_megapixels``, ``waiting``: what it accepts;
        ``keep_metadata``: whether added photos are stored with the position, time and camera in them; ``remember``,
        ``remember_limit``: where unknown photos are kept, and how many; ``model``, ``runner``. See
        `placeprint.web.settings`.

    Raises
    ------
    UsageError
        When it cannot listen on the address.
    GalleryError, ModelError
    MissingExtraError
        Without the extra `web`.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.serve("town.gallery", port=8080)  # doctest: +SKIP
    """
    try:
        from placeprint.web.server import serve as run
    except ModuleNotFoundError as error:
        raise MissingExtraError("placeprint serve", "web") from error
    listen, server, model = records_of(settings, Listen, ServerOptions, ModelOptions)
    where = gallery if isinstance(gallery, str | Path) else gallery.where
    run(where, server.settings(listen.host), listen, photos=photos, model=model, say=say)
