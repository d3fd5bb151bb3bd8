"""The verb query."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import options, printing, query_explanation, query_filters, query_server, slips
from placeprint.errors import ImageError, UsageError
from placeprint.presets import find_preset
from placeprint.records import UNKNOWN

if TYPE_CHECKING:
    from placeprint.embedding.embedder import AnyEmbedder
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.recognition.explanation import Explanation
    from placeprint.recognition.recognizer import Recognizer
    from placeprint.records import Answer


def query(
    gallery: options.GalleryPath,
    photos: Annotated[list[Path] | None, typer.Argument(metavar="PHOTO...", help="One photo or several.")] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="How many matches to list.")] = 5,
    threshold: options.Threshold = None,
    margin: options.Margin = None,
    model: options.ModelName = None,
    runner: options.RunnerName = "openvino",
    preset: options.PresetName = None,
    place: Annotated[
        list[str] | None, typer.Option("--place", help="Ask only images of this place; may be given several times.")
    ] = None,
    near: Annotated[
        str | None, typer.Option("--near", metavar="LAT,LON,METRES", help="Ask only images taken within a distance.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Ask only images of this split of the gallery.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say and draw why each match is there.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the page of --explain.")] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Ask a server of `placeprint serve`; then all arguments are photos.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Say which place a photo shows, or UNKNOWN."""
    from placeprint.gallery.opening import open_gallery

    if k < 1:
        raise UsageError(f"--k must be at least 1, not {k}")
    if url is not None:
        given: dict[str, object] = {"unknown-threshold": threshold is not None, "unknown-margin": margin is not None}
        given |= {"model": model, "runner": runner != "openvino", "preset": preset, "explain": explain, "out": out}
        query_server.refuse_what_a_server_decides(given)
        server = query_server.Server(url, places=place or (), near=near, split=split)
        slips.refuse_galleries_as_photos(gallery, [Path(gallery), *(photos or ())], url=True)
        rows, _ = _ask(server, [Path(gallery), *(photos or ())], k=k, explain=False, quiet=as_json)
        _show_rows(rows, {"filter": server.filter} if server.filter else {}, as_json=as_json)
        _end(rows)
        return
    if not photos:
        raise UsageError("give a gallery and a photo, or --url and a photo")
    if out is not None and not explain:
        raise UsageError("--out is the folder for the page of --explain: give both")
    slips.expect_gallery(gallery, photos)
    slips.refuse_galleries_as_photos(gallery, photos)
    if explain:
        query_explanation.require_room(query_explanation.page_of(photos, out))
    opened = open_gallery(gallery)
    if preset is not None:
        opened = opened.asked_as(find_preset(preset))
    chosen = query_filters.chosen(opened, places=place or (), near=near, split=split)
    only = chosen.rows if chosen else None
    recognizer = _recognizer(
        opened, model=model, runner=runner, threshold=threshold, margin_threshold=margin, only=only
    )
    if chosen and not as_json:
        printing.say(chosen.says)
    rows, explained = _ask(recognizer, photos, k=k, explain=explain, quiet=as_json)
    old = opened.calibration.outdated(gallery) if opened.calibration and threshold is None and margin is None else ""
    facts = ({"filter": chosen.to_dict()} if chosen else {}) | ({"calibration_outdated": old} if old else {})
    _show_rows(rows, facts, as_json=as_json)
    if old and not as_json:
        printing.say(old, err=True)
    if explained and (out is not None or not as_json):
        query_explanation.write_page(explained, opened, query_explanation.page_of(photos, out), quiet=as_json)
    _end(rows)


def _show_rows(rows: list[dict[str, Any]], facts: dict[str, Any], *, as_json: bool) -> None:
    """Print JSON where it is asked for; each row says also what all were asked through."""
    told = [row | facts for row in rows]
    if as_json:
        printing.show_json(told if len(told) > 1 else told[0])


def _end(rows: list[dict[str, Any]]) -> None:
    """End with 3 when a photo could not be answered."""
    if any("error" in row for row in rows):
        raise typer.Exit(3)


def _recognizer(opened: AnyGallery, *, model: str | None, runner: str, **settings: Any) -> Recognizer:
    """Load the model, which keeps one core busy, while the other imports what comes after it."""

    def load() -> AnyEmbedder:
        from placeprint.recognition.gallery_model import embedder_for

        return embedder_for(opened, model=model, runner=runner)

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        import PIL.Image  # noqa: F401
        import rich.table  # noqa: F401

        from placeprint.recognition.recognizer import Recognizer

        return Recognizer(opened, loading.result(), **settings)


def _ask(
    recognizer: Recognizer | query_server.Server, photos: Sequence[Path], *, k: int, explain: bool, quiet: bool
) -> tuple[list[dict[str, Any]], list[tuple[Path, Explanation]]]:
    """Ask about each photo, and print what is answered; return rows for JSON, and what was explained."""
    rows: list[dict[str, Any]] = []
    explained = []
    for photo in photos:
        try:
            if explain and not isinstance(recognizer, query_server.Server):
                explained.append((photo, _explained(recognizer, photo, k=k, quiet=quiet)))
                found = explained[-1][1].to_dict()
            else:
                answer = recognizer.recognize(photo, k=k)
                found = answer.to_dict()
                if not quiet:
                    _show_answer(photo, answer)
        except ImageError as error:
            found = {"error": error.reason, "kind": error.kind}
            if not quiet:
                printing.say(f"{photo}: {error.reason}", err=True)
        rows.append({"photo": str(photo), **found})
    return rows, explained


def _explained(recognizer: Recognizer, photo: Path, *, k: int, quiet: bool) -> Explanation:
    from placeprint.recognition.explanation import explain

    found = explain(recognizer, photo, k=k)
    if not quiet:
        _show_answer(photo, found.answer)
        query_explanation.show_reasons(found)
    return found


def _show_answer(photo: Path, answer: Answer) -> None:
    name = UNKNOWN if answer.unknown else answer.place
    printing.say(f"{photo}: {name}")
    printing.say(f"  {answer.why}")
    rows = [(f"{m.score:.4f}", "|".join(m.places), m.path) for m in answer.matches]
    printing.table(("score", "place", "image"), rows, right=(0,))
