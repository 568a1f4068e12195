"""What the report asks the catalogue.

https://www.postgresql.org/docs/current/catalog-pg-class.html
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from alembic_cascade.sql.audit_queries import in_schema
from alembic_cascade.sql.system_tables import pg_class, pg_namespace


def estimates_in_schema(schema: str | None) -> Select[Any]:
    """How many rows each table of ``schema`` had when its statistics were made, -1 where that was never."""
    return (
        select(pg_class.c.relname, pg_class.c.reltuples.label("estimate"))
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(in_schema(schema), pg_class.c.relkind.in_(["r", "p", "f"]))
        .order_by(pg_class.c.relname)
    )
