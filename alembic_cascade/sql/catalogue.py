"""Queries on foreign keys, names and indexes in PostgreSQL's system catalogue.

https://www.postgresql.org/docs/current/catalog-pg-constraint.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    Text,
    and_,
    cast,
    column,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import REGCLASS, aggregate_order_by, array

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import clipped_name
from alembic_cascade.sql.quoting import quote_literal, quote_table
from alembic_cascade.sql.system_tables import pg_attribute, pg_class, pg_constraint, pg_index, pg_inherits, pg_namespace

ACTION_RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
MATCH_TYPES = {"s": None, "f": "FULL", "p": "PARTIAL"}


# The releases that brought a column of pg_constraint.
_SINCE = {"confdelsetcols": (15,), "conenforced": (18,), "conperiod": (18,)}


def column_names(relation: ColumnElement[Any], numbers: ColumnElement[Any]) -> ColumnElement[Any]:
    """The names of a relation's columns, in the order of their ``numbers``."""
    numbered = func.pg_catalog.unnest(numbers)
    listed = numbered.table_valued(column("attnum", SmallInteger), with_ordinality="position").render_derived(
        name="listed"
    )
    names = (
        select(pg_attribute.c.attname)
        .select_from(listed)
        .join(pg_attribute, and_(pg_attribute.c.attrelid == relation, pg_attribute.c.attnum == listed.c.attnum))
        .order_by(listed.c.position)
        .correlate_except(listed, pg_attribute)
    )
    return func.array(names.scalar_subquery(), type_=ARRAY(Text))


def foreign_keys_in_schema(schema: str | None, server_version: tuple[int, ...]) -> Select[Any]:
    """All foreign keys whose child is in ``schema``, and the other constraints named like one.

    ``schema`` None means what the search path shows. Rows are sorted by child and name.
    """
    key, origin = pg_constraint.alias("key"), pg_constraint.alias("origin")
    child, child_schema = pg_class.alias("child"), pg_namespace.alias("child_schema")
    parent, parent_schema = pg_class.alias("parent"), pg_namespace.alias("parent_schema")
    in_scope: ColumnElement[bool] = (
        func.pg_catalog.pg_table_is_visible(child.c.oid) if schema is None else child_schema.c.nspname == schema
    )

    def since(name: str, absent: ColumnElement[Any]) -> ColumnElement[Any]:
        return key.c[name] if server_version >= _SINCE[name] else absent

    set_columns = since("confdelsetcols", null())
    return (
        select(
            child_schema.c.nspname.label("child_schema"),
            child.c.relname.label("child_name"),
            parent_schema.c.nspname.label("parent_schema"),
            parent.c.relname.label("parent_name"),
            func.pg_catalog.pg_table_is_visible(parent.c.oid).label("parent_visible"),
            key.c.conname,
            cast(key.c.contype, Text).label("contype"),
            column_names(key.c.conrelid, key.c.conkey).label("local_columns"),
            column_names(key.c.confrelid, key.c.confkey).label("remote_columns"),
            (null() if set_columns is not key.c.confdelsetcols else column_names(key.c.conrelid, set_columns)).label(
                "set_columns"
            ),
            # Of the type "char", which not every driver returns as text.
            cast(key.c.confdeltype, Text).label("confdeltype"),
            cast(key.c.confupdtype, Text).label("confupdtype"),
            cast(key.c.confmatchtype, Text).label("confmatchtype"),
            key.c.condeferrable,
            key.c.condeferred,
            key.c.convalidated,
            since("conenforced", true()).label("enforced"),
            since("conperiod", false()).label("temporal"),
            (key.c.conparentid != 0).label("cloned"),
            (origin.c.conrelid != key.c.conrelid).label("inherited"),
            func.pg_catalog.obj_description(key.c.oid, "pg_constraint").label("remark"),
        )
        .select_from(key)
        .join(child, child.c.oid == key.c.conrelid)
        .join(child_schema, child_schema.c.oid == child.c.relnamespace)
        .outerjoin(parent, parent.c.oid == key.c.confrelid)
        .outerjoin(parent_schema, parent_schema.c.oid == parent.c.relnamespace)
        .outerjoin(origin, and_(origin.c.oid == key.c.conparentid, key.c.conparentid != 0))
        .where(in_scope, or_(key.c.contype == "f", key.c.conname.regexp_match("_fkey[0-9]*$")))
        .order_by(child_schema.c.nspname, child.c.relname, key.c.conname)
    )


def names_in_schema(schema: str | None) -> Select[Any]:
    """The names of all relations and constraints of ``schema``; None means the current one."""
    relations = select(pg_class.c.relname).join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
    constraints = select(pg_constraint.c.conname).join(pg_namespace, pg_namespace.c.oid == pg_constraint.c.connamespace)
    wanted = pg_namespace.c.nspname == (func.current_schema() if schema is None else schema)
    names = union(relations.where(wanted), constraints.where(wanted)).subquery()
    return select(names.c[0])


