"""The verb index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.results import show_gallery, show_index
from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.presets import DEFAULT_PRESET, FAST, find_preset
from placeprint.progress import on_stderr

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery
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
        show_gallery(gallery, why, as_json, set_aside=[one.to_dict() for one in aside], notes=list(notes))
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
        show_index(done, as_json, source)
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
    show_index(done, as_json, source)


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
