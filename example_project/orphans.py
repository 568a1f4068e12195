"""What has to become of the loaded rows whose parents are gone, worked out from the rows and the models alone.

The story compares it with what the database shows: no statement of the plugin has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from load import GONE, rows
from models import Base
from sqlalchemy import ForeignKeyConstraint


@dataclass(frozen=True)
class Settled:
    """How many rows of each table have to go, and in how many a value has to become NULL."""

    removed: dict[str, int]
    emptied: dict[str, int]


def without_parent() -> dict[str, int]:
    """How many rows refer to nothing, by the key in words: ``reactions (user_id) -> users (id)``."""
    stored = _stored()
    found = {_words(key): len(_dangling(stored, key)) for key in _keys()}
    return {key: count for key, count in found.items() if count}


def settled() -> Settled:
    """Remove under CASCADE, as long as that leaves more rows without a parent; then empty under SET NULL."""
    stored = _stored()
    removed = dict.fromkeys(stored, 0)
    emptied = dict.fromkeys(stored, 0)
    cascading = [key for key in _keys() if key.ondelete == "CASCADE"]
    while any(_dangling(stored, key) for key in cascading):
        for key in cascading:
            gone = {id(row) for row in _dangling(stored, key)}
            removed[key.table.name] += len(gone)
            stored[key.table.name] = [row for row in stored[key.table.name] if id(row) not in gone]
    for key in _keys():
        emptied[key.table.name] += len(_dangling(stored, key))
    return Settled(removed, emptied)


def _stored() -> dict[str, list[dict[str, Any]]]:
    """The rows of each table, without those who are gone."""
    return {
        model.__tablename__: [dict(row) for row in drawn if row.get("id") not in GONE.get(model, ())]
        for model, drawn in rows().items()
    }


def _keys() -> Iterator[ForeignKeyConstraint]:
    for table in Base.metadata.sorted_tables:
        yield from sorted(table.foreign_key_constraints, key=lambda key: key.column_keys)


def _dangling(stored: dict[str, list[dict[str, Any]]], key: ForeignKeyConstraint) -> list[dict[str, Any]]:
    """The rows that refer to nothing by a key of one column."""
    (column,), parents = key.column_keys, {row["id"] for row in stored[key.referred_table.name]}
    return [row for row in stored[key.table.name] if row[column] is not None and row[column] not in parents]


def _words(key: ForeignKeyConstraint) -> str:
    return f"{key.table.name} ({key.column_keys[0]}) -> {key.referred_table.name} (id)"
