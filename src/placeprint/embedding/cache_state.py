"""The verb `cache`: where the user's cache is, how large it is, and clearing it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from placeprint.embedding.cache import EmbeddingCache, default_path
from placeprint.embedding.cache_limit import most_bytes
from placeprint.embedding.model_folder import models_folder
from placeprint.embedding.runners.compiled import forget_graphs, kept_graphs


@dataclass(frozen=True, slots=True)
class CacheState:
    """What the user's cache keeps.

    Attributes
    ----------
    folder : str
    embeddings, pairs : int
        Embedded images, and pairs of images that were matched.
    embeddings_bytes : int
        Of the file that keeps both.
    limit_bytes : int
        How large that file may grow: then the oldest entries give way.
    graphs, graphs_bytes : int
        Compiled models.
    models : str
        The folder of models that were brought here; it is no cache, and never cleared.
    models_bytes : int

    Examples
    --------
    >>> import placeprint
    >>> placeprint.cache().limit_bytes
    10000000000
    """

    folder: str
    embeddings: int
    pairs: int
    embeddings_bytes: int
    limit_bytes: int
    graphs: int
    graphs_bytes: int
    models: str
    models_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def cache(*, clear: bool = False) -> CacheState:
    """Say where the user's cache is and how large it is, or clear it.

    Embeddings, matched pairs and compiled graphs are computed again when they are needed. Models that you brought
    stay.

    Parameters
    ----------
    clear : bool
        Delete all that can be computed again.

    Returns
    -------
    CacheState
        As it is afterwards.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.cache().graphs <= 16
    True
    """
    path = default_path()
    graphs = path.parent / "compiled"
    if clear:
        forget_graphs(graphs)
    embeddings = pairs = 0
    if path.is_file():
        with EmbeddingCache(path) as kept:
            if clear:
                kept.clear()
            embeddings, pairs = kept.counts()
    compiled = kept_graphs(graphs)
    models = models_folder()
    return CacheState(
        str(path.parent),
        embeddings,
        pairs,
        _bytes_of(path.with_name(path.name + end) for end in ("", "-wal", "-shm")),
        most_bytes(),
        len(compiled),
        _bytes_of(compiled),
        str(models),
        _bytes_of(models.rglob("*")) if models.is_dir() else 0,
    )


def _bytes_of(files: Iterable[Path]) -> int:
    """Return how large files are in all; one that another process removes, or that may not be looked at, has none."""
    count = 0
    for file in files:
        with suppress(OSError):
            count += file.stat().st_size if file.is_file() else 0
    return count
