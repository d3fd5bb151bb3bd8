"""The verb evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import benchmark_table, datasets, options, printing, protocols, slips
from placeprint.cli.option_records import Without, given
from placeprint.errors import UsageError
from placeprint.options import BuildOptions
from placeprint.records.answers import with_titles
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.evaluation.result import EvaluationResult

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Measured(options.Judged):
    """What is measured."""

    k: Annotated[str, typer.Option("--k", help="The K of Recall@K, separated by commas.")] = "1,5,10,20"
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            help="Measure as the field does on one of its datasets, whose folder is given; `list` shows them.",
        ),
    ] = None
    every_convention: Annotated[
        bool, typer.Option("--conventions", help="Print mAP and recall by every convention of the field.")
    ] = False


def evaluate(
    context: typer.Context,
    dataset: Annotated[Path | None, typer.Argument(help="A folder or a manifest with queries.")] = None,
    *,
    searched: options.Searched,
    measured: Measured,
    build: Annotated[BuildOptions, Without("workers")],
    output: options.TableOutput,
) -> None:
    """Measure: Recall@K, mAP, open set, and what went wrong.

    Each photo is graded by its first look; query looks again at those that it is not sure of.
    """
    from placeprint.evaluation.evaluate import evaluate as measure

    if measured.protocol == "list":
        protocols.show(None, output)
        return
    slips.refuse_more(dataset, context.args)
    found = None if measured.protocol is None else protocols.opened(measured.protocol, dataset, searched)
    manifest = datasets.asked(dataset, searched) if found is None else found.manifest
    result = measure(
        manifest if found is None else found,
        gallery=searched.gallery,
        embeddings=searched.embeddings,
        records=searched.records,
        ks=parse_ks(measured.k),
        threshold=measured.threshold,
        margin_threshold=measured.margin_threshold,
        false_accept_rate=measured.false_accept_rate,
        radius=measured.radius,
        progress=output.progress,
        **given(build),
    )
    if output.as_json:
        from placeprint.dataset.overview import Overview

        understood = {} if manifest is None else {"understood": Overview.of(manifest).to_dict()}
        printing.show_json(result.to_dict() | understood)
    elif output.as_csv:
        printing.show_csv(result.table())
    else:
        show_evaluation(result)
        if measured.every_convention:
            show_conventions(result)


def parse_ks(text: str) -> tuple[int, ...]:
    """Read ``1,5,10``. Raises `UsageError` when it is not whole numbers above 0."""
    try:
        ks = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise UsageError(f'--k takes whole numbers separated by commas, not "{text}"') from error
    if ks[0] < 1:
        raise UsageError(f'--k takes numbers of at least 1, not "{text}"')
    return ks


def show_evaluation(result: EvaluationResult) -> None:
    """Print the numbers, then the worst misses and the confusions."""
    from placeprint.evaluation.diagnosis.decision_advice import decision_advice

    printing.show_failures(result.unusable)
    protocol = result.protocol + (f" ({result.n_copied} together with copies of them)" if result.n_copied else "")
    printing.say(
        f"{result.dataset}: {counted(result.n_queries, 'query', 'queries')} ({result.n_answerable} answerable, "
        f"{result.n_unknown} of places that the gallery lacks) against {counted(result.n_gallery, 'image')}; "
        f"model {result.model}, preset {result.preset}; {protocol}; right = {result.truth}"
    )
    for line in taking_no_part(result):
        printing.say(line)
    rows = [
        (f"Recall@{k}", printing.number(v), _interval(result, "recall_at_1") if k == 1 else "")
        for k, v in result.recall.items()
    ]
    rows.append(("mAP", printing.number(result.map), _interval(result, "map")))
    rows.append(("AUROC of known/unknown", printing.number(result.open_set.auroc), _interval(result, "auroc")))
    rows += _open_set_rows(result)
    rows.append(("risk-coverage area", printing.number(result.open_set.risk_coverage_area), ""))
    rows.append(("search, ms a query", printing.number(1000 * result.seconds.search_per_query, 2), ""))
    printing.table(("measure", "value", "95 % interval over places"), rows, right=(1,))
    benchmark_table.show(result)
    if result.open_set.recall_at_1 is not None:
        grades = [(g.grade, str(g.right), str(g.wrong), str(g.unknown)) for g in result.grades]
        of = ("grade", "best place right", "wrong", "of places that the gallery lacks")
        printing.table(of, grades, title="Answers by grade", right=(1, 2, 3))
        printing.say("")
    for advice in decision_advice(result):
        printing.say(advice)
    shown = partial(with_titles, titles=result.titles)
    if result.failures:
        misses = [
            (q.path, shown(q.places), shown(q.predicted), f"{q.score:.3f}", str(q.first_positive))
            for q in result.failures[:SHOWN]
        ]
        columns = ("query", "true place", "predicted", "score", "rank")
        title = f"{counted(len(result.failures), 'miss', 'misses')}, the surest mistake first"
        printing.table(columns, misses, title=title, right=(3, 4))
    if result.confusions:
        pairs = [(shown(c.true), shown(c.predicted), str(c.count)) for c in result.confusions[:SHOWN]]
        printing.table(("true place", "taken for", "times"), pairs, title="Confusions", right=(2,))


def taking_no_part(result: EvaluationResult) -> tuple[str, ...]:
    """Return what was given and could not count, a line each."""
    aside = ", ".join(aside.says for aside in result.set_aside)
    bare = "without a label" if result.truth == "same place" else "without a position"
    unjudged = counted(result.gallery_unjudged, "gallery image")
    lines = (
        f"not asked: {aside}" if aside else "",
        f"{unjudged} {bare}: right for no query" if result.gallery_unjudged else "",
    )
    return tuple(line for line in lines if line)


def _open_set_rows(result: EvaluationResult) -> list[tuple[str, str, str]]:
    opened = result.open_set
    if opened.recall_at_1 is None:
        return []
    return [
        ("Recall@1, UNKNOWN a miss", printing.number(opened.recall_at_1), _interval(result, "open_set_recall_at_1")),
        ("UNKNOWN precision", printing.number(opened.unknown_precision), _interval(result, "unknown_precision")),
        ("UNKNOWN recall", printing.number(opened.unknown_recall), _interval(result, "unknown_recall")),
        ("UNKNOWN F1", printing.number(opened.unknown_f1), ""),
        (f"false accepts: of {result.n_unknown} unknown, given a place", str(opened.false_accepts), ""),
        (f"false rejects: of {result.n_answerable} known, given no place", str(opened.false_rejects), ""),
    ]


def _interval(result: EvaluationResult, name: str) -> str:
    found = next((h.over_places for h in result.headlines if h.name == name), None)
    if found is None or found.low != found.low:
        return ""
    return f"{found.low:.3f} to {found.high:.3f}"


def show_conventions(result: EvaluationResult) -> None:
    """Print the run in every convention of the field."""
    rows = [(c.name, printing.number(c.value), c.divides_by, c.by) for c in result.conventions]
    printing.table(
        ("measure", "value", "divided by", "as in"), rows, title="The same run, by everyone's convention", right=(1,)
    )
