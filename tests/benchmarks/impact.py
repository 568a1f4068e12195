"""What would go with one row, and with very many, of 5 million rows in 20 tables: asked, against really deleted."""

from __future__ import annotations

import os
import statistics
import sys
from time import perf_counter

from figures import peak
from sqlalchemy import Engine, NullPool, create_engine

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact.prediction import predict

ROWS = int(os.environ.get("BENCH_ROWS", "5_000_000"))
TABLES = 20
ROWS_OF_TABLE = ROWS // TABLES
# So many rows refer to each row that is referred to at all.
CHILDREN = 5
ROUNDS = 5
LIMIT_SECONDS = 1.0
LIMIT = 1.5
# What a client may need that reads not one row of the 5 million.
MEMORY_LIMIT_MB = 20

ROW = "id = 1"
MANY = "id % 50 = 1"


def setup() -> list[str]:
    """A tree of tables, each row of which is removed with its parent; every other table loses a value, too."""
    statements = [
        "CREATE TABLE t00 (id bigint PRIMARY KEY)",
        f"INSERT INTO t00 SELECT generate_series(1, {ROWS_OF_TABLE})",
    ]
    for number in range(1, TABLES):
        parent, name = f"t{(number - 1) // 2:02}", f"t{number:02}"
        statements += [
            f"CREATE TABLE {name} (id bigint PRIMARY KEY, parent_id bigint, editor_id bigint, title text)",
            f"INSERT INTO {name} SELECT n, 1 + n % {ROWS_OF_TABLE // CHILDREN},"
            f" {'1 + n % ' + str(ROWS_OF_TABLE) if number % 2 else 'NULL'}, 'title of ' || n"
            f" FROM generate_series(1, {ROWS_OF_TABLE}) AS n",
            f"CREATE INDEX ON {name} (parent_id)",
            f"CREATE INDEX ON {name} (editor_id)",
            f"ALTER TABLE {name} ADD FOREIGN KEY (parent_id) REFERENCES {parent} ON DELETE CASCADE,"
            f" ADD FOREIGN KEY (editor_id) REFERENCES t00 ON DELETE SET NULL",
        ]
    return [*statements, "VACUUM ANALYZE", "CHECKPOINT"]


def asked(engine: Engine, condition: str) -> tuple[float, int]:
    """The seconds that it takes on a connection of its own, and the number of rows that would be removed."""
    with engine.connect() as connection:
        started = perf_counter()
        found = predict(connection, TableName(None, "t00"), condition)
        seconds = perf_counter() - started
    assert found is not None
    return seconds, sum(each.removed for each in found.tables)


def deleted(engine: Engine, condition: str) -> float:
    """The seconds of the DELETE itself, which is rolled back."""
    with engine.connect() as connection:
        started = perf_counter()
        connection.exec_driver_sql(f"DELETE FROM t00 WHERE {condition.replace('%', '%%')}")
        seconds = perf_counter() - started
        connection.rollback()
    return seconds


def vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")


def compare(url: str) -> bool:
    """Measure both in turn, print the medians, and say whether all is within the limits."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in setup():
            connection.exec_driver_sql(statement.replace("%", "%%"))
    asked(engine, "false")
    before = peak()
    print(f"impact, {ROWS:,} rows in {TABLES} tables, every key with an index; medians of {ROUNDS} runs in turn")
    within = True
    for words, condition in (("one row", ROW), ("very many", MANY)):
        runs: list[tuple[float, float]] = []
        for _ in range(ROUNDS + 1):
            mine, rows = asked(engine, condition)
            runs.append((mine, deleted(engine, condition)))
            vacuum(engine)
        mine, theirs = (statistics.median(column) for column in zip(*runs[1:], strict=True))
        ratio = statistics.median(one / other for one, other in runs[1:])
        print(f"  {words}, with {rows:,} that would be removed")
        print(f"    asked {mine:8.3f} s, deleted {theirs:8.3f} s, ratio {ratio:7.3f}", end="   ")
        # Of one row the functions that are made take most of the time, and the DELETE next to none.
        limit = f"limit {LIMIT_SECONDS:.1f} s" if condition == ROW else f"limit of the ratio {LIMIT:.2f}"
        print(f"({limit})")
        within = within and (mine <= LIMIT_SECONDS if condition == ROW else ratio <= LIMIT)
    grown = peak() - before
    print(f"  client's memory {grown:+.1f} MB (limit {MEMORY_LIMIT_MB} MB)")
    engine.dispose()
    return within and grown <= MEMORY_LIMIT_MB


if __name__ == "__main__":
    sys.exit(0 if compare(sys.argv[1]) else 1)
