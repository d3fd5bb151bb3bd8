"""The verb `index`: a gallery of images, made here or by a cluster, or of embeddings you already have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.imported import UNNAMED, imported_spec, read_side, why_no_photos
from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.changes import Change
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.folder import calibrated, calibrated_alone, index_source
from placeprint.indexing.result import IndexResult
from placeprint.indexing.sources import Source, open_source
from placeprint.options import BuildOptions, BuildWords
from placeprint.presets import FAST, find_preset
from placeprint.progress import Progress
from placeprint.recognition.location.evidence import with_positions_learned


class IndexWords(BuildWords, total=False):
    """What `index` is given besides images and progress."""

    embeddings: Path | str | None
    records: Path | str | None
    replace: bool


def index(
    dataset: Path | str | Manifest | Source | None,
    out: Path | str,
    *,
    on: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[IndexWords],
) -> IndexResult:
    """Make a gallery of a dataset's gallery images, or of embeddings you already have.

    If it is interrupted, call it again: nothing is embedded twice.

    Parameters
    ----------
    dataset : Path, str, Manifest, Source or None
        A folder, a manifest, or an address of an object store; None with `embeddings` and `records`.
    out : Path or str
        The gallery's folder; a gallery that is there is replaced in one step at the end, where it loses nothing. Or an
        address, ``milvus://host:19530/name``: that gallery is changed image by image, until it holds these and no
        others.
    on : str, optional
        Embed on a Ray cluster, ``local`` or ``ray://head:10001``; then `out` is an address.
    progress : Progress, optional
    **settings
        ``model``, ``runner``, ``cache``, ``workers``, ``preset`` and ``index`` as in
        `placeprint.options.BuildOptions`; ``embeddings`` (a ``.npy`` file) and ``records`` (the manifest that names
        its rows); ``replace``, whether a gallery that is there may lose something by it.

    Raises
    ------
    DatasetError
        When no image could be used.
    UsageError
        When something would be lost, the folder holds something else than a gallery, or arguments contradict.
    VectorError, ModelError, GalleryError, MissingExtraError

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.index("town", "new.gallery", preset="fast")
    >>> len(done.gallery), [failed.path for failed in done.failures]
    (11, ['gallery/castle-gate/06.jpg', 'gallery/town-hall/05.jpg'])
    """
    asked: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    embeddings, records = asked.pop("embeddings", None), asked.pop("records", None)
    if embeddings is not None or records is not None:
        if dataset is not None or embeddings is None or records is None:
            raise UsageError("give either a dataset, or both --embeddings and --records")
        return _import(out, Path(embeddings), Path(records), asked, progress)
    if dataset is None:
        raise UsageError("give a dataset, or --embeddings and --records")
    replace = asked.pop("replace", False)
    build = BuildOptions(**asked)
    if on is None:
        return index_source(open_source(dataset), out, build, replace=replace, progress=progress)
    return _on_cluster(dataset, out, on, build, replace=replace, progress=progress)


def _on_cluster(
    dataset: Path | str | Manifest | Source,
    out: Path | str,
    on: str,
    build: BuildOptions,
    *,
    replace: bool,
    progress: Progress | None,
) -> IndexResult:
    if not is_address(out):
        raise UsageError("--on embeds on a cluster, which writes to a server: give --store milvus://host:19530/name")
    if isinstance(dataset, Manifest):
        raise UsageError("a cluster reads the dataset by its path: give that, not a manifest that was read")
    from placeprint.indexing.ray.store import store_images_on_ray

    stored = store_images_on_ray(dataset, out, on=on, options=build, replace=replace, progress=progress)
    return calibrated(stored, build, progress)


def _import(
    out: Path | str, embeddings: Path, records: Path, asked: dict[str, Any], progress: Progress | None
) -> IndexResult:
    """Make a gallery of the rows of a table that are no queries."""
    done, set_aside, notes = read_side(embeddings, records, "gallery")
    settings = {
        "records": done.records,
        "vectors": done.vectors,
        "spec": imported_spec(asked.get("model", UNNAMED), done.vectors.shape[1]),
        "root": str(records.parent.resolve()),
        "index": asked.get("index", "auto"),
        "preset": find_preset(asked.get("preset", FAST)),
        "replace": asked.get("replace", False),
        "progress": progress,
    }
    if is_address(out):
        from placeprint.indexing.server import store_vectors

        gallery, why = calibrated_alone(store_vectors(out, **settings), progress=progress)
    else:
        gallery, why = calibrated_alone(Gallery.build(out, **settings), progress=progress)
    gallery = with_positions_learned(gallery, progress=progress)
    return IndexResult(
        gallery=gallery,
        change=Change(added=len(gallery)),
        failures=(),
        computed=0,
        cached=0,
        seconds=0.0,
        shares={},
        not_calibrated=why,
        set_aside=set_aside,
        notes=notes,
        no_photos=why_no_photos(gallery.spec),
    )
