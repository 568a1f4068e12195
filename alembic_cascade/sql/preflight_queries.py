"""What the preflight asks the catalogue: owners, rights, row security, and what was left half-way.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import OID, REGCLASS

from alembic_cascade.naming import BESIDE, BUILDING
from alembic_cascade.sql.audit_queries import in_schema, pg_trigger
from alembic_cascade.sql.system_tables import CATALOGUE, pg_class, pg_constraint, pg_index, pg_namespace

pg_stat_progress_create_index = table("pg_stat_progress_create_index", column("index_relid", OID), schema=CATALOGUE)

index_class = pg_class.alias("index_class")

# What migrations need of a table, beside its ownership.
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRIGGER")

# As the functions of the concurrent form name them.
TRANSLATOR = "^alembic_cascade_[0-9a-f]{12}_(child|parent)$"


def session() -> Select[Any]:
    """The role, the database, and the settings that decide whether keys are checked."""
    return select(
        cast(literal_column("current_user"), Text).label("role"),
        func.current_database(type_=Text()).label("database"),
        func.current_setting("server_version_num").cast(Integer).label("version"),
        func.current_setting("server_version", type_=Text()).label("version_name"),
        func.current_setting("session_replication_role", type_=Text()).label("replication_role"),
        func.has_database_privilege(func.current_database(), "TEMPORARY").label("temporary"),
        func.has_database_privilege(func.current_database(), "CREATE").label("create_schemas"),
        func.current_schema(type_=Text()).label("current_schema"),
    )


def tables_in_schema(schema: str | None) -> Select[Any]:
    """All tables of ``schema``, their owners, what the role may do with them, whether rows are hidden from it."""
    owner = func.pg_get_userbyid(pg_class.c.relowner, type_=Text())
    return (
        select(
            pg_class.c.relname,
            pg_namespace.c.nspname,
            owner.label("owner"),
            func.pg_has_role(pg_class.c.relowner, "USAGE").label("owned"),
            func.has_schema_privilege(pg_namespace.c.oid, "CREATE").label("may_create"),
            func.row_security_active(pg_class.c.oid).label("hidden"),
            pg_class.c.relforcerowsecurity.label("forced"),
            *(func.has_table_privilege(pg_class.c.oid, right).label(right) for right in RIGHTS),
        )
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .where(in_schema(schema), pg_class.c.relkind.in_(["r", "p"]))
        .order_by(pg_class.c.relname)
    )


def schema_rights(schema: str) -> Select[Any]:
    """Whether the role may use a schema, and make tables in it; no row where there is no such schema."""
    return select(
        func.has_schema_privilege(pg_namespace.c.oid, "USAGE").label("usable"),
        func.has_schema_privilege(pg_namespace.c.oid, "CREATE").label("may_create"),
    ).where(pg_namespace.c.nspname == schema)


def readers(relations: Collection[int]) -> Select[Any]:
    """The relations that somebody else than the owner has a right on, and who; NULL is PUBLIC.

    https://www.postgresql.org/docs/current/ddl-priv.html
    """
    parts = (column("grantor", OID), column("grantee", OID), column("privilege_type", Text))
    granted = func.aclexplode(pg_class.c.relacl).table_valued(*parts, name="granted").render_derived()
    grantee = case((granted.c.grantee != 0, func.pg_get_userbyid(granted.c.grantee, type_=Text())))
    return (
        select(pg_class.c.oid, grantee.label("reader"))
        .distinct()
        .select_from(pg_class)
        .join(granted, literal(value=True))
        .where(pg_class.c.oid.in_(list(relations)), granted.c.grantee != pg_class.c.relowner)
        .order_by(pg_class.c.oid, "reader")
    )


def invalid_indexes_in_schema(schema: str | None) -> Select[Any]:
    """The indexes that are not valid, with their tables, but for those that are being built or that a revision left."""
    being_built = select(pg_stat_progress_create_index.c.index_relid)
    return (
        select(
            index_class.c.relname.label("index"),
            cast(cast(index_class.c.oid, REGCLASS), Text).label("quoted"),
            pg_class.c.relname.label("table"),
            (index_class.c.relkind == "I").label("partitioned"),
        )
        .select_from(pg_index)
        .join(pg_class, pg_class.c.oid == pg_index.c.indrelid)
        .join(pg_namespace, pg_namespace.c.oid == pg_class.c.relnamespace)
        .join(index_class, index_class.c.oid == pg_index.c.indexrelid)
        .where(
            in_schema(schema),
            ~pg_index.c.indisvalid,
            pg_index.c.indexrelid.not_in(being_built),
            ~index_class.c.relname.regexp_match(f"^{BUILDING}"),
        )
        .order_by(index_class.c.relname)
    )


def left_half_way(declared: Iterable[str]) -> Select[Any]:
    """What stopped runs of concurrent revisions leave: second keys, triggers that translate, indexes being built.

    Keys whose names are ``declared`` are the models' own.
    """
    on = cast(cast(pg_class.c.oid, REGCLASS), Text)
    names = cast(list(declared), ARRAY(Text))
    keys = (
        select(literal("key").label("kind"), cast(pg_constraint.c.conname, Text).label("name"), on.label("table"))
        .join(pg_class, pg_class.c.oid == pg_constraint.c.conrelid)
        .where(
            pg_constraint.c.contype == "f",
            pg_constraint.c.conname.regexp_match(f"{BESIDE}$"),
            or_(pg_constraint.c.conparentid == 0, pg_constraint.c.conparentid.is_(None)),
            cast(pg_constraint.c.conname, Text) != func.all(names),
        )
    )
    triggers = (
        select(literal("trigger"), cast(pg_trigger.c.tgname, Text), on)
        .join(pg_class, pg_class.c.oid == pg_trigger.c.tgrelid)
        .where(pg_trigger.c.tgname.regexp_match(TRANSLATOR))
    )
    indexes = (
        select(literal("index"), cast(index_class.c.relname, Text), on)
        .select_from(index_class)
        .join(pg_index, pg_index.c.indexrelid == index_class.c.oid)
        .join(pg_class, pg_class.c.oid == pg_index.c.indrelid)
        .where(and_(index_class.c.relkind.in_(["i", "I"]), index_class.c.relname.regexp_match(f"^{BUILDING}")))
    )
    found = union_all(keys, triggers, indexes).subquery()
    return select(found).order_by(found.c.kind, found.c.table, found.c.name)