def regclass(name: TableName) -> ColumnElement[Any]:
    """The relation of that name, NULL where there is none."""
    return func.pg_catalog.to_regclass(_text(quote_table(*name)), type_=REGCLASS)


def matching_foreign_key(key: ForeignKey) -> Select[Any]:
    """The database's key with the same column pairs and referent; of several, the one of that name.

    One row at most: its name, and its comment. A namesake on other columns is another key, and a clone on
    a partition is not looked at.
    """
    assert key.name is not None
    found = pg_constraint.alias("found")
    local, remote = _by_local_name(found)
    pairs = sorted(key.pairs)
    return (
        select(
            found.c.conname.label("name"),
            func.pg_catalog.obj_description(found.c.oid, "pg_constraint").label("remark"),
        )
        .where(
            found.c.conrelid == regclass(key.source),
            found.c.contype == "f",
            found.c.conparentid == 0,
            found.c.confrelid == regclass(key.referent),
            local == _text_array(column for column, _ in pairs),
            remote == _text_array(column for _, column in pairs),
        )
        .order_by(found.c.conname != _text(clipped_name(key.name)), found.c.conname)
        .limit(1)
    )


def foreign_key_names(table: TableName) -> Select[Any]:
    """The names of a table's own foreign keys."""
    return (
        select(pg_constraint.c.conname)
        .where(
            pg_constraint.c.conrelid == regclass(table),
            pg_constraint.c.contype == "f",
            pg_constraint.c.conparentid == 0,
        )
        .order_by(pg_constraint.c.conname)
    )


def foreign_key_parents(table: TableName) -> Select[Any]:
    """The names of a table's own foreign keys, and the tables that they refer to."""
    return (
        select(pg_constraint.c.conname, pg_namespace.c.nspname, pg_class.c.relname)
        .join(pg_class, pg_class.c.oid == pg_constraint.c.confrelid)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(pg_constraint.c.conrelid == regclass(table), pg_constraint.c.contype == "f")
    )


def table_places() -> Select[Any]:
    """All tables: schema and name, whether the search path shows them, whether they are partitions or inherit."""
    child = pg_inherits.c.inhrelid == pg_class.c.oid
    return (
        select(
            pg_namespace.c.nspname,
            pg_class.c.relname,
            func.pg_catalog.pg_table_is_visible(pg_class.c.oid).label("shown"),
            select(pg_inherits.c.inhrelid).where(child).exists().label("inherits"),
        )
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(pg_class.c.relkind.in_(["r", "p"]))
    )


def unfinished_indexes(name: TableName) -> Select[Any]:
    """The names of a table's indexes that are not valid, and serve nobody."""
    return (
        select(pg_class.c.relname)
        .join(pg_index, pg_index.c.indexrelid == pg_class.c.oid)
        .where(pg_index.c.indrelid == regclass(name), ~pg_index.c.indisvalid)
    )


def made_indexes() -> Select[Any]:
    """Schema and name of the indexes that revisions made for keys; their comment tells."""
    return (
        select(pg_namespace.c.nspname, pg_class.c.relname)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(
            pg_class.c.relkind.in_(["i", "I"]),
            func.pg_catalog.starts_with(
                func.pg_catalog.obj_description(pg_class.c.oid, "pg_class"), '{"alembic_cascade" : "index"'
            ),
        )
    )


def _text_array(values: Iterable[str]) -> ColumnElement[Any]:
    return cast(array([_text(value) for value in values]), ARRAY(Text))


def _text(value: str) -> ColumnElement[str]:
    """A string as a literal of its own: rendered as one by SQLAlchemy 2.0, a backslash would be doubled."""
    return literal_column(quote_literal(value), Text)


def _by_local_name(key: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The local and the remote columns of a key, both in the order of the local names."""
    pair = (
        func.unnest(key.c.conkey, key.c.confkey)
        .table_valued(column("local", SmallInteger), column("remote", SmallInteger))
        .render_derived(name="pair")
    )
    local, remote = pg_attribute.alias("local_column"), pg_attribute.alias("remote_column")

    def names(side: ColumnElement[Any]) -> ColumnElement[Any]:
        return (
            select(
                func.array_agg(aggregate_order_by(cast(side, Text), local.c.attname.collate("C")), type_=ARRAY(Text))
            )
            .select_from(pair)
            .join(local, and_(local.c.attrelid == key.c.conrelid, local.c.attnum == pair.c.local))
            .join(remote, and_(remote.c.attrelid == key.c.confrelid, remote.c.attnum == pair.c.remote))
            .correlate(key)
            .scalar_subquery()
        )

    return names(local.c.attname), names(remote.c.attname)
