"""The tables that are asked for one subject: those of the quarantine, and the one that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, FromClause, column, func, select, table

from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.columns import Column, columns_of
from alembic_cascade.orphans.references import Reference
from alembic_cascade.orphans.stores import Store
from alembic_cascade.sql.quoting import quote_table
from alembic_cascade.sql.system_tables import pg_class, pg_namespace


@dataclass(frozen=True)
class Relation:
    """A table in a query, with its columns by name."""

    clause: FromClause
    columns: Mapping[str, Column]

    def has(self, names: tuple[str, ...]) -> bool:
        return set(names) <= set(self.columns)


def located(connection: Connection, name: TableName, stores: list[Store], known: list[Reference]) -> TableName | None:
    """The table that is meant, with its schema; None where nobody knows of one, not even the quarantine."""
    listed = {store.source for store in stores} | {reference.referent for reference in known}
    query = (
        select(pg_namespace.c.nspname, pg_class.c.relname)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(pg_class.c.relkind.in_(["r", "p"]), pg_class.c.relname == name.name)
        .where(
            func.pg_table_is_visible(pg_class.c.oid) if name.schema is None else pg_namespace.c.nspname == name.schema
        )
    )
    listed.update(TableName(*row) for row in connection.execute(query))
    meant = {other for other in listed if other.name == name.name and name.schema in {None, other.schema}}
    if len(meant) > 1:
        choices = " or ".join(quote_table(*other) for other in sorted(meant, key=lambda other: other.sort_key))
        raise CascadeError(f"Several schemas have a table {quote_table(*name)}. Name the one you mean: {choices}.")
    return meant.pop() if meant else None


def living_table(connection: Connection, name: TableName) -> Relation | None:
    """The table itself, None where it is gone."""
    query = (
        select(pg_class.c.oid)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(pg_class.c.relname == name.name, pg_namespace.c.nspname == name.schema)
        .where(pg_class.c.relkind.in_(["r", "p"]))
    )
    oid = connection.scalar(query)
    if oid is None:
        return None
    columns = columns_of(connection, [oid], kept=False).get(oid, ())
    clause = table(name.name, *(column(present.name) for present in columns), schema=name.schema)
    return Relation(clause, {present.name: present for present in columns})


def kept_table(store: Store) -> Relation:
    return Relation(store.relation, {kept.name: kept for kept in store.columns})
