"""The verb query."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import options, printing, query_explanation, slips
from placeprint.cli.option_records import Without, given
from placeprint.errors import UsageError
from placeprint.options import BuildOptions, DecisionOptions
from placeprint.records import Grade
from placeprint.terminal import counted, sized

if TYPE_CHECKING:
    from placeprint.embedding.embedder import AnyEmbedder
    from placeprint.gallery.filters import Filter, Selection
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.recognition.query import Answers
    from placeprint.recognition.query_result import Answered
    from placeprint.recognition.recognizer import Recognizer
    from placeprint.records import Answer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How many matches are asked for, of which images, and of which server."""

    k: Annotated[int, typer.Option("--k", "-k", help="How many matches to list.")] = 5
    place: Annotated[
        list[str] | None,
        typer.Option("--place", help="Ask only images of this place (repeatable); changes probabilities."),
    ] = None
    near: Annotated[
        str | None, typer.Option("--near", metavar="LAT,LON,METRES", help="Ask only images taken within a distance.")
    ] = None
    split: Annotated[str | None, typer.Option("--split", help="Ask only images of this split of the gallery.")] = None
    one_place: Annotated[bool, typer.Option("--one-place", help="All photos show one place: answer them together.")] = (
        False
    )
    url: Annotated[
        str | None, typer.Option("--url", help="Ask a server of `placeprint serve`; then all arguments are photos.")
    ] = None

    def filter(self) -> Filter:
        """Return which images of the gallery are asked.

        Raises `UsageError` when there is no such split, or what is given to --near cannot be read.
        """
        from placeprint.gallery.filters import Filter, parse_near

        near = None if self.near is None else parse_near(self.near, "--near")
        return Filter(places=self.place or (), near=near, split=self.split)


@dataclass(frozen=True, kw_only=True)
class Told:
    """How answers are told: explained, on a page, as JSON."""

    explain: Annotated[bool, typer.Option("--explain", help="Say why each match was found, and draw it on a page.")] = (
        False
    )
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the page of --explain.")] = None
    remember: Annotated[
        Path | None,
        typer.Option("--remember", help="Keep copies of UNKNOWN photos in this folder: see `placeprint remembered`."),
    ] = None
    remember_limit: Annotated[int, typer.Option("--remember-limit", help="Keep at most this many of them.")] = 1000
    as_json: options.AsJson = False
    as_csv: options.AsCsv = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print one line per photo: its answer.")] = False

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        options.Form(as_json=self.as_json, as_csv=self.as_csv)

    @property
    def for_people(self) -> bool:
        """Whether lines and tables are printed as answers come."""
        return not (self.as_json or self.as_csv)


def query(
    gallery: options.GalleryPath,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PHOTO...", help="Photos, folders of photos, or - for a list of paths on stdin."),
    ] = None,
    *,
    asked: Asked,
    decision: DecisionOptions,
    model: Annotated[BuildOptions, Without("cache", "workers", "index")],
    told: Told,
) -> None:
    """Say which place a photo shows, or UNKNOWN."""
    if asked.k < 1:
        raise UsageError(f"--k must be at least 1, not {asked.k}")
    if asked.url is not None:
        _refuse_what_a_server_decides(given(decision, model, told))
        _ask_server([Path(gallery), *(photos or ())], asked, decision.false_accept_rate, told)
        return
    if not photos:
        raise UsageError("give a gallery and a photo, or --url and a photo")
    if told.out is not None and not told.explain:
        raise UsageError("--out is the folder for the page of --explain: give both")
    slips.expect_gallery(gallery, photos)
    slips.refuse_galleries_as_photos(photos)
    if told.explain:
        query_explanation.require_room(query_explanation.page_of(photos, told.out))
    if told.remember is not None:
        from placeprint.grouping.remembered import remembered

        remembered(told.remember, make=True, limit=told.remember_limit)  # refused before anything is asked
    _ask_gallery(gallery, photos, asked, decision, model, told)


