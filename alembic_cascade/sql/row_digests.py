"""Queries for the rows of a table as digests: their sum, which no order changes, and which of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alembic_cascade.sql.quoting import quote_identifier

SAMPLES = 5


def checksum(table: str, columns: Sequence[str]) -> str:
    """The number of rows, and the sum of their digests as text."""
    return f"SELECT count(*), coalesce(CAST(sum({_digest(columns)}) AS text), '0') FROM ONLY {table} AS t"


def digests(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """The key of each row as text, NULL without one, and its digest."""
    written = "CAST(NULL AS text)"
    if key:
        # A single column as it is, without the parentheses of a row.
        written = f"CAST({_row(key) if len(key) > 1 else _of_row(key[0])} AS text)"
    return f"SELECT {written} AS key, {_digest(columns)} AS digest FROM ONLY {table} AS t"


def kept_digests(place: str, wanted: str) -> str:
    """The temporary table that keeps what a query of :func:`digests` gives."""
    return f"CREATE TEMPORARY TABLE {quote_identifier(place)} AS {wanted}"


def counts_by_key(place: str, present: str) -> str:
    """How many rows are lost, changed and new since they were kept."""
    return (
        "SELECT count(*) FILTER (WHERE n.key IS NULL), count(*) FILTER (WHERE o.key = n.key), "
        f"count(*) FILTER (WHERE o.key IS NULL) {_differing(place, present)}"
    )


def keys_of(which: Literal["lost", "other"], place: str, present: str) -> str:
    """The first keys of those that are lost, or of the others."""
    condition = "n.key IS NULL" if which == "lost" else "n.key IS NOT NULL"
    return (
        f"SELECT coalesce(o.key, n.key) {_differing(place, present)} AND {condition} "
        f'ORDER BY coalesce(o.key, n.key) COLLATE "C" LIMIT {SAMPLES}'
    )


def counts_by_digest(place: str, present: str) -> str:
    """How many rows are lost and new, where equal rows can't be told apart."""
    more = "CAST(coalesce(sum(greatest(coalesce({}.number, 0) - coalesce({}.number, 0), 0)), 0) AS bigint)".format
    counted = "(SELECT digest, count(*) AS number FROM {} GROUP BY digest)".format
    return (
        f"SELECT {more('o', 'n')}, {more('n', 'o')} FROM {counted(_kept(place))} AS o "
        f"FULL JOIN {counted(f'({present}) AS d')} AS n USING (digest)"
    )


def _differing(place: str, present: str) -> str:
    return (
        f"FROM {_kept(place)} AS o FULL JOIN ({present}) AS n ON o.key = n.key WHERE o.digest IS DISTINCT FROM n.digest"
    )


def _kept(place: str) -> str:
    return f"pg_temp.{quote_identifier(place)}"


def _digest(columns: Sequence[str]) -> str:
    return f"pg_catalog.hashtextextended(CAST({_row(columns)} AS text), 0)"


def _row(columns: Sequence[str]) -> str:
    return f"ROW({', '.join(map(_of_row, columns))})"


def _of_row(column: str) -> str:
    return f"t.{quote_identifier(column)}"
