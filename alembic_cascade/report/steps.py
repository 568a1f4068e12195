"""What a line of a revision does to keys, as values."""

from __future__ import annotations

from dataclasses import dataclass

from alembic_cascade.foreign_keys import ForeignKey, TableName


@dataclass(frozen=True)
class Made:
    """A key that is made."""

    key: ForeignKey


@dataclass(frozen=True)
class Dropped:
    """A key that is dropped, by its name; ``key`` is what the text says of it."""

    table: TableName
    name: str | None
    key: ForeignKey | None = None


@dataclass(frozen=True)
class Altered:
    """A key that is changed."""

    existing: ForeignKey
    target: ForeignKey


@dataclass(frozen=True)
class TableDropped:
    """A table that goes, with all of its keys."""

    table: TableName


@dataclass(frozen=True)
class ColumnDropped:
    """A column that goes, with the keys on it."""

    table: TableName
    column: str


@dataclass(frozen=True)
class TableRenamed:
    """A table that gets another name; its keys, and those that refer to it, stay."""

    table: TableName
    to: TableName


@dataclass(frozen=True)
class ColumnRenamed:
    """A column that gets another name; the keys on it, and those that refer to it, stay."""

    table: TableName
    column: str
    to: str


@dataclass(frozen=True)
class Unread:
    """A line that may do something to keys, and can't be read."""

    line: int
    said: str


Renamed = TableRenamed | ColumnRenamed
Step = Made | Dropped | Altered | TableDropped | ColumnDropped | Renamed | Unread
