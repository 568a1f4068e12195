"""The SQL of proofs: rows that are made, copied, looked for, changed and deleted.

Values are those that PostgreSQL wrote itself, or is to read, so that no driver has to know their types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from alembic_cascade.proof.catalogue import Column, Key, Table
from alembic_cascade.sql.quoting import quote_identifier, quote_literal

Values = Mapping[str, str | None]

# Types that mean one letter, or one bit, where they are written without a length.
_ONE_LETTER = {"bpchar", "bit"}


def written(value: str | None) -> str:
    """A value as a literal of no type."""
    return "NULL" if value is None else quote_literal(value)


def equals(name: str, value: str | None) -> str:
    """That a column has a value, or is NULL."""
    quoted = quote_identifier(name)
    return f"{quoted} IS NULL" if value is None else f"{quoted} = {quote_literal(value)}"


def reads(name: str, value: str) -> str:
    """That a column's value is written so, for types that know no equality."""
    return f"{quote_identifier(name)}::text = {quote_literal(value)}"


def all_equal(values: Values) -> str:
    """That columns have these values."""
    return " AND ".join(equals(name, value) for name, value in values.items()) or "true"


def typed(value: str, column: Column) -> str:
    """An expression of a column's type, without that one's limits."""
    type_ = column.type
    bare = f'pg_catalog."{type_.plain_name}"' if type_.plain_name in _ONE_LETTER else type_.name
    return f"CAST({value} AS {bare})"


def same(one: str | None, other: str | None) -> bool:
    """Whether two values are equal, be it that one is written as a number with more digits; NULL equals nothing."""
    if one is None or other is None:
        return False
    return one == other or _without_zeros(one) == _without_zeros(other)


def _without_zeros(value: str) -> str:
    return value.rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d*", value) else value


def insertion(rows: Sequence[tuple[Table, Values]]) -> str:
    """Insert rows that may refer to each other, whose keys are checked at the end; returns ``place`` and ``made``."""
    parts, results = [], []
    for place, (table, values) in enumerate(rows):
        names = ", ".join(map(quote_identifier, values))
        listed = ", ".join(_for_column(table.columns[name], value) for name, value in values.items())
        filled = f"({names}){_overriding(table, values)} VALUES ({listed})" if values else "DEFAULT VALUES"
        parts.append(f"row_{place} AS (INSERT INTO {table.quoted} {filled} RETURNING {_all(table)} AS made)")
        results.append(f"SELECT {place} AS place, made FROM row_{place}")
    return f"WITH {', '.join(parts)} {' UNION ALL '.join(results)}"


def selection(table: Table, condition: str) -> str:
    """The first row of which that is true."""
    return f"SELECT {_all(table)} FROM {table.scan} WHERE {condition}{_order(table)} LIMIT 1"


def copy(table: Table, replaced: Values, original: int) -> str:
    """Insert a row that is as another one, but for what is replaced and what a row gives itself."""
    names = [name for name in table.columns if name in replaced or not _fills_itself(table, name)]
    values = ", ".join(written(replaced[name]) if name in replaced else quote_identifier(name) for name in names)
    return (
        f"INSERT INTO {table.quoted} ({', '.join(map(quote_identifier, names))}){_overriding(table, names)} "
        f"SELECT {values} FROM {table.scan}{_order(table)} OFFSET {original} LIMIT 1 RETURNING {_all(table)}"
    )


def change_of_first(table: Table, values: Values) -> str:
    """Give the first row other values."""
    first = f"(SELECT ctid FROM {table.scan}{_order(table)} LIMIT 1)"
    return f"{change(table, values, f'ctid = {first}')} RETURNING {_all(table)}"


def change(table: Table, values: Values, condition: str) -> str:
    """Give rows other values."""
    changes = ", ".join(f"{quote_identifier(name)} = {written(value)}" for name, value in values.items())
    return f"UPDATE {table.scan} SET {changes} WHERE {condition}"


def deletion(table: Table, condition: str) -> str:
    return f"DELETE FROM {table.scan} WHERE {condition}"


def count(table: Table, condition: str) -> str:
    return f"SELECT count(*) FROM {table.scan} WHERE {condition}"


