"""What the story asks the database: rows, checksums, orphans and the schema, all from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

Schema = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key as the catalogue has it."""

    name: str
    child: str
    parent: str
    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        child = ", ".join(local for local, _ in self.columns)
        parent = ", ".join(remote for _, remote in self.columns)
        return f"{self.child} ({child}) -> {self.parent} ({parent})"


def tables(connection: Connection) -> list[str]:
    """The tables of the application, without Alembic's own."""
    found = connection.scalars(
        text("""
            SELECT format('%I', relname) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
            ORDER BY 1
        """)
    )
    return list(found)


def row_counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {table: _number(connection, f"SELECT count(*) FROM {table}") for table in tables(connection)}


def checksums(connection: Connection) -> dict[str, str]:
    """For each table a digest of all its rows, whatever their order."""
    return {table: str(connection.scalar(text(_CHECKSUM.format(table=table)))) for table in tables(connection)}


_CHECKSUM = "SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {table} AS t"


def foreign_keys(connection: Connection) -> list[ForeignKey]:
    """All foreign keys of the application."""
    found = connection.execute(
        text("""
            SELECT conname, conrelid::regclass::text AS child, confrelid::regclass::text AS parent,
                array_agg(quote_ident(here.attname) ORDER BY place) AS local,
                array_agg(quote_ident(there.attname) ORDER BY place) AS remote
            FROM pg_constraint
            CROSS JOIN LATERAL unnest(conkey, confkey) WITH ORDINALITY AS pair (local, remote, place)
            JOIN pg_attribute AS here ON here.attrelid = conrelid AND here.attnum = pair.local
            JOIN pg_attribute AS there ON there.attrelid = confrelid AND there.attnum = pair.remote
            WHERE contype = 'f' AND connamespace = 'public'::regnamespace
            GROUP BY pg_constraint.oid, conname, conrelid, confrelid
            ORDER BY child, conname
        """)
    )
    return [
        ForeignKey(row.conname, row.child, row.parent, tuple(zip(row.local, row.remote, strict=True))) for row in found
    ]


def orphans(connection: Connection) -> dict[ForeignKey, int]:
    """For each foreign key the rows that refer to a parent which is not there.

    PostgreSQL trusts a key once it is valid; this looks at the rows themselves.
    """
    return {key: _number(connection, _orphans_of(key)) for key in foreign_keys(connection)}


def _orphans_of(key: ForeignKey) -> str:
    refers = " AND ".join(f"child.{local} IS NOT NULL" for local, _ in key.columns)
    matches = " AND ".join(f"parent.{remote} = child.{local}" for local, remote in key.columns)
    return (
        f"SELECT count(*) FROM {key.child} AS child "
        f"WHERE {refers} AND NOT EXISTS (SELECT FROM {key.parent} AS parent WHERE {matches})"
    )


def schema(connection: Connection) -> Schema:
    """Every column, constraint, index, trigger and sequence, as the catalogue describes it."""
    return frozenset(tuple(map(str, row)) for row in connection.execute(text(_SCHEMA)))


_SCHEMA = """
SELECT 'column', attrelid::regclass::text, attname,
    concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
        'DEFAULT ' || pg_get_expr(adbin, adrelid))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname,
    concat_ws(' ', pg_get_constraintdef(oid), CASE WHEN convalidated THEN 'valid' ELSE 'not valid' END,
        obj_description(oid, 'pg_constraint'))
-- NOT NULL is told by the columns, above; PostgreSQL 18 lists it among the constraints, too.
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(pg_trigger.oid) || ' ' || tgenabled::text
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal
UNION ALL
SELECT 'sequence', '', sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'
"""


def _number(connection: Connection, statement: str) -> int:
    return int(connection.scalar(text(statement)) or 0)
