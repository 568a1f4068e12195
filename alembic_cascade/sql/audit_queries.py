"""The audit's queries on indexes, columns and the triggers of keys.

https://www.postgresql.org/docs/current/catalog-pg-index.html
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    column,
    false,
    func,
    null,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import OID, REGCLASS

from alembic_cascade.sql.system_tables import CATALOGUE, pg_attribute, pg_class, pg_constraint, pg_index, pg_namespace

pg_am = table("pg_am", column("oid", OID), column("amname", Text), schema=CATALOGUE)
pg_type = table(
    "pg_type",
    column("oid", OID),
    column("typtype", Text),
    column("typbasetype", OID),
    column("typnotnull", Boolean),
    schema=CATALOGUE,
)
pg_trigger = table(
    "pg_trigger",
    column("tgrelid", OID),
    column("tgname", Text),
    column("tgenabled", Text),
    column("tgconstraint", OID),
    schema=CATALOGUE,
)
index_class = pg_class.alias("index_class")


def in_schema(schema: str | None) -> ColumnElement[bool]:
    """Whether ``pg_class`` is in it; None means what the search path shows."""
    if schema is None:
        visible: ColumnElement[bool] = func.pg_catalog.pg_table_is_visible(pg_class.c.oid)
        return and_(visible, ~func.starts_with(pg_namespace.c.nspname, "pg_"))
    return pg_namespace.c.nspname == schema


def indexes_in_schema(schema: str | None) -> Select[Any]:
    """The valid indexes of all tables of ``schema``, with the names of their key columns, NULL for an expression."""
    numbered = func.pg_catalog.generate_series(1, pg_index.c.indnkeyatts).table_valued("number").render_derived()
    key = pg_attribute.alias("key")
    # An index has attributes of its own; those of expressions are named "expr", and no column of the table is meant.
    number = func.pg_catalog.pg_get_indexdef(pg_index.c.indexrelid, numbered.c.number, true())
    names = (
        select(key.c.attname)
        .select_from(numbered)
        .outerjoin(
            key,
            and_(key.c.attrelid == pg_index.c.indrelid, func.pg_catalog.quote_ident(key.c.attname) == number),
        )
        .order_by(numbered.c.number)
        .correlate(pg_index)
    )
    return (
        select(
            pg_class.c.relname,
            func.array(names.scalar_subquery(), type_=ARRAY(Text)).label("columns"),
            pg_index.c.indisunique,
            pg_index.c.indpred.is_not(None).label("partial"),
            func.pg_catalog.pg_get_expr(pg_index.c.indpred, pg_index.c.indrelid).label("predicate"),
            pg_am.c.amname,
        )
        .select_from(pg_index)
        .join(pg_class, pg_class.c.oid == pg_index.c.indrelid)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .join(index_class, index_class.c.oid == pg_index.c.indexrelid)
        .join(pg_am, pg_am.c.oid == index_class.c.relam)
        .where(in_schema(schema), pg_index.c.indisvalid, pg_index.c.indisready)
        .order_by(pg_class.c.relname, pg_index.c.indexrelid)
    )


def columns_in_schema(schema: str | None) -> Select[Any]:
    """The columns of all tables of ``schema``, with their types as SQL, and those below domains without their limits.

    What a domain forbids, its column does not take.
    """
    domain = _domains().alias("domain")
    return (
        select(
            pg_class.c.relname,
            pg_attribute.c.attname,
            func.pg_catalog.format_type(pg_attribute.c.atttypid, pg_attribute.c.atttypmod).label("type"),
            func.pg_catalog.format_type(func.coalesce(domain.c.base, pg_attribute.c.atttypid), null()).label("base"),
            or_(pg_attribute.c.attnotnull, func.coalesce(domain.c.strict, false())).label("attnotnull"),
        )
        .select_from(pg_class)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .join(pg_attribute, pg_attribute.c.attrelid == pg_class.c.oid)
        .outerjoin(domain, and_(domain.c.oid == pg_attribute.c.atttypid, domain.c.ends))
        .where(
            in_schema(schema),
            pg_class.c.relkind.in_(["r", "p", "f"]),
            pg_attribute.c.attnum > 0,
            ~pg_attribute.c.attisdropped,
        )
        .order_by(pg_class.c.relname, pg_attribute.c.attnum)
    )


def _domains() -> CTE:
    """Every domain with each type below it, and whether one so far forbids NULL; ``ends`` where that is no domain.

    https://www.postgresql.org/docs/current/catalog-pg-type.html
    """
    below = pg_type.alias("below")

    def ends(base: ColumnElement[Any]) -> ColumnElement[bool]:
        return ~select(below.c.oid).where(below.c.oid == base, below.c.typtype == "d").exists()

    found = (
        select(
            pg_type.c.oid,
            pg_type.c.typbasetype.label("base"),
            pg_type.c.typnotnull.label("strict"),
            ends(pg_type.c.typbasetype).label("ends"),
        )
        .where(pg_type.c.typtype == "d")
        .cte("domains", recursive=True)
    )
    deeper = pg_type.alias("deeper")
    return found.union_all(
        select(
            found.c.oid, deeper.c.typbasetype, or_(found.c.strict, deeper.c.typnotnull), ends(deeper.c.typbasetype)
        ).join(deeper, and_(deeper.c.oid == found.c.base, deeper.c.typtype == "d"))
    )


def silent_triggers_in_schema(schema: str | None) -> Select[Any]:
    """The triggers of foreign keys of ``schema`` that do not fire in an ordinary session.

    With those that partitions have of the same key: it is named by the table that it was declared on.
    https://www.postgresql.org/docs/current/catalog-pg-trigger.html, "tgenabled"
    """
    lineage = (
        select(pg_constraint.c.oid, pg_constraint.c.oid.label("root"))
        .where(pg_constraint.c.contype == "f", pg_constraint.c.conparentid == 0)
        .cte("lineage", recursive=True)
    )
    clone, root = pg_constraint.alias("clone"), pg_constraint.alias("root_key")
    lineage = lineage.union_all(select(clone.c.oid, lineage.c.root).join(lineage, clone.c.conparentid == lineage.c.oid))
    return (
        select(
            pg_class.c.relname,
            root.c.conname,
            cast(cast(pg_trigger.c.tgrelid, REGCLASS), Text).label("on_table"),
            pg_trigger.c.tgname,
            (pg_trigger.c.tgrelid == clone.c.conrelid).label("on_child"),
        )
        .select_from(pg_trigger)
        .join(clone, clone.c.oid == pg_trigger.c.tgconstraint)
        .join(lineage, lineage.c.oid == clone.c.oid)
        .join(root, root.c.oid == lineage.c.root)
        .join(pg_class, pg_class.c.oid == root.c.conrelid)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(in_schema(schema), pg_trigger.c.tgenabled.in_(["D", "R"]))
        .order_by(pg_class.c.relname, root.c.conname, pg_trigger.c.tgname)
    )
