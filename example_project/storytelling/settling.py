"""What has to become of rows whose parents are gone, worked out from the rows and the models alone.

A story compares it with what the database shows: no statement of the plugin has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ForeignKeyConstraint, MetaData

# The rows of each table.
Rows = Mapping[str, Sequence[dict[str, Any]]]


@dataclass(frozen=True)
class Settled:
    """How many rows of each table have to go, in how many a value has to become NULL, or another one of its parent."""

    removed: dict[str, int]
    emptied: dict[str, int]
    translated: dict[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> dict[str, int]:
        """How many rows of each table stay, and are other ones than before."""
        return {table: count + self.translated.get(table, 0) for table, count in self.emptied.items()}

    @property
    def in_words(self) -> str:
        """How many rows and values, in all."""
        went = f"{sum(self.removed.values()):,} rows went and {sum(self.emptied.values())} values became NULL"
        return f"{went}, {sum(self.translated.values())} were translated" if self.translated else went


def without_parent(rows: Rows, declared: MetaData) -> dict[str, int]:
    """How many rows refer to nothing, by the key in words: ``reactions (user_id) -> users (id)``."""
    found = {_words(key): len(_dangling(rows, key)) for key in _keys(rows, declared)}
    return {key: count for key, count in found.items() if count}


def settled(rows: Rows, declared: MetaData) -> Settled:
    """Remove under CASCADE, as long as that leaves more rows without a parent; then empty under SET NULL."""
    left = dict(rows)
    removed = dict.fromkeys(left, 0)
    emptied = dict.fromkeys(left, 0)
    cascading = [key for key in _keys(rows, declared) if key.ondelete == "CASCADE"]
    while any(_dangling(left, key) for key in cascading):
        for key in cascading:
            gone = {id(row) for row in _dangling(left, key)}
            removed[key.table.name] += len(gone)
            left[key.table.name] = [row for row in left[key.table.name] if id(row) not in gone]
    for key in _keys(rows, declared):
        emptied[key.table.name] += len(_dangling(left, key))
    return Settled(removed, emptied)


def _keys(rows: Rows, declared: MetaData) -> Iterator[ForeignKeyConstraint]:
    """The keys of the models, of one column each, whose tables there are."""
    for table in declared.sorted_tables:
        if table.name in rows:
            yield from sorted(table.foreign_key_constraints, key=lambda key: key.column_keys)


def _dangling(rows: Rows, key: ForeignKeyConstraint) -> list[dict[str, Any]]:
    """The rows that refer to nothing by a key."""
    (column,), (element,) = key.column_keys, key.elements
    parents = {row[element.column.name] for row in rows[key.referred_table.name]}
    return [row for row in rows[key.table.name] if row.get(column) is not None and row[column] not in parents]


def _words(key: ForeignKeyConstraint) -> str:
    return f"{key.table.name} ({key.column_keys[0]}) -> {key.referred_table.name} ({key.elements[0].column.name})"
