"""What the story asks the database: rows, checksums, orphans, the quarantine and the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, text

Schema = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key, as the catalogue has it or as the models declare it."""

    child: str
    parent: str
    columns: tuple[tuple[str, str], ...]
    valid: bool = True

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


def columns(connection: Connection) -> dict[str, list[str]]:
    """The columns of each table, in their order."""
    found = connection.execute(
        text("""
            SELECT attrelid::regclass::text AS name, array_agg(quote_ident(attname) ORDER BY attnum) AS columns
            FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid ORDER BY 1
        """)
    )
    there = set(tables(connection))
    return {row.name: row.columns for row in found if row.name in there}


def row_digests(connection: Connection, wanted: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """For each table a digest of every row, of these columns; one that is gone is taken for NULL."""
    present = columns(connection)
    found = {}
    for table, names in wanted.items():
        values = ", ".join(name if name in present[table] else "NULL" for name in names)
        found[table] = frozenset(connection.scalars(text(f"SELECT md5(ROW({values})::text) FROM {table}")))
    return found


def foreign_keys(connection: Connection) -> list[ForeignKey]:
    """All foreign keys of the application."""
    found = connection.execute(
        text("""
            SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent, convalidated AS valid,
                array_agg(quote_ident(here.attname) ORDER BY place) AS local,
                array_agg(quote_ident(there.attname) ORDER BY place) AS remote
            FROM pg_constraint
            CROSS JOIN LATERAL unnest(conkey, confkey) WITH ORDINALITY AS pair (local, remote, place)
            JOIN pg_attribute AS here ON here.attrelid = conrelid AND here.attnum = pair.local
            JOIN pg_attribute AS there ON there.attrelid = confrelid AND there.attnum = pair.remote
            WHERE contype = 'f' AND connamespace = 'public'::regnamespace
            GROUP BY pg_constraint.oid, conname, conrelid, confrelid, convalidated
            ORDER BY child, conname
        """)
    )
    return [
        ForeignKey(row.child, row.parent, tuple(zip(row.local, row.remote, strict=True)), row.valid) for row in found
    ]


def declared_keys(declared: MetaData) -> list[ForeignKey]:
    """All foreign keys of the models."""
    found = [
        ForeignKey(
            table.name,
            key.referred_table.name,
            tuple((element.parent.name, element.column.name) for element in key.elements),
        )
        for table in declared.sorted_tables
        for key in table.foreign_key_constraints
    ]
    return sorted(found, key=str)


def orphans(connection: Connection, keys: list[ForeignKey]) -> dict[ForeignKey, int]:
    """For each of the keys the rows that refer to a parent which is not there.

    PostgreSQL trusts a key once it is valid; this looks at the rows themselves.
    """
    return {key: _number(connection, _orphans_of(key)) for key in keys}


def _orphans_of(key: ForeignKey) -> str:
    refers = " AND ".join(f"child.{local} IS NOT NULL" for local, _ in key.columns)
    matches = " AND ".join(f"parent.{remote} = child.{local}" for local, remote in key.columns)
    return (
        f"SELECT count(*) FROM {key.child} AS child "
        f"WHERE {refers} AND NOT EXISTS (SELECT FROM {key.parent} AS parent WHERE {matches})"
    )


@dataclass(frozen=True)
class SetAside:
    """How many rows of a table, or values in it, are in the quarantine for one reason."""

    table: str
    reason: str
    constraint: str
    is_value: bool
    count: int


def quarantine(connection: Connection) -> list[SetAside]:
    """What is set aside, by table and reason; a comment on each table of the quarantine says whose rows it holds."""
    found = []
    for store, table in connection.execute(text(_STORES)):
        query = (
            "SELECT cascade_reason, cascade_constraint, cascade_change IS NOT NULL, count(*) "
            f"FROM alembic_cascade.{store} GROUP BY 1, 2, 3 ORDER BY 3, 1 DESC, 2"
        )
        found.extend(SetAside(table, *row) for row in connection.execute(text(query)))
    return found


_STORES = """
SELECT quote_ident(relname), obj_description(pg_class.oid, 'pg_class')::json ->> 'table'
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'alembic_cascade' AND relkind = 'r'
ORDER BY 2
"""


def schema(connection: Connection) -> Schema:
    """Every column, constraint, index, trigger, function and sequence, as the catalogue describes it."""
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
SELECT 'function', '', proname, pg_get_functiondef(pg_proc.oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL
SELECT 'sequence', '', sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'
"""


def _number(connection: Connection, statement: str) -> int:
    return int(connection.scalar(text(statement)) or 0)
