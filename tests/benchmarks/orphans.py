"""Orphans of 30 keys on 5 million rows in 20 tables, counted with samples: ours against the bare anti-join counts."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from figures import is_within, peak
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, MetaData, NullPool, Table, Text, create_engine

from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.subject import Subject
from alembic_cascade.orphans.links import links_of, whole_database
from alembic_cascade.orphans.looked import Wanted
from alembic_cascade.orphans.looking import locate, look

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = int(os.environ.get("BENCH_ROWS", "5_000_000"))
PARENTS, CHILDREN = 5, 15
PARENT_ROWS = ROWS // 10 // PARENTS
CHILD_ROWS = (ROWS - PARENT_ROWS * PARENTS) // CHILDREN
ROUNDS = 5
LIMIT = 1.20
# What a client may need that is told counts, and five rows of each key.
MEMORY_LIMIT_MB = 20


def models() -> MetaData:
    """Children that each refer to two parents; the database has none of the keys."""
    metadata = MetaData()
    for number in range(PARENTS):
        Table(f"parent_{number}", metadata, Column("id", BigInteger, primary_key=True), Column("name", Text))
    for number in range(CHILDREN):
        Table(
            f"child_{number}",
            metadata,
            Column("id", BigInteger, primary_key=True),
            Column("first_id", BigInteger, ForeignKey(f"parent_{number % PARENTS}.id", ondelete="CASCADE")),
            Column("second_id", BigInteger, ForeignKey(f"parent_{(number + 1) % PARENTS}.id")),
            Column("title", Text),
        )
    return metadata


def set_up(connection: Connection) -> None:
    """Every hundredth reference of the first keys is an orphan, every tenth of the second is NULL, none an orphan."""
    for number in range(PARENTS):
        connection.exec_driver_sql(f"CREATE TABLE parent_{number} (id bigint PRIMARY KEY, name text)")
        connection.exec_driver_sql(
            f"INSERT INTO parent_{number} SELECT number, 'name of ' || number FROM generate_series(1, {PARENT_ROWS}) AS number"
        )
    for number in range(CHILDREN):
        connection.exec_driver_sql(
            f"CREATE TABLE child_{number} (id bigint PRIMARY KEY, first_id bigint, second_id bigint, title text)"
        )
        connection.exec_driver_sql(
            f"""INSERT INTO child_{number}
            SELECT number, CASE WHEN number %% 100 = 0 THEN {PARENT_ROWS} + number ELSE 1 + number %% {PARENT_ROWS} END,
                CASE WHEN number %% 10 = 0 THEN NULL ELSE 1 + number * 7 %% {PARENT_ROWS} END, 'title of ' || number
            FROM generate_series(1, {CHILD_ROWS}) AS number"""
        )
        connection.exec_driver_sql(f"CREATE INDEX ON child_{number} (first_id)")
        connection.exec_driver_sql(f"CREATE INDEX ON child_{number} (second_id)")
    connection.exec_driver_sql("VACUUM ANALYZE")
    connection.exec_driver_sql("CHECKPOINT")


def bare(connection: Connection, metadata: MetaData) -> int:
    """What a careful person writes: a count by each key, and nothing else."""
    found = 0
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            column, parent = key.parent.name, key.column.table.name
            found += connection.exec_driver_sql(
                f"SELECT count(*) FROM {table.name} AS child WHERE {column} IS NOT NULL "
                f"AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE parent.id = child.{column})"
            ).scalar_one()
    return found


def ours(connection: Connection, metadata: MetaData) -> int:
    """What ``alembic-cascade orphans`` does: the same counts, references, NULL links, rates, and samples."""
    dialect = connection.dialect
    subject = whole_database(connection, Subject((metadata,), Mapped(), dialect=dialect))
    looked = look(connection, locate(connection, links_of(subject), subject), Wanted(), lambda _label: None)
    assert len(looked) == 2 * CHILDREN
    assert all(one.references > 0 for one in looked)
    assert all(len(one.samples) == min(one.orphans, 5) for one in looked)
    return sum(one.orphans for one in looked)


def compare(url: str) -> bool:
    """Measure both in turn, print the medians, and say whether ours is within the limits."""
    engine = create_engine(url, poolclass=NullPool)
    metadata = models()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        set_up(connection)
    ways: dict[str, Callable[[Connection, MetaData], int]] = {"bare counts": bare, "alembic_cascade": ours}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    before = peak()
    for way, count in [*ways.items()] * (ROUNDS + 1):
        with engine.connect() as connection:
            started = perf_counter()
            found = count(connection, metadata)
            seconds[way].append(perf_counter() - started)
            assert found == CHILDREN * (CHILD_ROWS // 100), found
    grown = peak() - before
    engine.dispose()
    return is_within(
        f"Orphans of {2 * CHILDREN} keys on {ROWS:,} rows in {PARENTS + CHILDREN} tables",
        seconds,
        LIMIT,
        grown,
        MEMORY_LIMIT_MB,
    )


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
