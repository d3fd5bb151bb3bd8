"""The verb `compare`: several settings on one dataset, each against the first, and a page of what that changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.protocols.reading import ProtocolSet
from placeprint.dataset.scan import read_dataset
from placeprint.errors import UsageError
from placeprint.evaluation.compare import CompareWords, Comparison, compare_each
from placeprint.evaluation.evaluate import protocol_of
from placeprint.evaluation.headlines import SEED
from placeprint.evaluation.setting import Setting
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.progress import Progress
from placeprint.report.comparison_page import Pictured, pictured, write_comparison
from placeprint.report.html import require_page


def compare(
    dataset: Path | str | Manifest | ProtocolSet | None,
    settings: Sequence[str],
    *,
    gallery: AnyGallery | Path | str | None = None,
    protocol: str | None = None,
    seed: int = SEED,
    report: Path | str | None = None,
    progress: Progress | None = None,
    **options: Unpack[CompareWords],
) -> Comparison:
    """Evaluate each setting and compare it with the first, query by query.

    Parameters
    ----------
    dataset, gallery
        As in `placeprint.evaluate`.
    settings : sequence of str
        Presets (``balanced``), models, both (``fast:efficientnet-lite0``), or options (``preset=fast,threshold=0.6``).
    protocol : str, optional
        One of the field's, as in `placeprint.evaluate`: `dataset` is the folder of its files.
    seed : int
        Of the bootstrap.
    report : Path or str, optional
        An HTML file to write: the settings side by side, and pictures of the queries that each gained and lost against
        the first. One file that needs no network.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``, ``preset``, ``index``, where a setting does not say otherwise;
        ``embeddings``, ``records``: as in `placeprint.evaluate`.

    Raises
    ------
    UsageError
        Without settings, when a setting cannot be understood, or somebody else's file is where the page is to be: all
        before anything is embedded.
    DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> compared = placeprint.compare("town", ["threshold=0.5", "threshold=0.9"], gallery="town.gallery")
    >>> [(one.setting.name, one.recall_at_1.value) for one in compared]
    [('threshold=0.5', 1.0), ('threshold=0.9', 1.0)]
    """
    parsed = _parsed(settings)
    page = None if report is None else require_page(report)
    asked = _read(dataset, protocol)
    manifest = asked.manifest if isinstance(asked, ProtocolSet) else asked
    opened = None if gallery is None else open_gallery(gallery)  # once: one on a server is downloaded
    rows, seen = [], list[Pictured]()
    root = _query_root(manifest, options)
    for run in compare_each(asked, parsed, options, gallery=opened, seed=seed, progress=progress):
        rows.append(run.row)
        if page is not None:
            seen.append(pictured(run, root))
    comparison = Comparison(tuple(rows))
    if page is not None:
        write_comparison(comparison, seen, page, progress=progress)
    return comparison


def _parsed(settings: Sequence[str]) -> list[Setting]:
    if not settings:
        raise UsageError("give at least one setting, for example: balanced fast")
    parsed = [Setting.parse(text) for text in settings]
    for setting in parsed:
        setting.require_possible()
    return parsed


def _read(dataset: Path | str | Manifest | ProtocolSet | None, protocol: str | None) -> Manifest | ProtocolSet | None:
    """Return the images that are asked, with the protocol where there is one."""
    by = protocol_of(dataset, protocol)
    if by is not None:
        return by
    return dataset if dataset is None or isinstance(dataset, Manifest) else read_dataset(dataset)  # type: ignore[arg-type]


def _query_root(manifest: Manifest | None, options: CompareWords) -> Path | None:
    """Return the folder of the queries' paths; None where the gallery's own images are the queries."""
    if (records := options.get("records")) is not None:
        return Path(records).parent
    return None if manifest is None else manifest.root
