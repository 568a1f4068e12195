"""Random tables, keys between them, and rows; what a DELETE really does to them, and what is foreseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact import prediction
from alembic_cascade.impact.prediction import Prediction
from alembic_cascade.rolling_back import rolled_back
from alembic_cascade.sql.quoting import verbatim

TABLES = 4
ROWS = 5
RULES = ("CASCADE", "CASCADE", "CASCADE", "SET NULL", "SET NULL", "SET DEFAULT", "NO ACTION", "RESTRICT")
UPDATE_RULES = ("NO ACTION", "NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT")

# The columns that a key can stand on, and those that it can refer to.
SLOTS: dict[str, tuple[str, ...]] = {"r": ("r",), "s": ("s",), "pair": ("x", "y")}
REFERENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "r": (("id",), ("code",)),
    "s": (("id",),),
    "pair": (("id", "code"),),
}


@dataclass(frozen=True)
class Key:
    """A key as it is created."""

    source: int
    slot: str
    parent: int
    referred: tuple[str, ...]
    rule: str
    on_update: str
    timing: str
    full: bool

    def statement(self, number: int) -> str:
        columns = ", ".join(SLOTS[self.slot])
        return (
            f"ALTER TABLE random.t{self.source} ADD CONSTRAINT k{number} FOREIGN KEY ({columns})"
            f" REFERENCES random.t{self.parent} ({', '.join(self.referred)}) MATCH {'FULL' if self.full else 'SIMPLE'}"
            f" ON DELETE {self.rule} ON UPDATE {self.on_update} {self.timing}"
        )


@dataclass(frozen=True)
class Case:
    """Tables with rows, their keys in the order in which they are made, and what is deleted."""

    keys: tuple[Key, ...]
    partitioned: frozenset[int]
    filled: frozenset[tuple[int, str]]
    defaults: frozenset[tuple[int, str]]
    rows: tuple[tuple[tuple[int | None, ...], ...], ...]
    table: int
    deleted: tuple[int, ...]

    def statements(self) -> list[str]:
        made = ["DROP SCHEMA IF EXISTS random CASCADE", "CREATE SCHEMA random"]
        for table in range(TABLES):
            columns = [
                f"{name} int"
                + (" DEFAULT 1" if (table, name) in self.defaults else "")
                + (" NOT NULL" if (table, name) in self.filled else "")
                for name in ("r", "s", "x", "y")
            ]
            made.append(
                f"CREATE TABLE random.t{table} (id int PRIMARY KEY, code int, {', '.join(columns)}, UNIQUE (id, code)"
                + (") PARTITION BY RANGE (id)" if table in self.partitioned else ", UNIQUE (code))")
            )
            if table in self.partitioned:
                made.append(
                    f"CREATE TABLE random.t{table}a PARTITION OF random.t{table} FOR VALUES FROM (MINVALUE) TO (3)"
                )
                made.append(
                    f"CREATE TABLE random.t{table}b PARTITION OF random.t{table} FOR VALUES FROM (3) TO (MAXVALUE)"
                )
        made += [key.statement(number) for number, key in enumerate(self.keys)]
        made.append("SET LOCAL session_replication_role = replica")
        for table, rows in enumerate(self.rows):
            values = ", ".join(f"({', '.join('NULL' if v is None else str(v) for v in row)})" for row in rows)
            made.append(f"INSERT INTO random.t{table} VALUES {values}")
        return made

    @property
    def condition(self) -> str:
        return f"id IN ({', '.join(map(str, self.deleted))})"


@dataclass(frozen=True)
class Outcome:
    """Rows by table and number, those that are gone and those that have other values."""

    gone: frozenset[tuple[str, int]]
    changed: frozenset[tuple[str, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Mostly a few keys on a few tables: cycles, self-references and diamonds among them."""
    partitioned = draw(st.frozensets(st.integers(0, TABLES - 1), max_size=1))
    places = draw(st.lists(st.tuples(st.integers(0, TABLES - 1), st.sampled_from(list(SLOTS))), min_size=3, max_size=9))
    keys = []
    for source, slot in places:
        parent = draw(st.integers(0, TABLES - 1))
        referred = draw(st.sampled_from(REFERENTS[slot]))
        if parent in partitioned and referred == ("code",):
            referred = ("id",)
        rule = draw(st.sampled_from(RULES))
        if slot == "pair" and rule.startswith("SET") and draw(st.booleans()):
            rule = f"{rule} ({draw(st.sampled_from(SLOTS[slot]))})"
        deferrable = rule == "NO ACTION" and draw(st.integers(0, 3)) == 0
        keys.append(
            Key(
                source,
                slot,
                parent,
                referred,
                rule,
                draw(st.sampled_from(UPDATE_RULES)),
                "DEFERRABLE INITIALLY DEFERRED" if deferrable else "",
                slot == "pair" and draw(st.integers(0, 3)) == 0,
            )
        )
    places_of_columns = st.tuples(st.integers(0, TABLES - 1), st.sampled_from(["r", "s", "y"]))
    filled = draw(st.frozensets(places_of_columns, max_size=2))
    defaults = draw(st.frozensets(places_of_columns, max_size=6))
    rows = tuple(tuple(draw(_row(table, number, filled)) for number in range(ROWS)) for table in range(TABLES))
    deleted = draw(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=3, unique=True))
    return Case(
        tuple(keys), partitioned, filled, defaults, rows, draw(st.integers(0, TABLES - 1)), tuple(sorted(deleted))
    )


