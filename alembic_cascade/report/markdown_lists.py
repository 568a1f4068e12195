"""The report as Markdown: the sections that are lists of what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from alembic_cascade.escaping import markdown_code, markdown_text
from alembic_cascade.report.report import Report, ReportedKey, ReportedTable

Row = Sequence[str]


def table_of(headings: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"


def keys_section(report: Report) -> Iterator[str]:
    if not report.keys:
        return
    yield "## Foreign keys"
    yield ""
    yield from table_of(
        ("key", "constraint", "ON DELETE", "drift", "index", "orphans", "why"),
        (
            (
                markdown_code(key.label),
                "" if key.key.name is None else markdown_code(str(key.key.name)),
                markdown_text(str(key.key.ondelete)),
                markdown_text(key.drift or ""),
                "yes" if key.indexed else "**no**",
                _orphans(key),
                markdown_text(key.rationale),
            )
            for key in report.keys
        ),
    )


def _orphans(key: ReportedKey) -> str:
    return "not counted" if key.orphans is None else f"{key.orphans:,}"


def relationships_section(report: Report) -> Iterator[str]:
    if not report.relationships:
        return
    yield "## Relationships"
    yield ""
    yield from table_of(
        ("relationship", "to", "cascade", "passive_deletes", "why"),
        (
            (
                markdown_code(one.name),
                markdown_code(one.target),
                markdown_text(one.cascade),
                one.passive_deletes,
                markdown_text(one.rationale),
            )
            for one in report.relationships
        ),
    )


def loading_section(report: Report) -> Iterator[str]:
    if not report.relationships:
        return
    yield "## Loading"
    yield ""
    yield from table_of(
        ("relationship", "lazy", "what that means"),
        (
            (markdown_code(one.name), markdown_text(one.lazy), markdown_text(one.loading))
            for one in report.relationships
        ),
    )


def models_section(report: Report) -> Iterator[str]:
    if not report.models:
        return
    yield "## Models"
    yield ""
    yield from table_of(
        ("model", "table", "status", "notes"),
        (
            (
                markdown_code(model.model),
                "" if model.table is None else markdown_code(str(model.table)),
                model.status,
                "<br>".join(map(markdown_text, model.notes)),
            )
            for model in report.models
        ),
    )


def tables_section(report: Report) -> Iterator[str]:
    if not report.tables:
        return
    yield "## Tables"
    groups = sorted({table.group for table in report.tables})
    for group in groups:
        tables = [table for table in report.tables if table.group == group]
        yield ""
        yield f"### {markdown_text(group)}: {counted(tables, 'table')}"
        yield ""
        yield from table_of(
            ("table", "rows", "orphans", "in quarantine", "there"), (_table_row(table) for table in tables)
        )


def _table_row(table: ReportedTable) -> Row:
    there = "models and database" if table.in_models and table.in_database else "models"
    if table.in_database is False:
        there = "not in the database"
    elif not table.in_models:
        there = "not in the models"
    return (
        markdown_code(str(table.name)),
        "" if table.rows is None else f"about {table.rows:,}",
        "" if table.orphans is None else f"{table.orphans:,}",
        f"{table.quarantined:,}" if table.quarantined else "",
        there,
    )


def lifecycle_section(report: Report) -> Iterator[str]:
    facts = [(table.name, fact) for table in report.tables for fact in table.lifecycle]
    if not facts:
        return
    yield "## Lifecycle columns"
    yield ""
    yield from table_of(
        ("column", "type", "kept by", "status"),
        (
            (
                markdown_code(f"{name}.{fact.column}"),
                markdown_text(fact.type),
                markdown_text(fact.kept_by),
                markdown_text(fact.status),
            )
            for name, fact in facts
        ),
    )


def quarantine_section(report: Report) -> Iterator[str]:
    if not report.quarantine:
        return
    yield "## Quarantine"
    yield ""
    yield from table_of(
        ("revision", "table", "rows set aside"),
        ((markdown_code(one.revision), markdown_code(str(one.table)), f"{one.rows:,}") for one in report.quarantine),
    )


def samples_section(report: Report) -> Iterator[str]:
    if not report.samples:
        return
    yield "## Samples of orphans"
    for label, found in report.samples.items():
        yield ""
        yield f"{markdown_code(label)}:"
        yield ""
        for sample in found:
            yield f"- {', '.join('NULL' if text is None else markdown_code(text) for text in sample)}"
