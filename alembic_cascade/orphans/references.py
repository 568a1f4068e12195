"""Which columns refer to which table: the catalogue's foreign keys, and the keys that the quarantine was filled for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.sql.catalogue import column_names
from alembic_cascade.sql.system_tables import pg_class, pg_constraint, pg_namespace

# As PostgreSQL's format('%I') writes it.
_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[^\s",.()]+)'
_SIDE = rf"({_IDENTIFIER})\.({_IDENTIFIER})\(({_IDENTIFIER}(?:, {_IDENTIFIER})*)\)"
_KEY = re.compile(f"{_SIDE} -> {_SIDE}")
_GIVEN = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|[^".]+)\.)?(?P<name>"(?:[^"]|"")+"|[^".]+)')


@dataclass(frozen=True)
class Reference:
    """That columns of one table refer to columns of another."""

    source: TableName
    columns: tuple[str, ...]
    referent: TableName
    referred: tuple[str, ...]


def parsed_key(text: str) -> Reference | None:
    """The key that the quarantine calls ``public.posts(user_id) -> public.users(id)``."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    schema, name, columns, referent_schema, referent, referred = found.groups()
    return Reference(
        TableName(unquoted(schema), unquoted(name)),
        _listed(columns),
        TableName(unquoted(referent_schema), unquoted(referent)),
        _listed(referred),
    )


def parsed_table(text: str) -> TableName | None:
    """The table of ``[schema.]table``; a name with a dot in it stands in double quotes, as in SQL.

    A name without quotes is taken as it is, upper case included.
    """
    found = _GIVEN.fullmatch(text)
    if found is None:
        return None
    schema = found["schema"]
    return TableName(None if schema is None else unquoted(schema), unquoted(found["name"]))


def unquoted(identifier: str) -> str:
    """The name that an identifier stands for, in double quotes or not."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def references(connection: Connection, keys: Iterable[str]) -> list[Reference]:
    """What refers to what by the foreign keys of the database, and by the ``keys`` of the quarantine."""
    kept = {reference for key in keys if (reference := parsed_key(key)) is not None}
    return sorted(
        kept | _foreign_keys(connection), key=lambda found: (found.source.sort_key, found.columns, found.referent)
    )


def _foreign_keys(connection: Connection) -> set[Reference]:
    key = pg_constraint
    child, child_schema = pg_class.alias("child"), pg_namespace.alias("child_schema")
    parent, parent_schema = pg_class.alias("parent"), pg_namespace.alias("parent_schema")

    # Rows of partitions are filed under the partitioned table.
    def filed(relation: str) -> object:
        return func.coalesce(func.pg_partition_root(key.c[relation]), key.c[relation])

    query = (
        select(
            child_schema.c.nspname,
            child.c.relname,
            column_names(key.c.conrelid, key.c.conkey),
            parent_schema.c.nspname,
            parent.c.relname,
            column_names(key.c.confrelid, key.c.confkey),
        )
        .select_from(key)
        .join(child, child.c.oid == filed("conrelid"))
        .join(child_schema, child_schema.c.oid == child.c.relnamespace)
        .join(parent, parent.c.oid == filed("confrelid"))
        .join(parent_schema, parent_schema.c.oid == parent.c.relnamespace)
        .where(key.c.contype == "f", key.c.conparentid == 0)
    )
    return {
        Reference(TableName(schema, name), tuple(columns), TableName(referent_schema, referent), tuple(referred))
        for schema, name, columns, referent_schema, referent, referred in connection.execute(query)
    }


def _listed(columns: str) -> tuple[str, ...]:
    return tuple(unquoted(name) for name in re.findall(_IDENTIFIER, columns))
