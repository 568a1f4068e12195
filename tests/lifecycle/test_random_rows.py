"""Any statements on rows: lifecycle columns are what the rules say, whatever wrote them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from alembic_cascade import CascadeConfig, configure_options
from lifecycle.rows_model import KINDS, POLICIES, VALUES, Key, Model, Row, columns_of, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "80"))
LEAST_SHARE = 0.02
VIRTUAL_COLUMNS_SINCE = 180000

MOMENTS = [None, *(datetime(year, 1, 1, tzinfo=UTC) for year in (2001, 2002, 2050))]
KEYS: dict[str, list[Key]] = {
    "users": [(number,) for number in range(1, 4)],
    "channels": [(number,) for number in range(1, 4)],
    "rooms": list(product((1, 2), (1, 2))),
    "messages": [(number,) for number in range(1, 9)],
    "notes": [(number,) for number in range(1, 6)],
}
# Messages most of all: they are what a channel's column is set from.
TABLES = ["messages", "messages", "channels", "notes", "users", "rooms"]
INSERTS = ["VALUES", "SELECT", "COPY", "DO NOTHING", "DO UPDATE", "MERGE", "WITH"]
CLASSES = {
    *(f"INSERT {form}" for form in INSERTS),
    "UPDATE", "UPDATE of all", "UPDATE to the same", "UPDATE from values", "key", "DELETE", "savepoint rolled back",
    "rolled back", "several statements", "a first child", "a newer child", "an older child", "set by the statement",
    "not changed", "changed", "a parent went", "a parent's key changed", "conflict",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Did not recognize type 'point'")
def test_lifecycle_columns_are_what_the_rules_say(project: Project) -> None:
    """Not one way of writing, nor of what comes of it, is left to chance."""
    drawn: Counter[str] = Counter()
    url = project.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        project.metadata = models(virtual=connection.info.server_version >= VIRTUAL_COLUMNS_SINCE)
        project.create(project.metadata)
        project.options = configure_options(CascadeConfig(lifecycle=POLICIES))
        project.revision()
        project.upgrade()

        @settings(max_examples=EXAMPLES)
        @given(st.data())
        def check(data: st.DataObject) -> None:
            connection.execute(f"TRUNCATE {', '.join(KINDS)}".encode())
            story = Story(connection, data.draw)
            story.tell()
            drawn.update({"all", *story.seen, *story.model.seen})

        check()
        project.check()
    rare = {name: drawn[name] for name in CLASSES if drawn[name] < LEAST_SHARE * drawn["all"]}
    assert not rare, f"of {drawn['all']} drawn: {rare}"


@dataclass(repr=False)
class Story:
    """Transactions with statements that are drawn one by one, as the rows allow; each is done in both places."""

    connection: psycopg.Connection[Any]
    draw: Callable[[st.SearchStrategy[Any]], Any]
    model: Model = field(default_factory=Model)
    seen: set[str] = field(default_factory=set)

    def tell(self) -> None:
        """Some transactions, after each of which both have the same rows."""
        for table in ("users", "channels", "rooms"):
            self._transaction(
                [lambda table=table: self._write("VALUES", table, self._new_rows(table, KEYS[table][:2]))]
            )
        for _ in range(self._number(2, 6)):
            self._transaction([self._statement] * self._number(1, 3))

    def _transaction(self, statements: list[Callable[[], None]]) -> None:
        before = self.model.saved()
        with self.connection.transaction() as transaction:
            self.model.now = self._fetch("SELECT now()")[0][0]
            for statement in statements:
                statement()
            if len(statements) > 1:
                self.seen.add("several statements")
                if self._one_in(5):
                    self._rolled_back(self._statement)
            if self._one_in(8):
                self.seen.add("rolled back")
                self.model.rows = before
                raise psycopg.Rollback(transaction)
        for table, rows in self.model.rows.items():
            assert self._rows(table) == rows, table

    def _rolled_back(self, statement: Callable[[], None]) -> None:
        before = self.model.saved()
        with self.connection.transaction() as savepoint:
            statement()
            self.seen.add("savepoint rolled back")
            self.model.rows = before
            raise psycopg.Rollback(savepoint)

    def _rows(self, table: str) -> dict[Key, Row]:
        """The rows as the database has them; values that Python would make equal are read as text."""
        kind, columns = KINDS[table], columns_of(table)
        read = [f"{column}::text" if column in kind.plain else column for column in columns]
        found = [dict(zip(columns, row, strict=True)) for row in self._fetch(f"SELECT {', '.join(read)} FROM {table}")]
        return {kind.key_of(row): row for row in found}

    def _statement(self) -> None:
        table = self._any(TABLES)
        present = list(self.model.rows[table])
        if not present or self._one_in(2):
            self._insert(table)
        else:
            name = self._any(["_update", "_update", "_update_from_values", "_rekey", "_delete"])
            getattr(self, name)(table, present)

    def _insert(self, table: str) -> None:
        form = self._any(INSERTS)
        keys = self.draw(st.lists(st.sampled_from(KEYS[table]), min_size=1, max_size=4, unique=True))
        if form not in {"DO NOTHING", "DO UPDATE", "MERGE"}:
            keys = [key for key in keys if key not in self.model.rows[table]]
        if keys:
            self._write(form, table, self._new_rows(table, keys))

    def _new_rows(self, table: str, keys: list[Key]) -> list[Row]:
        """A row for each key, all with the same columns."""
        kind = KINDS[table]
        optional = [*kind.plain, "created_at", "updated_at"]
        columns = [column for column in optional if self._one_in(4 if column == "updated_at" else 2)]
        rows = []
        for key in keys:
            row = dict(zip(kind.key, key, strict=True)) | {column: self._value(table, column) for column in columns}
            for reference in kind.references:
                row |= zip(reference.columns, self._parent(reference.parent), strict=True)
            rows.append(row)
        return rows

    def _write(self, form: str, table: str, rows: list[Row]) -> None:
        """Insert the rows, one way or another; those that conflict are passed over, or updated."""
        self.seen.add(f"INSERT {form}")
        kind = KINDS[table]
        updated = [column for column in rows[0] if column not in kind.key]
        if form == "COPY":
            with self.connection.cursor().copy(f"COPY {table} ({', '.join(rows[0])}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(list(row.values()))
        else:
            self._run(self._insertion(form, table, rows), [value for row in rows for value in row.values()])
        conflicting = [row for row in rows if kind.key_of(row) in self.model.rows[table]]
        if conflicting:
            self.seen.add("conflict")
        if form in {"DO UPDATE", "MERGE"} and updated:
            for row in conflicting:
                self.model.update(table, kind.key_of(row), {column: row[column] for column in updated})
        self.model.insert(table, [row for row in rows if row not in conflicting])

    def _insertion(self, form: str, table: str, rows: list[Row]) -> str:
        kind, columns, values = KINDS[table], list(rows[0]), self._values(table, rows)
        key, given = ", ".join(kind.key), ", ".join(f"given.{column}" for column in columns)
        into = f"INTO {table} ({', '.join(columns)})"

        def does(source: str) -> str:
            changes = ", ".join(f"{column} = {source}.{column}" for column in columns if column not in kind.key)
            return f"UPDATE SET {changes}" if changes else "NOTHING"

        same = " AND ".join(f"{table}.{column} = given.{column}" for column in kind.key)
        return {
            "VALUES": f"INSERT {into} {values}",
            "SELECT": f"INSERT {into} SELECT * FROM ({values}) AS given ORDER BY 1",
            "DO NOTHING": f"INSERT {into} {values} ON CONFLICT DO NOTHING",
            "DO UPDATE": f"INSERT {into} {values} ON CONFLICT ({key}) DO {does('excluded')}",
            "MERGE": f"MERGE INTO {table} USING ({values}) AS given ({', '.join(columns)}) ON {same}"
            f" WHEN MATCHED THEN {does('given').replace('NOTHING', 'DO NOTHING')}"
            f" WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) VALUES ({given})",
            "WITH": f"WITH made AS (INSERT {into} {values} RETURNING {key}) SELECT count(*) FROM made",
        }[form]

    def _update(self, table: str, present: list[Key]) -> None:
        """Some rows or all of them get the same values, or what they have."""
        keys = self._some(present)
        where = self._where(table, keys)
        if self._one_in(3):
            keys, where = present, "true"
            self.seen.add("UPDATE of all")
        changes = self._changes(table)
        words = ", ".join(f"{column} = %s::{KINDS[table].type_of(column)}" for column in changes)
        arguments = list(changes.values())
        if not changes or self._one_in(6):
            self.seen.add("UPDATE to the same")
            same = self._any(columns_of(table))
            words = ", ".join(filter(None, [words, f"{same} = {same}" if same not in changes else ""]))
        if not words:
            return
        self.seen.add("UPDATE")
        self._run(f"UPDATE {table} SET {words} WHERE {where}", arguments)
        for key in keys:
            self.model.update(table, key, changes)

    def _update_from_values(self, table: str, present: list[Key]) -> None:
        """Each row its own values."""
        changes = self._changes(table)
        if not changes:
            return
        self.seen.add("UPDATE from values")
        kind = KINDS[table]
        own = {*kind.plain, "created_at", "updated_at"}
        rows = [
            dict(zip(kind.key, key, strict=True))
            | {column: self._value(table, column) if column in own else value for column, value in changes.items()}
            for key in self._some(present)
        ]
        words = ", ".join(f"{column} = given.{column}" for column in changes)
        same = " AND ".join(f"{table}.{column} = given.{column}" for column in kind.key)
        self._run(
            f"UPDATE {table} SET {words} FROM ({self._values(table, rows)}) AS given ({', '.join(rows[0])}) WHERE {same}",
            [value for row in rows for value in row.values()],
        )
        for row in rows:
            self.model.update(table, kind.key_of(row), {column: row[column] for column in changes})

    def _changes(self, table: str) -> Row:
        """Some columns with one value for all; rarely those that nobody should set."""
        kind = KINDS[table]
        changes = {column: self._value(table, column) for column in kind.plain if self._one_in(3)}
        for reference in kind.references:
            if self._one_in(4):
                changes |= zip(reference.columns, self._parent(reference.parent), strict=True)
        changes |= {column: self._value(table, column) for column in ("created_at", "updated_at") if self._one_in(5)}
        return changes

    def _rekey(self, table: str, present: list[Key]) -> None:
        """A row gets a key that is free, or its own."""
        self.seen.add("key")
        kind, key = KINDS[table], self._any(present)
        new = self._any([key, *(free for free in KEYS[table] if free not in present)])
        changes = dict(zip(kind.key, new, strict=True))
        words = ", ".join(f"{column} = %s" for column in kind.key)
        self._run(f"UPDATE {table} SET {words} WHERE {self._where(table, [key])}", list(new))
        self.model.update(table, key, changes)

    def _delete(self, table: str, present: list[Key]) -> None:
        self.seen.add("DELETE")
        keys = self._some(present)[:2]
        self._run(f"DELETE FROM {table} WHERE {self._where(table, keys)}", [])
        for key in keys:
            self.model.delete(table, key)

    def _value(self, table: str, column: str) -> Any:
        if column in {"created_at", "updated_at"}:
            return self._any([*MOMENTS, self.model.now])
        return self._any(list(VALUES[KINDS[table].plain[column]]))

    def _parent(self, parent: str) -> Key:
        """A key that a row may refer to; one that is NULL in part refers to nothing."""
        width = len(KINDS[parent].key)
        nothing = [(None,) * width, (1, *(None,) * (width - 1))] if width > 1 else [(None,)]
        return self._any([*self.model.rows[parent], *nothing])  # type: ignore[no-any-return]

    @staticmethod
    def _values(table: str, rows: list[Row]) -> str:
        row = ", ".join(f"%s::{KINDS[table].type_of(column)}" for column in rows[0])
        return "VALUES " + ", ".join([f"({row})"] * len(rows))

    @staticmethod
    def _where(table: str, keys: list[Key]) -> str:
        columns = KINDS[table].key
        return f"({', '.join(columns)}) IN ({', '.join('(' + ', '.join(map(str, key)) + ')' for key in keys)})"

    def _run(self, statement: str, arguments: list[Any]) -> None:
        note(f"{statement} -- {[value if value is None else str(value)[:40] for value in arguments]}")
        self.connection.execute(statement.encode(), arguments)

    def _fetch(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement.encode()).fetchall()

    def _some(self, keys: list[Key]) -> list[Key]:
        return self.draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4, unique=True))  # type: ignore[no-any-return]

    def _any(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def _number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))  # type: ignore[no-any-return]

    def _one_in(self, number: int) -> bool:
        return self._number(1, number) == number
