"""The queries that count rows without a parent, links that are NULL, and values that are there twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import quote_identifier, quote_literal, quote_table, verbatim


@dataclass(frozen=True)
class Located:
    """A key as the database has its ends: tables with their schemas, and the condition that a row has a parent.

    ``child_scan`` and ``parent_scan`` are what a foreign key looks at, as SQL; ``row_key`` are the columns of the
    child's primary key. ``absent`` says what there is not, in words; the rest means nothing then.
    """

    key: ForeignKey
    child: TableName
    parent: TableName
    child_scan: str
    parent_scan: str
    condition: str
    row_key: tuple[str, ...]
    filled: tuple[str, ...] = ()
    absent: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self.key.local_columns

    @property
    def orphaned(self) -> str:
        """The condition by which a row is an orphan, as ``pg_temp.cascade_orphaned()`` has it."""
        filled = "".join(f" AND parent.{quote_identifier(name)} IS NOT NULL" for name in self.filled)
        no_parent = f"NOT EXISTS (SELECT FROM {self.parent_scan} AS parent WHERE {self.condition}{filled})"
        if self.takes_parts:
            return f"NOT ({self.empty}) AND ({' OR '.join(self._nulls)} OR {no_parent})"
        return f"NOT ({self.empty}) AND {no_parent}"

    @property
    def empty(self) -> str:
        """The condition by which a row refers to nothing: one column is NULL, by MATCH FULL all of them."""
        return (" AND " if self.takes_parts else " OR ").join(self._nulls)

    @property
    def _nulls(self) -> list[str]:
        return [is_null(name) for name in self.columns]

    @property
    def takes_parts(self) -> bool:
        """Whether a row of which only some columns are NULL is an orphan."""
        return self.key.match == "FULL" and len(self.columns) > 1


def links_query(keys: Iterable[tuple[ForeignKey, Sequence[str]]]) -> TextClause:
    """A row for each key, and the columns of its parent that have to be filled as well, in their order."""
    given = [
        {
            "child": quote_table(*key.source),
            "parent": quote_table(*key.referent),
            "columns": key.local_columns,
            "referred": key.remote_columns,
            "filled": list(filled),
        }
        for key, filled in keys
    ]
    return verbatim(read_query("alembic_cascade.orphans", "links").replace(":links", quote_literal(json.dumps(given))))


def orphans_query(located: Located, samples: int) -> TextClause:
    """One row: how many orphans there are, and the first of them, by primary key, as JSON.

    One scan; what is kept of it are the orphans alone, on disk where they are many.
    https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-CTE-MATERIALIZATION
    """
    found = f"FROM {located.child_scan} AS child WHERE {located.orphaned}"
    if not samples:
        return verbatim(f"SELECT pg_catalog.count(*) AS number, NULL AS samples {found}")
    return _counted_with_samples([*located.row_key, *located.columns], found, samples, "pg_catalog.count(*)")


def tally_query(scan: str, conditions: Sequence[str]) -> TextClause:
    """One row: all rows of a table ``child``, then those for which each condition holds.

    Conditions that few rows meet cost little: the others are not counted again.
    """
    counts = "".join(f", pg_catalog.count(*) FILTER (WHERE {condition})" for condition in conditions)
    return verbatim(f"SELECT pg_catalog.count(*){counts} FROM {scan} AS child")


def is_null(column: str) -> str:
    """The condition that a row ``child`` has NULL in a column."""
    return f"child.{quote_identifier(column)} IS NULL"


def nulls_query(located: Located, column: str, samples: int) -> TextClause:
    """The first rows, by primary key, that have NULL in a column, as JSON."""
    found = f"FROM {located.child_scan} AS child WHERE {is_null(column)}"
    return _counted_with_samples(list(located.row_key), found, samples, "pg_catalog.count(*)")


def doubles_query(located: Located, samples: int) -> TextClause:
    """One row: in how many rows the referent has values that are there twice, and the first of them as JSON."""
    columns = [*located.filled] or [*located.key.remote_columns]
    listed = ", ".join(f"child.{quote_identifier(name)}" for name in columns)
    filled = " AND ".join(f"child.{quote_identifier(name)} IS NOT NULL" for name in columns)
    found = f"FROM {located.parent_scan} AS child WHERE {filled} GROUP BY {listed} HAVING pg_catalog.count(*) > 1"
    total = "coalesce(pg_catalog.sum(amount), 0)::bigint"
    return _counted_with_samples(columns, found, samples, total, amount="pg_catalog.count(*)")


def _counted_with_samples(
    columns: Sequence[str], found: str, samples: int, total: str, *, amount: str = "1"
) -> TextClause:
    """What is found, counted, and its first rows by these columns; each is an array of their values as text."""
    selected = "".join(f", child.{quote_identifier(name)} AS v{place}" for place, name in enumerate(columns))
    names = [f"v{place}" for place in range(len(columns))]
    order = f"ORDER BY {', '.join(names)} " if names else ""
    values = ", ".join(f"{name}::text" for name in names)
    return verbatim(
        f"WITH found AS MATERIALIZED (SELECT {amount} AS amount{selected} {found})\n"
        f"SELECT (SELECT {total} FROM found) AS number, (\n"
        f"    SELECT pg_catalog.json_agg(pg_catalog.json_build_array({values})) FROM (\n"
        f"        SELECT * FROM found {order}LIMIT {samples}) AS first)::text AS samples"
    )
