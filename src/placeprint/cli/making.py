"""Verbs that put photos into a gallery: index, add."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import datasets, options, printing, slips
from placeprint.cli.calibrate import show_calibration
from placeprint.dataset.overview import Overview
from placeprint.dataset.walk import why_not_walked
from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.presets import DEFAULT_PRESET, FAST, find_preset
from placeprint.progress import on_stderr
from placeprint.terminal import counted

SHOWN_FAILURES = 5

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.indexing.result import IndexResult
    from placeprint.indexing.sources import Source
    from placeprint.records import SetAside


def index(
    dataset: Annotated[
        str | None,
        typer.Argument(help="A folder of photos by place, a manifest, or s3://bucket/photos."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The gallery's folder.")] = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="ADDRESS", help="A server instead: milvus://host:19530/name.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Embed on a Ray cluster: local, or ray://head:10001; with --store.")
    ] = None,
    model: options.ModelName = None,
    layout: options.LayoutName = None,
    index: options.IndexName = "auto",
    runner: options.RunnerName = "openvino",
    preset: options.PresetName = None,
    embeddings: options.Embeddings = None,
    records: options.Records = None,
    replace: options.Replace = False,
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a gallery of photos, or of embeddings you already have.

    Interrupted, run it again: what was embedded is not embedded twice. Photos that cannot be used are named and
    counted; the exit code is 0 as long as one could be used.
    """
    target = _target(out, store)
    if embeddings is not None or records is not None:
        if dataset is not None or embeddings is None or records is None:
            raise UsageError("give either a dataset, or both --embeddings and --records")
        how = {"index": index, "preset": find_preset(preset or FAST), "replace": replace}
        (gallery, why), aside, notes = _import(target, embeddings, records, model or "imported", **how)
        for note in notes:
            printing.say(f"{records}: {note}", err=True)
        if aside and not as_json:
            printing.say(f"left out, for evaluate to ask: {', '.join(one.says for one in aside)}")
        _show_gallery(gallery, why, as_json, set_aside=[one.to_dict() for one in aside], notes=list(notes))
        return
    if dataset is None:
        raise UsageError("give a dataset, or --embeddings and --records")
    from placeprint.embedding.models import DEFAULT_MODEL
    from placeprint.indexing import folder as indexing

    if on is not None and store is None:
        raise UsageError("--on embeds on a cluster, which writes to a server: give --store milvus://host:19530/name")
    source = datasets.opened(dataset, layout, beside=[out])
    if on is not None:
        done = indexing.index_on_ray(
            source,
            target,
            on=on,
            model=model or DEFAULT_MODEL,
            index=index,
            runner=runner,
            preset=preset or DEFAULT_PRESET,
            replace=replace,
            progress=on_stderr(quiet=quiet or as_json),
        )
        _show_index(done, as_json, source)
        return
    done = indexing.index(
        source,
        target,
        model=model or DEFAULT_MODEL,
        index=index,
        runner=runner,
        preset=preset or DEFAULT_PRESET,
        cache=not no_cache,
        workers=workers,
        replace=replace,
        progress=on_stderr(quiet=quiet or as_json),
    )
    _show_index(done, as_json, source)


def _target(out: Path | None, store: str | None) -> Path | str:
    """Return where a gallery is to be: a folder, or an address."""
    if (out is None) == (store is None):
        raise UsageError("say where the gallery is to be: --out FOLDER, or --store milvus://host:19530/name")
    if store is not None:
        from placeprint.gallery.opening import checked_address

        return checked_address(store)
    assert out is not None
    return out


