"""What was counted, what would be done and what was done, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.text import Text

from alembic_cascade.audit.findings import Finding
from alembic_cascade.audit.mapped import BrokenMapper
from alembic_cascade.cli.findings import print_finding
from alembic_cascade.cli.output import columns, count_of, fits, names_and_values, print_database
from alembic_cascade.escaping import printable
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.looked import Looked, Sample, Status
from alembic_cascade.orphans.planning import Plan
from alembic_cascade.orphans.remarks import DUPLICATE_REFERENT, ORPHANED_ROWS, findings, percent
from alembic_cascade.orphans.settling import Effect, Foreseen, Settled
from alembic_cascade.sql.quoting import quote_identifier, quote_table


@dataclass(frozen=True)
class Counted:
    """What was found in one of the project's databases; ``children`` are all tables that were asked for or not."""

    site: int
    database: str
    looked: tuple[Looked, ...]
    children: tuple[TableName, ...]
    broken: tuple[BrokenMapper, ...]


def print_counted(counted: Sequence[Counted], shown_on: Console) -> None:
    """A line for each key that was counted, then what was found, then what was not looked at."""
    for one in counted:
        if len(counted) > 1:
            print_database(one.database, shown_on)
        _print_counts(one, shown_on)
        found = [(finding, looked) for looked in one.looked for finding in findings([looked])]
        for finding, looked in sorted(found, key=lambda told: told[0].sort_key):
            print_finding(finding, shown_on, partial(_print_samples, _samples(finding, looked), shown_on))
        _print_left_out(one, shown_on)
        shown_on.print(_summary(one))


def _print_counts(one: Counted, shown_on: Console) -> None:
    rows = [
        (
            Text(str(looked.orphans), style="bold red" if looked.orphans else ""),
            Text(str(looked.references)),
            Text(percent(looked.rate)),
            Text(str(looked.empty)),
            Text(printable(looked.link.label)),
        )
        for looked in one.looked
        if looked.status is Status.COUNTED
    ]
    if rows:
        shown_on.print(columns(("orphans", "references", "rate", "NULL", "key"), rows, numbers=(0, 1, 2, 3)))
        shown_on.print()


def _samples(finding: Finding, looked: Looked) -> tuple[Sample, ...]:
    if finding.rule == ORPHANED_ROWS:
        return looked.samples
    if finding.rule == DUPLICATE_REFERENT:
        return () if looked.doubles is None else looked.doubles.samples
    return next(null.samples for null in looked.nulls if finding.target.endswith(f".{null.column}"))


def _print_samples(samples: Sequence[Sample], shown_on: Console) -> None:
    if not samples or not samples[0]:
        return
    rows = [[_shown(value) for value in sample.values()] for sample in samples]
    headings = list(samples[0])
    printed = columns(
        [f"    {headings[0]}", *headings[1:]], [[Text.assemble("    ", row[0]), *row[1:]] for row in rows]
    )
    if fits(printed, shown_on):
        shown_on.print(printed)
        return
    for row in rows:
        shown_on.print(names_and_values(zip(headings, row, strict=True), indent=4))


def _shown(value: str | None) -> Text:
    return Text("NULL", style="dim") if value is None else Text(printable(value))


def refusals(one: Counted) -> list[str]:
    """A line for each key that could not be counted, for which the exit status is another one."""
    return [printable(_why(looked)) for looked in one.looked if looked.status is Status.REFUSED]


def _print_refusals(one: Counted, shown_on: Console) -> None:
    for line in refusals(one):
        shown_on.print(Text(line, style="yellow"))


def _why(looked: Looked) -> str:
    what = "could not be counted" if looked.status is Status.REFUSED else "skipped"
    return f"{what}: {_told_of(looked)}: {looked.why}"


def _print_left_out(one: Counted, shown_on: Console) -> None:
    """Why a key was not counted; those that the database sees to are told by their number."""
    left_out = {Status.ABSENT, Status.NOT_JUDGED, Status.REFUSED}
    told = [_why(looked) for looked in one.looked if looked.status in left_out]
    for broken in one.broken:
        name = "a model" if broken.model is None else broken.model.__name__
        told.append(f"skipped: relationships of {', '.join(broken.left_out)}: {name} is broken: {broken.problem}")
    for line in told:
        shown_on.print(Text(printable(line), style="yellow"))
    if told:
        shown_on.print()


