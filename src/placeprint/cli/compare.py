"""The verb compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import datasets, options, printing, protocols
from placeprint.cli.evaluate import taking_no_part
from placeprint.cli.option_records import Without, given
from placeprint.options import EmbedOptions
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.evaluation.compare import Compared
    from placeprint.evaluation.metrics.intervals import Interval
    from placeprint.evaluation.metrics.paired_tests import McNemar


@dataclass(frozen=True, kw_only=True)
class How:
    """How settings are compared, and where the page goes."""

    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Measure as the field does on one of its datasets, as evaluate.")
    ] = None
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page: side by side, and what each gained and lost.")
    ] = None
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0


def compare(
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="A B ...",
            help="Presets (balanced), models, both (fast:MODEL), or key=value,key=value (index, threshold, …).",
        ),
    ],
    dataset: Annotated[Path | None, typer.Option("--on", help="A folder or a manifest with queries.")] = None,
    *,
    searched: options.Searched,
    compared: How,
    embed: Annotated[EmbedOptions, Without("model", "runner", "workers")],
    output: options.TableOutput,
) -> None:
    """Run several presets, models or settings on one dataset, and compare each with the first."""
    from placeprint.report.compare import compare as run_all

    name = compared.protocol
    by = None if name is None else protocols.opened(name, dataset, searched)
    rows = run_all(
        datasets.asked(dataset, searched) if by is None else by,
        settings,
        gallery=searched.gallery,
        embeddings=searched.embeddings,
        records=searched.records,
        seed=compared.seed,
        report=compared.report,
        progress=output.progress,
        **given(embed),
    )
    if output.as_json:
        printing.show_json([_row(c) for c in rows])
        return
    if output.as_csv:
        printing.show_csv(rows.table())
        return
    first = rows[0].result
    printing.say(
        f"{first.dataset}: {counted(first.n_queries, 'query', 'queries')}, {first.n_answerable} answerable; "
        "95 % intervals over places"
    )
    for line in taking_no_part(first):
        printing.say(line)
    columns = ("setting", "Recall@1", "mAP", "mAP, against the first", "McNemar p", "ms a query", "gallery MB")
    printing.table(columns, [_line(c) for c in rows], right=(5, 6))
    if any(c.open_set_recall_at_1 or c.open_set_test for c in rows):
        printing.say("", "What the decision costs: an answer of UNKNOWN counts as a miss")
        costs = ("setting", "Recall@1, UNKNOWN a miss", "McNemar p, against the first")
        printing.table(costs, [_decided(c) for c in rows])
    if any(c.sweep for c in rows):
        printing.say(
            "", "What the thresholds do (mAP: the published convention, over the 20 best, by the positives found)"
        )
        names = ("setting", "UNKNOWN rate", "Recall@1, UNKNOWN a miss", "mAP", "wrong removed", "right removed")
        printing.table(names, [_sweep(c) for c in rows if c.sweep], right=(1, 2, 3, 4, 5))
    if compared.report is not None:
        printing.say("", f"report: {compared.report}")


def _line(row: Compared) -> tuple[str, ...]:
    difference = row.precision_difference
    return (
        row.setting.name,
        _interval(row.recall_at_1),
        _interval(row.average_precision),
        "–" if difference is None else f"{_interval(difference.interval, sign=True)}, p = {difference.p_value:.3f}",
        _test(row.recall_test),
        f"{1000 * row.result.seconds.search_per_query:.2f}",
        f"{row.megabytes:.1f}",
    )


def _decided(row: Compared) -> tuple[str, ...]:
    value = row.open_set_recall_at_1
    says = "never says UNKNOWN" if value is None else _interval(value)
    return (row.setting.name, says, _test(row.open_set_test))


def _test(test: McNemar | None) -> str:
    return "–" if test is None else f"{test.p_value:.3f} ({test.first_only} gained, {test.second_only} lost)"


def _sweep(row: Compared) -> tuple[str, ...]:
    sweep = row.sweep
    if sweep is None:
        return (row.setting.name,)
    return (
        row.setting.name,
        f"{sweep.unknown_rate:.4f}",
        printing.number(sweep.open_set_recall_at_1),
        printing.number(sweep.map_found_at_20),
        str(sweep.wrong_removed),
        str(sweep.right_removed),
    )


def _interval(value: Interval, *, sign: bool = False) -> str:
    form = "+.3f" if sign else ".3f"
    return f"{value.value:{form}} [{value.low:{form}}, {value.high:{form}}]"


def _row(row: Compared) -> dict[str, Any]:
    from placeprint.evaluation.json_values import plain

    return {
        "setting": row.setting.name,
        "recall_at_1": plain(row.recall_at_1),
        "map": plain(row.average_precision),
        "open_set_recall_at_1": plain(row.open_set_recall_at_1),
        "recall_test": plain(row.recall_test),
        "open_set_test": plain(row.open_set_test),
        "map_difference": plain(row.precision_difference),
        "sweep": None if row.sweep is None else plain(asdict(row.sweep)),
        "gallery_megabytes": row.megabytes,
        "result": row.result.to_dict(),
    }
