"""What the quarantine holds of one subject: its rows, those that refer to them, and what refers to these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    and_,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy import Column as TableColumn
from sqlalchemy.schema import CreateTable, DropTable

from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.columns import Column, comparable, equal, read_value
from alembic_cascade.orphans.quarantine import clear_away, holdings
from alembic_cascade.orphans.references import Reference, references
from alembic_cascade.orphans.relations import Relation, kept_table, living_table, located
from alembic_cascade.orphans.stores import Store
from alembic_cascade.sql.quoting import quote_identifier, quote_table

# The rows that have been found. "followed": what refers to them is to be found, too.
_found = Table(
    "cascade_found",
    MetaData(),
    TableColumn("store", BigInteger, primary_key=True, autoincrement=False),
    TableColumn("entry", BigInteger, primary_key=True, autoincrement=False),
    TableColumn("round", Integer, nullable=False),
    TableColumn("changed", Boolean, nullable=False),
    TableColumn("followed", Boolean, nullable=False),
    schema="pg_temp",
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True)
class Part:
    """How many rows of a quarantine table are the subject's: removed ones, and ones that lost a value."""

    store: Store
    removed: int
    changed: int


@dataclass(frozen=True)
class Subject:
    """What was found of a subject; ``living`` rows of it are in the table itself, which nothing here touches."""

    table: TableName
    parts: tuple[Part, ...]
    living: int

    @property
    def counts(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((part.store.oid, part.removed, part.changed) for part in self.parts)


def subject(connection: Connection, name: TableName, key: Mapping[str, str]) -> Subject | None:
    """What the quarantine holds of the rows of a table with that key, None for a table that nobody knows.

    These are rows of the table itself, rows that refer to it by a foreign key of the database or by the key for
    which they were set aside, and rows in the quarantine that refer to such rows, transitively. A row that merely
    lost a value lives on: what refers to it is nobody's to erase.
    Errors: :exc:`.CascadeError` for a column that nobody knows, a value that no column takes, and a name that
    tables of several schemas have.
    """
    with _search(connection, name, key) as found:
        return found


def erase_subject(connection: Connection, name: TableName, key: Mapping[str, str], expected: Subject) -> None:
    """Take all that out of the quarantine for good; tables and schemas of the quarantine that are empty then go.

    Errors: :exc:`.CascadeError` where it is something else by now than was ``expected``.
    """
    with _search(connection, name, key) as found:
        if found is None or found.counts != expected.counts:
            raise CascadeError("The quarantine was changed meanwhile. Nothing was erased.")
        for store in (part.store for part in found.parts):
            taken = select(_found.c.entry).where(_found.c.store == store.oid)
            connection.execute(delete(store.relation).where(_entry(store).in_(taken)))
    clear_away(connection, [part.store for part in found.parts], ())


@contextmanager
def _search(connection: Connection, name: TableName, key: Mapping[str, str]) -> Iterator[Subject | None]:
    """Find the subject's rows, and have them listed meanwhile."""
    held = holdings(connection)
    stores = [holding.store for holding in held]
    known = references(connection, {rows.key for holding in held for rows in holding.keys})
    wanted = located(connection, name, stores, known)
    if wanted is None:
        yield None
        return
    living = living_table(connection, wanted)
    of_table = {store: kept_table(store) for store in stores if store.source == wanted}
    referring = [
        (reference, store)
        for reference in known
        for store in stores
        if store.source == reference.source and kept_table(store).has(reference.columns)
    ]
    direct = [(reference, store) for reference, store in referring if reference.referent == wanted]
    _check(connection, wanted, key, [living, *of_table.values()], direct)
    connection.execute(CreateTable(_found))
    for store, relation in of_table.items():
        _list(connection, store, _has_key(connection, relation, key), this_round=0, followed=True)
    for reference, store in direct:
        _list(connection, store, _refers(connection, reference, kept_table(store), key, living), this_round=0)
    _list_transitively(connection, stores, referring)
    yield Subject(wanted, _counted(connection, stores), _count(connection, living, key))
    connection.execute(DropTable(_found))


def _check(
    connection: Connection,
    wanted: TableName,
    key: Mapping[str, str],
    relations: list[Relation | None],
    referring: list[tuple[Reference, Store]],
) -> None:
    """Refuse a column that nobody knows, and a value that no column can have."""
    kinds: dict[str, list[Column]] = {}
    for relation in filter(None, relations):
        for name, kind in relation.columns.items():
            kinds.setdefault(name, []).append(kind)
    for reference, store in referring:
        for local, referred in zip(reference.columns, reference.referred, strict=True):
            kinds.setdefault(referred, []).append(kept_table(store).columns[local])
    for name, text in key.items():
        if name not in kinds:
            listed = ", ".join(map(quote_identifier, sorted(kinds)))
            raise CascadeError(f"{quote_table(*wanted)} has no column {quote_identifier(name)}. It has: {listed}.")
        if all(read_value(connection, kind, text) is None for kind in kinds[name]):
            column_ = f"{quote_table(*wanted)}.{quote_identifier(name)}"
            raise CascadeError(f"{column_} is of the type {kinds[name][0].type}, which has no value {text!r}.")


def _list(
    connection: Connection,
    store: Store,
    condition: ColumnElement[bool],
    *,
    this_round: int,
    followed: bool = False,
) -> None:
    """List the rows of a quarantine table for which it holds, those that are listed already left aside."""
    changed = store.relation.c[f"{store.prefix}change"].is_not(None)
    entry = _entry(store)
    known = exists().where(_found.c.store == store.oid, _found.c.entry == entry)
    rows = (
        select(literal(store.oid), entry, literal(this_round), changed, true() if followed else ~changed)
        .where(condition, ~known.correlate(entry.table))
        .order_by(entry)
    )
    connection.execute(insert(_found).from_select(list(_found.c), rows))


def _list_transitively(connection: Connection, stores: list[Store], referring: list[tuple[Reference, Store]]) -> None:
    """List what refers to what is listed, round by round until there is no more."""
    passing = [
        (reference, store, parent)
        for reference, store in referring
        for parent in stores
        if parent.source == reference.referent and kept_table(parent).has(reference.referred)
    ]
    this_round = 0
    while connection.scalar(select(exists().where(_found.c.round == this_round))):
        for reference, store, parent in passing:
            condition = _refers_to_found(reference, store, parent, this_round)
            _list(connection, store, condition, this_round=this_round + 1)
        this_round += 1


def _refers_to_found(reference: Reference, store: Store, parent: Store, this_round: int) -> ColumnElement[bool]:
    referred = parent.relation.alias("parent")
    kept = kept_table(parent)
    listed = (
        select(1)
        .select_from(referred)
        .join(_found, _found.c.entry == referred.c[f"{parent.prefix}id"])
        .where(_found.c.store == parent.oid, _found.c.round == this_round, _found.c.followed)
        .where(_pairs_equal(reference, kept_table(store), Relation(referred, kept.columns)))
    )
    return exists(listed.correlate(_entry(store).table))


def _counted(connection: Connection, stores: list[Store]) -> tuple[Part, ...]:
    changed = func.count().filter(_found.c.changed)
    query = select(_found.c.store, func.count() - changed, changed).group_by(_found.c.store)
    counts = {oid: (removed, lost) for oid, removed, lost in connection.execute(query)}
    return tuple(Part(store, *counts[store.oid]) for store in stores if store.oid in counts)


def _count(connection: Connection, living: Relation | None, key: Mapping[str, str]) -> int:
    if living is None:
        return 0
    query = select(func.count()).select_from(living.clause).where(_has_key(connection, living, key))
    return connection.scalar(query) or 0


def _entry(store: Store) -> ColumnElement[int]:
    return store.relation.c[f"{store.prefix}id"]


def _has_key(connection: Connection, relation: Relation, key: Mapping[str, str]) -> ColumnElement[bool]:
    """That a row has that key; nothing has where a column is missing, or is of a type without such a value."""
    if not relation.has(tuple(key)):
        return false()
    return _has_values(connection, relation, key)


def _has_values(connection: Connection, relation: Relation, values: Mapping[str, str]) -> ColumnElement[bool]:
    wanted = []
    for name, text in values.items():
        kind = relation.columns[name]
        value = read_value(connection, kind, text)
        if value is None:
            return false()
        wanted.append(comparable(relation.clause.c[name], kind) == comparable(literal(value), kind))
    return and_(*wanted)


def _refers(
    connection: Connection, reference: Reference, kept: Relation, key: Mapping[str, str], living: Relation | None
) -> ColumnElement[bool]:
    """That a row refers to a row with that key, by the key itself or by another one that a living row has."""
    if set(reference.referred) <= set(key):
        pairs = zip(reference.columns, reference.referred, strict=True)
        return _has_values(connection, kept, {local: key[referred] for local, referred in pairs})
    if living is None or not living.has(reference.referred):
        return false()
    parents = select(1).select_from(living.clause).where(_has_key(connection, living, key))
    return exists(parents.where(_pairs_equal(reference, kept, living)).correlate(kept.clause))


def _pairs_equal(reference: Reference, child: Relation, parent: Relation) -> ColumnElement[bool]:
    return and_(
        *(
            equal(child.clause.c[local], child.columns[local], parent.clause.c[referred], parent.columns[referred])
            for local, referred in zip(reference.columns, reference.referred, strict=True)
        )
    )
