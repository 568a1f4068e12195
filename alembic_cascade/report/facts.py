"""What a report asks the database beside the audit: estimates of rows, the quarantine, orphans where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.dbapi_errors import message
from alembic_cascade.foreign_keys import ForeignKey, TableName, column_list
from alembic_cascade.orphans.links import inherited_key, is_guaranteed
from alembic_cascade.orphans.looked import Looked, Status
from alembic_cascade.orphans.quarantine import holdings
from alembic_cascade.orphans.stores import Holding
from alembic_cascade.report.report import Quarantined
from alembic_cascade.sentences import first_of
from alembic_cascade.sql.catalogue import table_places
from alembic_cascade.sql.report_queries import estimates_in_schema, keys_in_all_schemas

# Keys of schemas that are not looked at, named in a remark.
NAMED = 5

# A key by what identifies it in a database: its child, its referent, and the pairs of their columns.
Ends = tuple[TableName, TableName, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Facts:
    """What the database says. ``rows`` are estimates.

    ``inheriting`` are partitions and tables that inherit, ``hidden`` these and all others that are none of the
    project's own. ``orphans`` has the keys that were counted, and those of which the database guarantees that there are
    none.
    """

    database: str | None = None
    rows: Mapping[TableName, int] = field(default_factory=dict)
    quarantine: tuple[Quarantined, ...] = ()
    inheriting: frozenset[TableName] = frozenset()
    hidden: frozenset[TableName] = frozenset()
    orphans: Mapping[Ends, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[tuple[str | None, ...], ...]] | None = None
    counted: bool = False
    remarks: tuple[str, ...] = ()


NO_FACTS = Facts()


def read_facts(connection: Connection, subject: Subject, name: str, version_table: TableName) -> Facts:
    """All that costs no look at rows of the project's."""
    schemas = schemas_of(subject.metadatas, subject.default_schema)
    rows = {
        TableName(schema, row.relname): int(row.estimate)
        for schema in schemas
        for row in connection.execute(estimates_in_schema(schema))
        if row.estimate >= 0
    }
    inheriting = {
        subject.canonical(TableName(row.nspname, row.relname))
        for row in connection.execute(table_places())
        if row.inherits
    }
    held, refused = _held(connection)
    quarantine = tuple(
        Quarantined(holding.store.origin.revision, subject.canonical(holding.store.source), sum(holding.counts))
        for holding in held
    )
    kept = {subject.canonical(holding.store.name) for holding in held}
    return Facts(
        name,
        {subject.canonical(table): number for table, number in rows.items()},
        quarantine,
        frozenset(inheriting),
        frozenset({*inheriting, *kept, subject.canonical(version_table)}),
        remarks=tuple(filter(None, [refused, _beyond(connection, subject)])),
    )


def _beyond(connection: Connection, subject: Subject) -> str | None:
    """Keys that refer to what is shown out of schemas that are not: deletes come upon them all the same."""
    assert subject.database is not None
    shown = {*map(subject.canonical, subject.database.columns)}

    def is_shown(table: TableName, *, visible: bool) -> bool:
        return subject.canonical(table) in shown or (visible and TableName(None, table.name) in shown)

    labels = []
    for row in connection.execute(keys_in_all_schemas()):
        child, parent = TableName(row.child_schema, row.child_name), TableName(row.parent_schema, row.parent_name)
        if is_shown(parent, visible=row.parent_visible) and not is_shown(child, visible=row.child_visible):
            local, remote = column_list(child, row.local_columns), column_list(parent, row.remote_columns)
            labels.append(f"{local} -> {remote}")
    if not labels:
        return None
    return f"Keys of schemas that no model names refer to these tables, and are not shown: {first_of(labels, NAMED)}."


def _held(connection: Connection) -> tuple[list[Holding], str | None]:
    """What the quarantine holds, or why the role may not know; no setting outlasts it.

    A session that commits each statement by itself has no transaction that could have a part.
    """
    alone = getattr(connection.connection.dbapi_connection, "autocommit", False)
    try:
        if alone:
            return holdings(connection), None
        with connection.begin_nested() as part:
            held = holdings(connection)
            part.rollback()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return [], f"The quarantine could not be looked at: {message(error)}."
    return held, None


def with_guarantees(facts: Facts, subject: Subject) -> Facts:
    """The facts with the keys of which the database itself lets no orphan be."""
    none = {}
    for key in subject.keys:
        existing = key.reflected or inherited_key(key.key, subject)
        if existing is not None and is_guaranteed(existing, key.key, subject):
            none[ends(subject, key.key)] = 0
    return replace(facts, orphans=none)


def with_orphans(facts: Facts, subject: Subject, looked: Sequence[Looked]) -> Facts:
    """The facts with the orphans that were counted; what could not be counted is remarked on."""
    known = {
        ends(subject, one.link.key): one.orphans
        for one in looked
        if one.link.is_key and one.status in {Status.COUNTED, Status.TRUSTED}
    }
    refused = tuple(
        f"The orphans of {one.link.label} could not be counted: {one.why}."
        for one in looked
        if one.status is Status.REFUSED
    )
    return replace(facts, orphans=known, counted=True, remarks=(*facts.remarks, *refused))


def with_samples(facts: Facts, looked: Iterable[Looked]) -> Facts:
    """The facts with the values of the first orphans, by the label of their key."""
    found = {one.link.label: tuple(tuple(sample.values()) for sample in one.samples) for one in looked if one.samples}
    return replace(facts, samples=found)


def ends(subject: Subject, key: ForeignKey) -> Ends:
    """What identifies a key, however its tables are spelled."""
    return subject.canonical(key.source), subject.canonical(key.parent), frozenset(key.pairs)
