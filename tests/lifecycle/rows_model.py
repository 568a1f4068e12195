"""What lifecycle columns have to be after any statements: tables as dictionaries, and the rules in plain Python."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Computed, ForeignKey, ForeignKeyConstraint, Integer, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.types import UserDefinedType

from alembic_cascade import LifecycleColumn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Row = dict[str, Any]
Key = tuple[Any, ...]

# Kept outside of its row: no compression makes it small.
LONG = "".join(Random(5).choices("0123456789abcdef", k=9000))
# What is written, and how it is kept. Two ways to write the same are a change where they are kept apart.
VALUES: dict[str, dict[str | None, str | None]] = {
    "text": {value: value for value in (None, "a", "b", "a" * 9000, LONG, LONG[:-1] + "x")},
    "json": {value: value for value in (None, "[]", '{"a": 1}', '{"a":1}')},
    "jsonb": {None: None, "[]": "[]", '{"a": 1}': '{"a": 1}', '{"a":1}': '{"a": 1}'},
    "numeric": {None: None, "1.0": "1.0", "1.00": "1.00", "01.0": "1.0"},
    "point": {None: None, "(1,2)": "(1,2)", "(1, 2)": "(1,2)", "(2,1)": "(2,1)"},
}

POLICIES = [
    LifecycleColumn("created_at", set_on="insert"),
    LifecycleColumn("updated_at", set_on="update"),
    LifecycleColumn("last_message_at", tables="channels", set_from="messages.created_at"),
    LifecycleColumn("last_note_at", tables="rooms", set_from="notes.created_at"),
]


class Point(UserDefinedType[str]):
    """A type that has no equality."""

    cache_ok = True

    def get_col_spec(self) -> str:
        return "point"


@dataclass(frozen=True)
class Reference:
    """A key of a child; it follows its parent's, and is set NULL or goes with the row."""

    parent: str
    columns: tuple[str, ...]
    cascades: bool = False
    # The column of the parent that is set from the child's created_at.
    keeps: str | None = None

    def of(self, row: Row) -> Key:
        return tuple(row[column] for column in self.columns)


@dataclass(frozen=True)
class Kind:
    """A table: its key, its plain columns with their types, and what it refers to."""

    key: tuple[str, ...]
    plain: dict[str, str]
    references: tuple[Reference, ...] = ()

    def key_of(self, row: Row) -> Key:
        return tuple(row[column] for column in self.key)

    def type_of(self, column: str) -> str:
        if column in {"created_at", "updated_at"}:
            return "timestamptz"
        return self.plain.get(column, "int")


KINDS = {
    "users": Kind(("id",), {"name": "text", "settings": "json"}),
    "channels": Kind(
        ("id",), {"title": "text", "extra": "json", "spot": "point"}, (Reference("users", ("owner_id",)),)
    ),
    "rooms": Kind(("building", "number"), {"title": "text"}),
    "messages": Kind(
        ("id",),
        {"body": "text", "extra": "jsonb", "price": "numeric"},
        (
            Reference("channels", ("channel_id",), cascades=True, keeps="last_message_at"),
            Reference("users", ("author_id",)),
        ),
    ),
    "notes": Kind(("id",), {"body": "text"}, (Reference("rooms", ("building", "number"), keeps="last_note_at"),)),
}
KEPT = {"channels": "last_message_at", "rooms": "last_note_at"}


