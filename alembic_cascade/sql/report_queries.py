"""What the report asks the catalogue.

https://www.postgresql.org/docs/current/catalog-pg-class.html
https://www.postgresql.org/docs/current/catalog-pg-constraint.html
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from alembic_cascade.sql.audit_queries import in_schema
from alembic_cascade.sql.catalogue import column_names
from alembic_cascade.sql.system_tables import pg_class, pg_constraint, pg_namespace


def estimates_in_schema(schema: str | None) -> Select[Any]:
    """How many rows each table of ``schema`` had when its statistics were made, -1 where that was never."""
    return (
        select(pg_class.c.relname, pg_class.c.reltuples.label("estimate"))
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(in_schema(schema), pg_class.c.relkind.in_(["r", "p", "f"]))
        .order_by(pg_class.c.relname)
    )


def keys_in_all_schemas() -> Select[Any]:
    """The children and the parents of all foreign keys, their columns, and whether the search path shows the tables."""
    child, child_schema = pg_class.alias("child"), pg_namespace.alias("child_schema")
    parent, parent_schema = pg_class.alias("parent"), pg_namespace.alias("parent_schema")
    key = pg_constraint
    return (
        select(
            child_schema.c.nspname.label("child_schema"),
            child.c.relname.label("child_name"),
            func.pg_catalog.pg_table_is_visible(child.c.oid).label("child_visible"),
            column_names(key.c.conrelid, key.c.conkey).label("local_columns"),
            parent_schema.c.nspname.label("parent_schema"),
            parent.c.relname.label("parent_name"),
            func.pg_catalog.pg_table_is_visible(parent.c.oid).label("parent_visible"),
            column_names(key.c.confrelid, key.c.confkey).label("remote_columns"),
        )
        .join(child, child.c.oid == key.c.conrelid)
        .join(child_schema, child_schema.c.oid == child.c.relnamespace)
        .join(parent, parent.c.oid == key.c.confrelid)
        .join(parent_schema, parent_schema.c.oid == parent.c.relnamespace)
        .where(key.c.contype == "f", key.c.conparentid == 0)
        .order_by(child_schema.c.nspname, child.c.relname, key.c.conname)
    )