def _import(
    out: Path | str, embeddings: Path, records: Path, name: str, **how: Any
) -> tuple[tuple[AnyGallery, str], tuple[SetAside, ...], tuple[str, ...]]:
    """Make a gallery of the rows of a table that are no queries, see `calibrated_alone`.

    Return also those that are, and what is doubtful about the table.
    """
    from placeprint.embedding.imported import imported_spec, read_side
    from placeprint.gallery.gallery import Gallery
    from placeprint.indexing.folder import calibrated_alone

    done, aside, notes = read_side(embeddings, records, "gallery")
    spec = imported_spec(name, done.vectors.shape[1])
    root = str(records.parent.resolve())
    settings: dict[str, Any] = {
        "records": done.records,
        "vectors": done.vectors,
        "spec": spec,
        "root": root,
        **how,
    }
    if is_address(out):
        from placeprint.indexing.server import store_vectors

        return calibrated_alone(store_vectors(out, **settings)), aside, notes
    return calibrated_alone(Gallery.build(out, **settings)), aside, notes


def add(
    gallery: options.GalleryPath,
    dataset: options.Dataset,
    layout: options.LayoutName = None,
    model: options.ModelName = None,
    runner: options.RunnerName = "openvino",
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Add the photos of another dataset to a gallery; adding twice changes nothing.

    Photos that cannot be used are named and counted; the exit code is 0 as long as one could be used.
    """
    from placeprint.gallery.opening import open_gallery
    from placeprint.indexing import folder as indexing

    slips.expect_gallery(gallery, [dataset])
    progress, opened = on_stderr(quiet=quiet or as_json), open_gallery(gallery)
    source = datasets.opened(dataset, layout, beside=[gallery])
    done = indexing.add(
        opened,
        source,
        model=model,
        runner=runner,
        cache=not no_cache,
        workers=workers,
        progress=progress,
    )
    _show_index(done, as_json, source)


def size_of(gallery: AnyGallery) -> str:
    """Return how many images of how many places a gallery has."""
    return f"{counted(len(gallery), 'image')} of {counted(len(gallery.places), 'place')}"


def _show_gallery(gallery: AnyGallery, not_calibrated: str, as_json: bool, **facts: Any) -> None:
    row = {
        "gallery": gallery.where,
        "images": len(gallery),
        "places": len(gallery.places),
        "model": gallery.spec.name,
        "fingerprint": gallery.spec.fingerprint(),
        "preset": gallery.preset.name,
        "index": gallery.index_name,
        "calibration": gallery.calibration.told(gallery.where) if gallery.calibration else None,
        "not_calibrated": not_calibrated or None,
    }
    if as_json:
        printing.show_json(row | facts)
    else:
        lost = f"; {counted(len(facts['failures']), 'image')} could not be used" if facts.get("failures") else ""
        printing.say(f"{gallery.where}: {size_of(gallery)}, model {gallery.spec}, preset {gallery.preset.name}{lost}")
        show_calibration(gallery.calibration, gallery.where, not_calibrated)


def _shares(done: IndexResult) -> str:
    return ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in done.shares.items())


def _show_index(done: IndexResult, as_json: bool, source: Source) -> None:
    facts = {
        "understood": Overview.of(source.manifest).to_dict(),
        "change": asdict(done.change),
        "computed": done.computed,
        "cached": done.cached,
        "seconds": done.seconds,
        "shares": dict(done.shares),
        "failures": [asdict(f) for f in done.failures],
    }
    if not as_json:
        printing.show_failures(done.failures)
        counts = asdict(done.change)
        elsewhere, contradicting = counts.pop("elsewhere"), counts.pop("contradicting")
        del counts["missing"]  # of remove
        change = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        rate = (done.computed + done.cached) / max(done.seconds, 1e-9)
        printing.say(
            f"{change or 'nothing changed'}; embedded {done.computed}, from the cache {done.cached} "
            f"({done.seconds:.1f} s, {rate:.0f} images/s: {_shares(done)})"
        )
        if elsewhere:
            given = sum(counts.values()) - counts["removed"] + elsewhere
            printing.say(f"{elsewhere} of {given} are there already, under another path: they were not added again")
        if contradicting:
            printing.say(f"{contradicting} of those added are there as another place too: look at their labels")
    _show_gallery(done.gallery, done.not_calibrated, as_json, **facts)
    if lost := why_not_walked(done.failures):
        printing.say(f"not in the gallery: {'; '.join(lost[:SHOWN_FAILURES])}", err=True)