def models(*, virtual: bool) -> MetaData:
    """The tables without lifecycle columns; with a column that is computed when it is read, where there are such."""
    metadata = MetaData()
    types: dict[str, Any] = {"text": Text, "json": JSON, "jsonb": JSONB, "numeric": Numeric, "point": Point}
    computed: dict[str, list[Column[Any]]] = {
        "channels": [Column("title_length", Integer, Computed("length(title)", persisted=True))],
        "notes": [Column("loud", Text, Computed("upper(body)", persisted=True))],
    }
    if virtual:
        computed["channels"].append(Column("title_twice", Text, Computed("title || title", persisted=False)))
        computed["messages"] = [Column("priced", Numeric, Computed("price * 2", persisted=False))]
    for name, kind in KINDS.items():
        items: list[Any] = [Column(column, Integer, primary_key=True, autoincrement=False) for column in kind.key]
        # Amid the others, so that what follows them has another number.
        items += computed.get(name, [])
        items += [Column(column, types[type_]) for column, type_ in kind.plain.items()]
        for reference in kind.references:
            rules = {"ondelete": "CASCADE" if reference.cascades else "SET NULL", "onupdate": "CASCADE"}
            parent = [f"{reference.parent}.{column}" for column in KINDS[reference.parent].key]
            if len(parent) == 1:
                items.append(Column(reference.columns[0], ForeignKey(parent[0], **rules)))
            else:
                items += [Column(column, Integer) for column in reference.columns]
                items.append(ForeignKeyConstraint(reference.columns, parent, **rules))
        Table(name, metadata, *items)
    return metadata


@dataclass
class Model:
    """The rows of all tables, by their keys, and the time of the transaction."""

    rows: dict[str, dict[Key, Row]] = field(default_factory=lambda: {name: {} for name in KINDS})
    now: datetime | None = None
    # What happened so far, to see that everything does.
    seen: set[str] = field(default_factory=set)

    def saved(self) -> dict[str, dict[Key, Row]]:
        """The rows as they are, for :attr:`rows` when what follows is rolled back."""
        return deepcopy(self.rows)

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        """One statement's new rows. What they leave out is NULL, but for ``created_at``."""
        kind = KINDS[table]
        newest: dict[tuple[Reference, Key], datetime] = {}
        for given in rows:
            row = self._empty(table) | {"created_at": self.now} | given
            for column, type_ in kind.plain.items():
                row[column] = VALUES[type_][row[column]]
            self.rows[table][kind.key_of(row)] = row
            for reference in kind.references:
                place = (reference, reference.of(row))
                if reference.keeps and row["created_at"] is not None and None not in place[1]:
                    newest[place] = max(row["created_at"], newest.get(place, row["created_at"]))
        for (reference, key), value in newest.items():
            assert reference.keeps
            before = self.rows[reference.parent][key][reference.keeps]
            if before is None or before < value:
                self.seen.add("a first child" if before is None else "a newer child")
                self.update(reference.parent, key, {reference.keeps: value})
            else:
                self.seen.add("an older child")

    def update(self, table: str, key: Key, changes: Row) -> None:
        """One row; what refers to its key follows."""
        kind, row = KINDS[table], self.rows[table].pop(key)
        before = dict(row)
        row |= {
            column: VALUES[kind.plain[column]][value] if column in kind.plain else value
            for column, value in changes.items()
        }
        if row["updated_at"] != before["updated_at"]:
            self.seen.add("set by the statement")
        elif row == before:
            self.seen.add("not changed")
        else:
            self.seen.add("changed")
            row["updated_at"] = self.now
        self.rows[table][kind.key_of(row)] = row
        if kind.key_of(row) != key:
            self._follow(table, key, kind.key_of(row))

    def delete(self, table: str, key: Key) -> None:
        """One row, and what its children do."""
        del self.rows[table][key]
        self._follow(table, key, None)

    def _follow(self, parent: str, key: Key, now: Key | None) -> None:
        for table, kind in KINDS.items():
            for reference in kind.references:
                if reference.parent != parent:
                    continue
                for child in [place for place, row in self.rows[table].items() if reference.of(row) == key]:
                    self.seen.add("a parent went" if now is None else "a parent's key changed")
                    if now is None and reference.cascades:
                        self.delete(table, child)
                    else:
                        values = now or (None,) * len(reference.columns)
                        self.update(table, child, dict(zip(reference.columns, values, strict=True)))

    @staticmethod
    def _empty(table: str) -> Row:
        return dict.fromkeys(columns_of(table))


def columns_of(table: str) -> list[str]:
    """The columns that the model knows."""
    kind = KINDS[table]
    referring = [column for reference in kind.references for column in reference.columns]
    kept = [KEPT[table]] if table in KEPT else []
    return [*kind.key, *kind.plain, *referring, "created_at", "updated_at", *kept]