def _refuse_what_a_server_decides(options: dict[str, object]) -> None:
    """Refuse options that only the gallery's side can meet; the first of them is named."""
    names = {"threshold": "unknown-threshold", "margin_threshold": "unknown-margin"}
    if decided := [
        names.get(name, name) for name in options if name not in ("as_json", "as_csv", "quiet", "false_accept_rate")
    ]:
        raise UsageError(
            f"--{decided[0]} does not go with --url: the server's gallery, model and calibration decide. --k, --place, "
            "--near, --split, --false-accept-rate, --json, --csv and --quiet do"
        )


def _ask_server(photos: Sequence[Path], asked: Asked, rate: float | None, told: Told) -> None:
    from placeprint.recognition.server import Server

    assert asked.url is not None
    server = Server(asked.url, asked.filter(), rate)
    slips.refuse_galleries_as_photos(photos, url=True)
    answers = _answers(server, photos, asked, told=told)
    _show_all(answers, server.facts, asked, told)
    _end(answers)


def _ask_gallery(
    gallery: str, photos: Sequence[Path], asked: Asked, decision: DecisionOptions, model: BuildOptions, told: Told
) -> None:
    from placeprint.gallery.opening import open_gallery
    from placeprint.presets import find_preset
    from placeprint.recognition.query import outdated

    opened = open_gallery(gallery)
    if model.preset is not None:
        opened = opened.asked_as(find_preset(model.preset))
    chosen = asked.filter()
    only = opened.where_images(chosen) if chosen.given else None
    recognizer = _recognizer(opened, model, only, decision)
    facts: dict[str, Any] = {}
    if only is not None:
        facts["filter"] = chosen.to_dict(only)
        if told.for_people and not told.quiet:
            printing.say(_says(chosen, only))
    answers = _answers(recognizer, photos, asked, told=told)
    old = outdated(opened, decision)
    facts |= old
    explained = [(Path(one.image), one.explanation) for one in answers if one.explanation is not None]
    _show_all(answers, facts, asked, told)
    if told.for_people:
        printing.say(*old.values(), *_unlearned(opened, answers), err=True)
    if explained and (told.out is not None or told.for_people):
        page = query_explanation.page_of(photos, told.out)
        query_explanation.write_page(explained, opened, page, quiet=told.quiet or not told.for_people)
    if told.remember is not None:
        _remember(answers, asked, told.remember, told.remember_limit)
    _end(answers)


def _remember(answers: Sequence[Answered], asked: Asked, folder: Path, limit: int) -> None:
    """Keep copies of the photos that could not be told, and say on stderr how many there are now."""
    from placeprint.dataset.files import read_bytes
    from placeprint.grouping.remembered import PHOTO_BYTES, remembered
    from placeprint.recognition.query_result import QueryResult

    kept = remembered(folder, make=True, limit=limit)
    told = [one for one in answers if one.answer is not None]
    if asked.one_place and told and not QueryResult(tuple(answers)).together().unknown:
        told = []
    unknown = [Path(one.image) for one in told if one.answer is not None and one.answer.grade is Grade.UNKNOWN]
    left = [path for path in unknown if kept.keep(read_bytes(path), path.name) is None]
    if unknown:
        full = f", {len(left)} not: the limit is {limit}, and {sized(limit * PHOTO_BYTES)} in all" if left else ""
        printing.say(
            f"{counted(len(unknown) - len(left), 'unknown photo')} kept{full}; what they show: placeprint remembered "
            f"{folder}",
            err=True,
        )


def _recognizer(
    opened: AnyGallery, model: BuildOptions, only: Selection | None, decision: DecisionOptions
) -> Recognizer:
    """Load the model, which keeps one core busy, while the other imports what comes after it."""

    def load() -> AnyEmbedder:
        from placeprint.recognition.gallery_model import embedder_for

        return embedder_for(opened, model=model.model, runner=model.runner)

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        import PIL.Image  # noqa: F401
        import rich.table  # noqa: F401

        from placeprint.recognition.recognizer import Recognizer

        return Recognizer(opened, loading.result(), only=only, **given(decision))


