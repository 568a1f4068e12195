"""A part of the report: the keys of some rules, the neighbourhood of some tables, and how far their deletes reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.diagram import adjacent
from alembic_cascade.report.reach import reach
from alembic_cascade.report.report import Reached, Report, ReportedKey, ReportedTable

DEPTH = 2


def narrowed(report: Report, tables: Sequence[TableName], depth: int, rules: Collection[str]) -> Report:
    """The report on the tables that are at most ``depth`` keys away from ``tables``, by keys of these ``rules``.

    Without tables, on those that such keys are about; without rules, all keys are meant. The changes of revisions and
    the runbook stay whole where no table is named.
    Errors: :exc:`.CascadeError` for a table that there is not.
    """
    if not tables and not rules:
        return report
    known = {table.name for table in report.tables}
    for table in tables:
        _check_known(table, known)
    keys = [key for key in report.keys if not rules or key.rule in rules]
    kept = _within(keys, tables, depth) if tables else {end for key in keys for end in (key.child, key.parent)}
    return _part(report, kept, keys, tables, _told(tables, depth, rules))


def _check_known(table: TableName, known: Collection[TableName]) -> None:
    if table in known:
        return
    near = get_close_matches(str(table), sorted(map(str, known)), n=3)
    hint = f" There is: {', '.join(near)}." if near else " Look at the report without --table for their names."
    raise CascadeError(f"--table {table}: neither the models nor the database have a table of that name.{hint}")


def _told(tables: Iterable[TableName], depth: int, rules: Collection[str]) -> str:
    listed = ", ".join(map(str, tables))
    steps = "1 key" if depth == 1 else f"{depth} keys"
    told = [f"the tables that are at most {steps} away from {listed}"] if listed else []
    told += [f"keys with {' or '.join(rules)}"] if rules else []
    return f"This is a part: {', by '.join(told)}."


def _within(keys: Iterable[ReportedKey], starts: Iterable[TableName], depth: int) -> set[TableName]:
    neighbours = adjacent(keys)
    seen = set(starts)
    wave = seen
    for _ in range(depth):
        wave = {other for table in wave for other in neighbours.get(table, ())} - seen
        if not wave:
            break
        seen |= wave
    return seen


def _part(
    report: Report, kept: Collection[TableName], keys: Sequence[ReportedKey], starts: Sequence[TableName], told: str
) -> Report:
    """What is about the kept tables and keys, numbered anew."""
    left = [key for key in keys if key.child in kept and key.parent in kept]
    number = {key.id: place for place, key in enumerate(left)}
    tables = [table for table in report.tables if table.name in kept]
    finding = _numbered(left, tables)
    whole = {start: reach(keys, start) for start in starts}
    models = [model for model in report.models if model.table in kept]
    names = {model.model for model in models}
    labels = {key.label for key in left}
    return replace(
        report,
        tables=tuple(replace(table, findings=_renumbered(table.findings, finding)) for table in tables),
        keys=tuple(replace(key, id=number[key.id], findings=_renumbered(key.findings, finding)) for key in left),
        relationships=tuple(
            replace(one, key=None if one.key is None else number.get(one.key))
            for one in report.relationships
            if one.table in kept and one.model in names
        ),
        models=tuple(models),
        findings=tuple(report.findings[old] for old in finding),
        waived=tuple(one for one in report.waived if one.finding.target.partition(".")[0] in {*names, *map(str, kept)}),
        changes=tuple(change for change in report.changes if not starts or change.table in kept),
        quarantine=tuple(one for one in report.quarantine if one.table in kept),
        reach={start: _reached(found, number) for start, found in whole.items()},
        samples=None
        if report.samples is None
        else {label: found for label, found in report.samples.items() if label in labels},
        narrowed=" ".join([told, *_beyond(whole, number)]),
    )


def _beyond(whole: Mapping[TableName, Sequence[Reached]], number: Collection[int]) -> Iterator[str]:
    """What is not told of the reach of deletes, for it lies beyond the part."""
    for start, found in whole.items():
        left_out = sum(one.key not in number for one in found)
        if left_out:
            keys = "1 more key" if left_out == 1 else f"{left_out} more keys"
            yield f"A delete in {start} comes upon {keys} beyond it: a greater --depth shows more."


def _reached(found: Iterable[Reached], number: dict[int, int]) -> tuple[Reached, ...]:
    """What is reached within the part."""
    return tuple(replace(one, key=number[one.key]) for one in found if one.key in number)


def _numbered(keys: Iterable[ReportedKey], tables: Iterable[ReportedTable]) -> dict[int, int]:
    """The new numbers of the findings that are about these, by their old ones."""
    about = {number for key in keys for number in key.findings} | {
        number for table in tables for number in table.findings
    }
    return {old: new for new, old in enumerate(sorted(about))}


def _renumbered(numbers: Iterable[int], new: dict[int, int]) -> tuple[int, ...]:
    return tuple(new[number] for number in numbers)