def _told_of(looked: Looked) -> str:
    named = "" if looked.link.is_key else f" ({', '.join(looked.link.relationships)})"
    return f"{looked.link.label}{named}"


def _summary(one: Counted) -> Text:
    counted = [looked for looked in one.looked if looked.status is Status.COUNTED]
    trusted = sum(looked.status is Status.TRUSTED for looked in one.looked)
    found = sum(looked.orphans for looked in counted)
    references = sum(looked.references for looked in counted)
    told = [f"{count_of(found, 'orphan')} of {count_of(references, 'reference')}"]
    if found:
        by = sum(bool(looked.orphans) for looked in counted)
        told[0] += f" ({percent(found / references)}), by {by} of {count_of(len(counted), 'key')}"
    else:
        told[0] += f", by {count_of(len(counted), 'key')}"
    nulls = sum(null.number for looked in one.looked for null in looked.nulls)
    doubles = sum(looked.doubles.number for looked in one.looked if looked.doubles is not None)
    told += [f"{count_of(nulls, 'row')} with NULL in a required column"] if nulls else []
    told += [f"{count_of(doubles, 'row')} of referents not unique"] if doubles else []
    verb = "is" if trusted == 1 else "are"
    told += [f"{count_of(trusted, 'valid key')} {verb} not counted without --all"] if trusted else []
    return Text("; ".join(told), style="bold" if any(looked.has_findings for looked in one.looked) else "bold green")


def print_plans(one: Counted, plans: Iterable[Plan], shown_on: Console, *, named: bool) -> None:
    """What is to become of the orphans of each key that has some."""
    if named:
        print_database(one.database, shown_on)
    for plan in plans:
        if plan.looked.orphans:
            shown_on.print(Text(printable(f"{plan.label}: {count_of(plan.looked.orphans, 'orphan')}; {plan.reason}")))
    _print_refusals(one, shown_on)


def print_foreseen(
    one: Counted, plans: Iterable[Plan], foreseen: Iterable[Foreseen], shown_on: Console, *, named: bool
) -> None:
    """For each key with orphans what would be done, or why nothing would be."""
    if named:
        print_database(one.database, shown_on)
    # Not by their labels: a database can have keys with different rules over the same columns.
    told = {id(found.plan): found for found in foreseen}
    with_orphans = [plan for plan in plans if plan.looked.orphans]
    for plan in with_orphans:
        head = f"{plan.label}: {count_of(plan.looked.orphans, 'orphan')}; {plan.reason}"
        shown_on.print(Text(printable(head), style="bold"))
        found = told.get(id(plan))
        if found is not None and found.refused is not None:
            shown_on.print(Text(printable(f"  refused: {found.refused}"), style="yellow"))
        for effect in () if found is None else found.effects:
            shown_on.print(Text(printable(f"  {_effect_in_words(effect, plan)}")))
    _print_refusals(one, shown_on)
    if any(found.refused is not None for found in told.values()):
        shown_on.print(Text("--fix would be refused as a whole. Nothing was changed.", style="bold"))
    else:
        shown_on.print(Text("Nothing was changed." if with_orphans else "Nothing to settle.", style="bold"))


def _effect_in_words(effect: Effect, plan: Plan) -> str:
    table = quote_table(*effect.table)
    rows = f"{count_of(effect.number, 'row')} of {table}"
    if effect.removed:
        done = "deleted for good" if _keeps_nothing(plan) else "into the quarantine"
        said = f"{rows} {done}"
    else:
        changed = ", ".join(map(quote_identifier, effect.columns))
        said = f"{rows} would lose {changed}" + ("" if _keeps_nothing(plan) else ", the old value into the quarantine")
    return said if effect.orphans else f"{said}, by {effect.reason} of {effect.constraint or plan.label}"


def _keeps_nothing(plan: Plan) -> bool:
    return plan.decision is not None and plan.decision.strategy == "delete"


def print_settled(one: Counted, settled: Sequence[Settled], revision: str, shown_on: Console, *, named: bool) -> None:
    """What was done by each key, how it is undone, and what is left."""
    if named:
        print_database(one.database, shown_on)
    for done in settled:
        shown_on.print(Text(printable(f"{done.plan.label}: {done.words}")))
    if any(not _keeps_nothing(done.plan) for done in settled):
        shown_on.print(Text(f"alembic-cascade quarantine restore {revision} puts back what is in the quarantine."))
    left = [looked for looked in one.looked if looked.has_findings]
    if left:
        shown_on.print()
        print_counted([one], shown_on)