def counts_by(looks: Iterable[tuple[Table, Iterable[str], str]]) -> str:
    """How many rows (``number``) there are by what they have in columns (``held``), for each ``place`` in the list.

    Each is a table, columns, and a condition on rows.
    """
    found = []
    for place, (table, names, condition) in enumerate(looks):
        held = ", ".join(f"{quote_identifier(name)}::text" for name in names)
        found.append(
            f"SELECT {place} AS place, ARRAY[{held}]::text[] AS held, count(*) AS number "
            f"FROM {table.scan} WHERE {condition} GROUP BY 2"
        )
    return " UNION ALL ".join(found)


def value_in_use(table: Table, name: str) -> str:
    """A value that a row has in a column."""
    quoted = quote_identifier(name)
    return f"SELECT {quoted}::text FROM {table.scan} WHERE {quoted} IS NOT NULL LIMIT 1"


def value_of(expression: str, column: Column) -> str:
    """What an expression gives to a column."""
    return f"SELECT {typed(expression, column)}::text"


def orphan(child: Table, parent: Table, pairs: Iterable[tuple[str, str]]) -> str:
    """The reference of a row whose parent there is not."""
    quoted = [(quote_identifier(ours), quote_identifier(theirs)) for ours, theirs in pairs]
    given = " AND ".join(f"child.{ours} IS NOT NULL" for ours, _ in quoted)
    joined = " AND ".join(f"parent.{theirs} = child.{ours}" for ours, theirs in quoted)
    listed = ", ".join(f"child.{ours}::text" for ours, _ in quoted)
    return (
        f"SELECT ARRAY[{listed}]::text[] FROM {child.scan} AS child WHERE {given} "
        f"AND NOT EXISTS (SELECT FROM {parent.scan} AS parent WHERE {joined}) LIMIT 1"
    )


def nobody_refers(key: Key, child: Table, parent: Table) -> str:
    """That no row refers to one of the parent's by the key."""
    joined = " AND ".join(
        f"child.{quote_identifier(ours)} = {parent.quoted}.{quote_identifier(theirs)}" for ours, theirs in key.pairs
    )
    return f"NOT EXISTS (SELECT FROM {child.scan} AS child WHERE {joined})"


def first_that_passes(
    columns: Sequence[str], computed: Mapping[str, str], conditions: Iterable[str], rows: Iterable[Sequence[str]]
) -> str:
    """The place of the first of several rows of expressions of which all conditions hold, or are unknown."""
    listed = ", ".join(f"({', '.join([str(place), *row])})" for place, row in enumerate(rows))
    names = ", ".join(["cascade_place", *map(quote_identifier, columns)])
    also = ", ".join(f"({source}) AS {quote_identifier(name)}" for name, source in computed.items())
    lateral = f" CROSS JOIN LATERAL (SELECT {also}) AS computed" if also else ""
    wanted = " AND ".join(f"({condition}) IS NOT FALSE" for condition in conditions)
    return f"SELECT min(cascade_place) FROM (VALUES {listed}) AS made ({names}){lateral} WHERE {wanted}"


def _all(table: Table) -> str:
    return f"ARRAY[{', '.join(f'{quote_identifier(name)}::text' for name in table.columns)}]::text[]"


def _order(table: Table) -> str:
    return f" ORDER BY {', '.join(map(quote_identifier, table.primary))}" if table.primary else ""


def _for_column(column: Column, value: str | None) -> str:
    """A value that may be written as another type writes it, such as a number with zeros behind its point."""
    whole = column.type.plain_name in {"int2", "int4", "int8"}
    return written(_without_zeros(value) if whole and value is not None else value)


def _overriding(table: Table, names: Iterable[str]) -> str:
    return " OVERRIDING SYSTEM VALUE" if any(table.columns[name].identity == "a" for name in names) else ""


def _fills_itself(table: Table, name: str) -> bool:
    """Whether a copy can't have the value of its original, and has another one by itself."""
    column = table.columns[name]
    counts = column.has_default and name not in table.key_columns
    return column.generated or bool(column.identity) or (counts and name in table.unique_columns)