def _answers(recognizer: Answers, photos: Sequence[Path], asked: Asked, *, told: Told) -> list[Answered]:
    """Ask about each photo, and print what is answered as it comes."""
    from placeprint.dataset.query_paths import listed_paths, query_paths
    from placeprint.recognition.query import answered

    listed = listed_paths(sys.stdin.buffer.read()) if query_explanation.STDIN in photos else []
    paths = [path for photo in photos for path in (listed if photo == query_explanation.STDIN else [photo])]
    answers = []
    for one in answered(recognizer, query_paths(paths), k=asked.k, explain=told.explain):
        answers.append(one)
        if told.for_people and not (asked.one_place and told.quiet):
            _show(one, brief=asked.one_place or told.quiet)
    return answers


def _show(one: Answered, *, brief: bool) -> None:
    """Print what became of a photo; of one among several of a place, in one line."""
    if one.failure is not None:
        printing.say(f"{one.image}: {one.failure.reason}", err=True)
    if one.answer is not None and brief:
        printing.say(f"{one.image}: {one.answer.said()}")
    elif one.answer is not None:
        _show_answer(one.image, one.answer)
    if one.explanation is not None:
        query_explanation.show_reasons(one.explanation)


def _show_answer(photo: str, answer: Answer) -> None:
    printing.say(f"{photo}: {answer.said()}")
    printing.say(f"  {answer.why}")
    if answer.position is not None and answer.position.located:
        printing.say(f"  position: {answer.position.said()}; {answer.position.why}")
    rows = [(f"{m.score:.4f}", "|".join(m.named), m.path) for m in answer.matches]
    printing.table(("score", "place", "image"), rows, right=(0,))


def _show_all(answers: Sequence[Answered], facts: dict[str, Any], asked: Asked, told: Told) -> None:
    """Print what all photos of one place say; as JSON a list of one object for each photo, or of one for all."""
    from placeprint.recognition.query_result import Answered, QueryResult

    found = QueryResult(tuple(answers), facts)
    if asked.one_place and any(one.answer is not None for one in answers):
        together = found.together()
        if told.as_json:
            printing.show_json([together.to_dict() | {"photos": found.to_list()} | facts])
        elif told.as_csv:
            named = Answered(counted(len(answers), "photo"), together)
            printing.show_csv(QueryResult((named,)).table())
        elif told.quiet:
            printing.say(together.said())
        else:
            _show_answer(counted(len(answers), "photo"), together)
    elif told.as_json:
        printing.show_json(found.to_list())
    elif told.as_csv:
        printing.show_csv(found.table())


def _unlearned(gallery: AnyGallery, answers: Sequence[Answered]) -> list[str]:
    """Return a line that says why no photo gets a position, where that was never learned."""
    told = [one.answer.position.why for one in answers if one.answer is not None and one.answer.position is not None]
    return told[:1] if gallery.position_evidence is None else []


def _end(answers: Sequence[Answered]) -> None:
    """End with 3 when a photo could not be answered."""
    if any(one.failure is not None for one in answers):
        raise typer.Exit(3)


def _says(chosen: Filter, rows: Selection) -> str:
    """Return the line that says which images are asked."""
    words = [" or ".join(f'place "{place}"' for place in chosen.places)] if chosen.places else []
    if chosen.near is not None:
        words.append(f"within {chosen.near[2]:g} m of {chosen.near[0]:g},{chosen.near[1]:g}")
    if chosen.split is not None:
        words.append(f"split {chosen.split}")
    return f"asking {int(rows.sum())} of {counted(len(rows), 'image')}: {', '.join(words)}"
