"""The tables of the quarantine: how one is told from a table of the user's, what they hold, how they are emptied."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Float,
    MetaData,
    Table,
    Text,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, OID
from sqlalchemy.schema import DropTable

from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.columns import INTEGERS, Column, columns_of
from alembic_cascade.orphans.statements import function_statements, restore_all_statement
from alembic_cascade.orphans.stores import Entry, Holding, KeyRows, Origin, Store, Value, origin
from alembic_cascade.sql.functions import make_in_session
from alembic_cascade.sql.quoting import quote_table, verbatim
from alembic_cascade.sql.system_tables import pg_class, pg_namespace

# As the function cascade_exact_text has it.
EXACT = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "timezone": "UTC",
}


# What drops tables that hold nothing.
CLEARING = "pg_temp.cascade_clear_away"


def stores(connection: Connection) -> list[Store]:
    """Every quarantine table of the database, in whatever schema, by revision and source.

    Those of another role are left out where they hold rows of a schema that is the other role's as well.
    From here to the end of the transaction, row security that would hide rows is an error.
    """
    connection.execute(select(func.set_config("row_security", "off", true())))
    remark = func.obj_description(pg_class.c.oid, "pg_class", type_=Text())
    owned = func.pg_has_role(literal_column("pg_catalog.pg_class.relowner"), "USAGE")
    closed = select(pg_namespace.c.nspname).where(~func.has_schema_privilege(pg_namespace.c.oid, "USAGE"))
    closed_schemas = set(connection.scalars(closed))
    query = (
        select(pg_class.c.oid, pg_namespace.c.nspname, pg_class.c.relname, remark, owned)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(pg_class.c.relkind == "r", remark.startswith("{", autoescape=True))
    )
    found = {
        oid: (TableName(schema, name), told)
        for oid, schema, name, comment, is_owned in connection.execute(query)
        if (told := origin(comment)) is not None and (is_owned or told.schema not in closed_schemas)
    }
    columns = columns_of(connection, found, kept=True)
    listed = [_store(oid, name, told, columns[oid]) for oid, (name, told) in found.items()]
    return sorted(listed, key=lambda store: (store.origin.revision, store.source.sort_key, store.name.sort_key))


def _store(oid: int, name: TableName, told: Origin, columns: tuple[Column, ...]) -> Store:
    # The first column is the primary key, "id" behind a prefix that no column of the source has.
    prefix = columns[0].name.removesuffix("id")
    return Store(oid, name, told, prefix, tuple(kept for kept in columns if not kept.name.startswith(prefix)))


def holdings(connection: Connection) -> list[Holding]:
    """What is in the quarantine.

    From here to the end of the transaction, values are written as text in the form that the quarantine itself has.
    """
    connection.execute(select(*(func.set_config(name, value, true()) for name, value in EXACT.items())))
    return [Holding(store, _keys(connection, store)) for store in stores(connection)]


def _keys(connection: Connection, store: Store) -> tuple[KeyRows, ...]:
    kept = store.relation.c
    key, at, change = (kept[f"{store.prefix}{name}"] for name in ("key", "at", "change"))
    age = extract("epoch", func.now() - func.max(at)) / 86400
    query = (
        select(
            key,
            func.count().filter(change.is_(None)),
            func.count().filter(change.is_not(None)),
            _json_text(func.min(at)),
            _json_text(func.max(at)),
            cast(age, Float),
        )
        .group_by(key)
        .order_by(key.collate("C"))
    )
    return tuple(KeyRows(*row) for row in connection.execute(query))


def _json_text(value: ColumnElement[Any]) -> ColumnElement[str]:
    # to_jsonb writes times in ISO 8601 whatever the DateStyle.
    return func.to_jsonb(value, type_=JSONB()).op("#>>", return_type=Text())(cast(literal("{}", Text), ARRAY(Text)))


def entries(connection: Connection, store: Store, limit: int) -> list[Entry]:
    """The first rows of a quarantine table, in the order in which they were set aside."""
    kept = store.relation.c
    number, key, constraint, reason, at, change = (
        kept[f"{store.prefix}{name}"] for name in ("id", "key", "constraint", "reason", "at", "change")
    )
    values = [cast(kept[source.name], Text) for source in store.columns]
    query = select(number, key, constraint, reason, _json_text(at), cast(change, Text), *values)
    found = []
    for row in connection.execute(query.order_by(number).limit(limit)):
        number_, key_, constraint_, reason_, at_, change_, *texts = row
        shown = tuple(_json_value(text, source) for text, source in zip(texts, store.columns, strict=True))
        told = None if change_ is None else json.loads(change_)
        found.append(Entry(number_, key_, constraint_, reason_, at_, told, shown))
    return found


def _json_value(text: str | None, source: Column) -> Value:
    if text is None:
        return None
    if source.type in INTEGERS:
        return int(text)
    return text == "true" if source.type == "boolean" else text


def restore_rows(
    connection: Connection, revision: str, key: str | None, schemas: Iterable[str]
) -> list[tuple[str, str]]:
    """Put back what the revision took, for all keys or for the one of that text; says what was done, with its level.

    Rows and values that something stands in the way of stay in the quarantine, and are a "warning".
    """
    told: list[tuple[str, str]] = []
    for schema in schemas:
        statement = restore_all_statement(revision, key, schema)
        make_in_session(connection, [statement], function_statements())
        told.extend((level, words) for level, words in connection.execute(verbatim(statement)))
    return told


def purge_stores(connection: Connection, expected: Iterable[Holding]) -> None:
    """Drop quarantine tables with all they hold, and the schemas that were made for them and are empty then.

    Errors: :exc:`.CascadeError` where they hold something else by now than is ``expected``.
    """
    lost = list(expected)
    for holding in lost:
        connection.execute(verbatim(f"LOCK TABLE {quote_table(*holding.store.name)} IN ACCESS EXCLUSIVE MODE"))
        found = Holding(holding.store, _keys(connection, holding.store))
        if found.counts != holding.counts:
            source = quote_table(*holding.store.source)
            raise CascadeError(f"The quarantine of {source} was changed meanwhile. Nothing was purged.")
        connection.execute(DropTable(Table(holding.store.name.name, MetaData(), schema=holding.store.name.schema)))
    clear_away(connection, [], {holding.store.name.schema for holding in lost})


def clear_away(connection: Connection, emptied: Iterable[Store], schemas: Iterable[str | None]) -> None:
    """Drop those of the tables that hold nothing any more, and the schemas that were made for the quarantine."""
    make_in_session(connection, [CLEARING], function_statements())
    by_schema: dict[str | None, list[int]] = {schema: [] for schema in schemas}
    for store in emptied:
        by_schema.setdefault(store.name.schema, []).append(store.oid)
    for schema, oids in sorted(by_schema.items(), key=lambda item: item[0] or ""):
        listed = cast(literal(f"{{{','.join(map(str, oids))}}}", Text), ARRAY(OID))
        connection.execute(select(func.pg_temp.cascade_clear_away(listed, cast(schema, Text))))
