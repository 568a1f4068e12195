"""What a report asks the database beside the audit: estimates of rows, the quarantine, orphans where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.orphans.links import Link
from alembic_cascade.orphans.looking import Looked, Status
from alembic_cascade.orphans.quarantine import holdings
from alembic_cascade.report.report import Quarantined
from alembic_cascade.sql.catalogue import table_places
from alembic_cascade.sql.report_queries import estimates_in_schema

# A key by what identifies it in a database: its child, its referent, and the pairs of their columns.
Ends = tuple[TableName, TableName, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Facts:
    """What the database says. ``rows`` are estimates; ``hidden`` are tables that are no table of the project's.

    ``orphans`` has the keys that were counted, and those of which the database guarantees that there are none.
    """

    database: str | None = None
    rows: Mapping[TableName, int] = field(default_factory=dict)
    quarantine: tuple[Quarantined, ...] = ()
    hidden: frozenset[TableName] = frozenset()
    orphans: Mapping[Ends, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[tuple[str | None, ...], ...]] | None = None
    counted: bool = False


NO_FACTS = Facts()


def read_facts(connection: Connection, subject: Subject, name: str, version_table: TableName) -> Facts:
    """All that costs no look at rows. Row security that would hide rows of the quarantine is an error from here on."""
    rows = {
        TableName(schema, row.relname): int(row.estimate)
        for schema in schemas_of(subject.metadatas, subject.default_schema)
        for row in connection.execute(estimates_in_schema(schema))
        if row.estimate >= 0
    }
    inheriting = {
        subject.canonical(TableName(row.nspname, row.relname))
        for row in connection.execute(table_places())
        if row.inherits
    }
    held = holdings(connection)
    quarantine = tuple(
        Quarantined(holding.store.origin.revision, subject.canonical(holding.store.source), sum(holding.counts))
        for holding in held
    )
    kept = {subject.canonical(holding.store.name) for holding in held}
    return Facts(name, rows, quarantine, frozenset({*inheriting, *kept, subject.canonical(version_table)}))


def guaranteed(subject: Subject, links: list[Link]) -> dict[Ends, int]:
    """The keys of which the database itself lets no orphan be."""
    return {ends(subject, link.key): 0 for link in links if link.guaranteed and link.is_key}


def counts(subject: Subject, looked: list[Looked]) -> dict[Ends, int]:
    """The orphans of each key that was counted, or needed no count."""
    return {
        ends(subject, one.link.key): one.orphans
        for one in looked
        if one.link.is_key and one.status in {Status.COUNTED, Status.TRUSTED}
    }


def samples_of(looked: list[Looked]) -> dict[str, tuple[tuple[str | None, ...], ...]]:
    """The values of the first orphans, by the label of their key."""
    return {one.link.label: tuple(tuple(sample.values()) for sample in one.samples) for one in looked if one.samples}


def ends(subject: Subject, key: ForeignKey) -> Ends:
    """What identifies a key, however its tables are spelled."""
    return subject.canonical(key.source), subject.canonical(key.parent), frozenset(key.pairs)
