"""What the quarantine holds, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from alembic_cascade.cli.output import columns, count_of, fits, moment, names_and_values, print_database
from alembic_cascade.escaping import printable
from alembic_cascade.orphans.stores import Entry, Holding, Value
from alembic_cascade.sql.quoting import quote_table

UNKNOWN = "unknown revision"


@dataclass(frozen=True)
class Listed:
    """A quarantine table of one of the project's databases; ``known`` if the project has its revision."""

    site: int
    database: str
    holding: Holding
    known: bool
    entries: tuple[Entry, ...] = ()

    @property
    def source(self) -> str:
        return quote_table(*self.holding.store.source)

    @property
    def kept_in(self) -> str:
        return quote_table(*self.holding.store.name)

    @property
    def revision(self) -> Text:
        revision = Text(printable(self.holding.store.origin.revision), style="bold")
        return revision if self.known else Text.assemble(revision, (f" ({UNKNOWN})", "yellow"))

    @property
    def when(self) -> str:
        first, last = self.holding.first, self.holding.last
        if first is None or last is None:
            return "never"
        return f"{moment(first)} UTC" if moment(first) == moment(last) else f"{moment(first)} .. {moment(last)} UTC"

    def document(self) -> dict[str, Any]:
        """The fields that JSON has of a quarantine table."""
        store = self.holding.store
        return {
            "database": self.database,
            "revision": store.origin.revision,
            "unknown_revision": not self.known,
            "schema": store.origin.schema,
            "table": store.origin.table,
            "removed": self.holding.removed,
            "changed": self.holding.changed,
            "first": self.holding.first,
            "last": self.holding.last,
            "quarantine": {"schema": store.name.schema, "table": store.name.name},
            "keys": [{"key": rows.key, "removed": rows.removed, "changed": rows.changed} for rows in self.holding.keys],
        }

    def document_with_rows(self) -> dict[str, Any]:
        """The same, with rows; each has its values in the order of ``columns``, by name."""
        kept = self.holding.store.columns
        return {
            **self.document(),
            "columns": [{"name": column.name, "type": column.type} for column in kept],
            "rows": [
                {
                    "id": entry.id,
                    "key": entry.key,
                    "constraint": entry.constraint,
                    "reason": entry.reason,
                    "at": entry.at,
                    "change": entry.change,
                    "values": dict(zip((column.name for column in kept), entry.values, strict=True)),
                }
                for entry in self.entries
            ],
        }


def by_database(listed: list[Listed], shown_on: Console) -> Iterator[list[Listed]]:
    """The tables of one database after the other, under its name where there are several."""
    databases = dict.fromkeys((table.site, table.database) for table in listed)
    for site, database in databases:
        if len(databases) > 1:
            print_database(database, shown_on)
        yield [table for table in listed if table.site == site]


def print_tables(listed: list[Listed], shown_on: Console) -> None:
    """A line for each quarantine table, or a few lines where the terminal is too narrow for that."""
    headings = ("revision", "table", "removed", "changed", "set aside", "kept in", "key")
    rows = [
        (
            table.revision,
            Text(printable(table.source)),
            Text(str(table.holding.removed)),
            Text(str(table.holding.changed)),
            Text(table.when),
            Text(printable(table.kept_in)),
            Text("; ".join(printable(rows.key) for rows in table.holding.keys)),
        )
        for table in listed
    ]
    printed = columns(headings, rows, numbers=(2, 3))
    if fits(printed, shown_on):
        shown_on.print(printed)
        return
    for place, table in enumerate(listed):
        if place:
            shown_on.print()
        shown_on.print(Text.assemble(table.revision, "  ", printable(table.source)))
        keys = [("key", Text(printable(rows.key))) for rows in table.holding.keys]
        amount = f"{table.holding.removed} removed, {table.holding.changed} changed"
        details = [("rows", Text(amount)), ("set aside", Text(table.when)), ("kept in", Text(printable(table.kept_in)))]
        shown_on.print(names_and_values([*details, *keys]))


def print_rows(table: Listed, shown_on: Console) -> None:
    """The rows of a quarantine table, those that were set aside for the same reason below one line."""
    total = table.holding.removed + table.holding.changed
    amount = count_of(total, "row") if total == len(table.entries) else f"{len(table.entries)} of {total} rows"
    shown_on.print(Text.assemble((printable(table.source), "bold"), f", {amount}, revision ", table.revision))
    shown_on.print(Text(f"kept in {printable(table.kept_in)}"))
    for _, alike in groupby(table.entries, key=lambda entry: (_why(entry), entry.key)):
        entries = list(alike)
        shown_on.print()
        shown_on.print(Text(_why(entries[0]), style="green"))
        shown_on.print(Text(printable(f"key {entries[0].key}")))
        _print_values(table, entries, shown_on)
    shown_on.print()


def _why(entry: Entry) -> str:
    """What was done to a row, when and why."""
    done = "removed" if entry.change is None else f"lost {', '.join(entry.change['set'])}"
    through = "" if entry.reason == "orphan" else f" of {entry.constraint}"
    return printable(f"{done} {moment(entry.at)} UTC, {entry.reason}{through}")


def _print_values(table: Listed, entries: list[Entry], shown_on: Console) -> None:
    kept = table.holding.store.columns
    rows = [[_shown(value) for value in entry.values] for entry in entries]
    numbers = [place for place, column in enumerate(kept) if column.is_number]
    printed = columns((column.name for column in kept), rows, numbers=numbers)
    if fits(printed, shown_on):
        shown_on.print(printed)
        return
    for place, row in enumerate(rows):
        if place:
            shown_on.print()
        shown_on.print(names_and_values(zip((column.name for column in kept), row, strict=True)))


def _shown(value: Value) -> Text:
    if value is None:
        return Text("NULL", style="dim")
    return Text(printable(str(value).lower() if isinstance(value, bool) else str(value)))
