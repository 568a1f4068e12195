"""The rows of all tables, by checksums that no order changes, and which of them are not as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.stores import origin
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import quote_table, verbatim
from alembic_cascade.sql.row_digests import (
    checksum,
    counts_by_digest,
    counts_by_key,
    digests,
    kept_digests,
    keys_of,
)

Step = Callable[[str], None]


@dataclass(frozen=True)
class Stored:
    """A table that has rows of its own; ``key`` is its primary key, if it has one."""

    name: TableName
    columns: tuple[str, ...]
    key: tuple[str, ...]
    readable: bool

    @property
    def label(self) -> str:
        return quote_table(*self.name)

    def with_columns(self, columns: tuple[str, ...]) -> Stored:
        """The table with no other columns than these, if it has them all."""
        return replace(self, columns=columns) if set(columns) <= set(self.columns) else self

    def digests(self, key: tuple[str, ...]) -> str:
        """A query for each row's key and digest."""
        return digests(self.label, self.columns, key)


class Checksum(NamedTuple):
    """The number of a table's rows, and the sum of their digests."""

    rows: int
    total: str


@dataclass(frozen=True)
class Kept:
    """The digests of a table's rows at the start, in a temporary table of the session that looked."""

    stored: Stored
    place: str


@dataclass(frozen=True)
class RowDifference:
    """How many rows of a table are lost, changed or new, with keys of some; without a primary key, none changed."""

    table: str
    lost: int = 0
    changed: int = 0
    new: int = 0
    lost_keys: tuple[str, ...] = ()
    other_keys: tuple[str, ...] = ()


def stored_tables(connection: Connection, left_out: TableName) -> list[Stored]:
    """The tables with rows, in the order of their names; not those of the quarantine, nor Alembic's own."""
    rows = connection.execute(verbatim(read_query("alembic_cascade.rehearsal", "tables")))
    return [
        Stored(TableName(row.nspname, row.relname), tuple(row.columns), tuple(row.key), row.readable)
        for row in rows
        if origin(row.remark) is None and (row.nspname, row.relname) != left_out
    ]


def checksums(connection: Connection, tables: Iterable[Stored], step: Step) -> dict[TableName, Checksum]:
    """The checksums of the tables that may be read."""
    found = {}
    for table in tables:
        if table.readable:
            step(f"reading {table.label}")
            query = verbatim(checksum(table.label, table.columns))
            found[table.name] = Checksum(*connection.execute(query).one())
    return found


def keep_digests(connection: Connection, tables: Iterable[Stored], step: Step) -> list[Kept]:
    """Keep the digest of each row, with its key, as long as the session or its transaction lasts."""
    kept = []
    for number, table in enumerate(table for table in tables if table.readable):
        step(f"keeping digests of {table.label}")
        place = f"cascade_rehearsal_{number}"
        connection.execute(verbatim(kept_digests(place, table.digests(table.key))))
        kept.append(Kept(table, place))
    return kept


def row_differences(
    connection: Connection, kept: Iterable[Kept], before: Mapping[TableName, Checksum], now: Iterable[Stored]
) -> list[RowDifference]:
    """Which rows are not as they were when their digests were kept."""
    present = {table.name: table for table in now}
    found = []
    for one in kept:
        table = present.get(one.stored.name)
        if table is None:
            found.append(RowDifference(one.stored.label, lost=before[one.stored.name].rows))
        elif table.readable:
            found.append(_difference(connection, one, table))
    return [difference for difference in found if difference.lost or difference.changed or difference.new]


def _difference(connection: Connection, kept: Kept, table: Stored) -> RowDifference:
    if not table.key or table.key != kept.stored.key:
        # Equal rows are as many as before, or they are not.
        lost, new = connection.execute(verbatim(counts_by_digest(kept.place, table.digests(())))).one()
        return RowDifference(table.label, lost, new=new)
    present = table.digests(table.key)
    lost, changed, new = connection.execute(verbatim(counts_by_key(kept.place, present))).one()
    lost_keys = connection.scalars(verbatim(keys_of("lost", kept.place, present)))
    other_keys = connection.scalars(verbatim(keys_of("other", kept.place, present)))
    return RowDifference(table.label, lost, changed, new, tuple(lost_keys), tuple(other_keys))