@st.composite
def _row(draw: st.DrawFn, table: int, number: int, filled: frozenset[tuple[int, str]]) -> tuple[int | None, ...]:
    """A row whose references exist, whatever table they refer to: all tables have the same numbers."""
    values = [
        draw(st.integers(0, ROWS - 1)) if (table, name) in filled else draw(st.none() | st.integers(0, ROWS - 1))
        for name in ("r", "s", "x")
    ]
    referred = values[-1]
    partner = None if referred is None else referred
    if (table, "y") in filled and partner is None:
        partner = values[-1] = 0
    # A code is the number of its row, so that a value fits any key.
    return (number, number, *values, partner)


def really(connection: Connection, case: Case) -> Outcome | None:
    """What the DELETE does, None where it is refused; all of it is rolled back."""
    before = _images(connection)
    with connection.begin_nested() as savepoint:
        try:
            connection.exec_driver_sql(f"DELETE FROM random.t{case.table} WHERE {case.condition}")
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            after = _images(connection)
        except DBAPIError:
            return None
        finally:
            savepoint.rollback()
    return Outcome(
        frozenset(before.keys() - after.keys()), frozenset(row for row in after if after[row] != before[row])
    )


def _images(connection: Connection) -> dict[tuple[str, int], Any]:
    return {
        (f"t{table}", row[0]): tuple(row)
        for table in range(TABLES)
        for row in connection.exec_driver_sql(f"SELECT * FROM random.t{table}")
    }


def foreseen(connection: Connection, case: Case) -> tuple[Prediction, Outcome]:
    """What is foreseen, with the rows that the session has listed for it."""
    table = TableName("random", f"t{case.table}")
    told = prediction.predict(connection, table, case.condition)
    assert told is not None
    with rolled_back(connection):
        prediction._make_functions(connection)
        prediction._list_rows(connection, str(table), case.condition)
        list(prediction._rounds(connection))
        gone = _listed(connection, case, "way = ANY (pg_temp.cascade_removing())")
        changed = _listed(connection, case, "NOT way = ANY (pg_temp.cascade_removing())")
    return told, Outcome(gone, changed - gone)


def _listed(connection: Connection, case: Case, which: str) -> frozenset[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for table in range(TABLES):
        rows: Sequence[Any] = connection.execute(
            verbatim(
                f"SELECT id FROM random.t{table} AS found JOIN pg_temp.cascade_fates"
                f" ON relation = found.tableoid AND place = found.ctid WHERE {which}"
            )
        ).all()
        found.update((f"t{table}", row[0]) for row in rows)
    return frozenset(found)
