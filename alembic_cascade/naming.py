"""The names that PostgreSQL gives to constraints which nobody named."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy.schema import conv

from alembic_cascade.foreign_keys import ForeignKey

# NAMEDATALEN - 1: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
MAX_NAME_BYTES = 63

# How the concurrent form calls a key beside the one that it is to replace, and an index that is being built or was left
# by a build that was interrupted.
BESIDE = "_beside"
BUILDING = "alembic_cascade_building_"


def default_constraint_name(table: str, columns: tuple[str, ...], label: str, taken: Collection[str]) -> conv:
    """The name that PostgreSQL would choose: ``<table>_<columns>_<label>``, cut to 63 bytes and counted up.

    ``label`` is ``"fkey"`` for a foreign key, ``"key"`` for UNIQUE; ``taken`` are the names in use.
    As in ChooseConstraintName and makeObjectName of PostgreSQL's src/backend/catalog/pg_constraint.c
    and src/backend/commands/indexcmds.c.
    """
    addition = _joined_columns(columns)
    number = 0
    while True:
        name = _object_name(table, addition, f"{label}{number or ''}")
        if name not in taken:
            # Whatever the naming convention of the models, the name is meant as it stands.
            return conv(name)
        number += 1


def named(key: ForeignKey) -> ForeignKey:
    """``key`` with PostgreSQL's name for it where it has none."""
    if key.name:
        return key
    return replace(key, name=default_constraint_name(key.source.name, key.local_columns, "fkey", ()))


def clipped_name(name: str) -> str:
    """``name`` as PostgreSQL stores it: whole characters, at most 63 bytes."""
    return _clip(name.encode(), MAX_NAME_BYTES).decode()


def beside_name(key: ForeignKey) -> str:
    """The name of a key while it stands beside the one that it is to replace."""
    return _clip((key.name or "").encode(), MAX_NAME_BYTES - len(BESIDE)).decode() + BESIDE


def _joined_columns(columns: tuple[str, ...]) -> bytes:
    joined = b""
    for column in columns:
        joined += (b"_" if joined else b"") + column.encode()
        if len(joined) > MAX_NAME_BYTES:
            break
    return joined


def _object_name(table: str, addition: bytes, label: str) -> str:
    first, second = table.encode(), addition
    available = MAX_NAME_BYTES - len(label) - 1 - (1 if second else 0)
    first_length, second_length = len(first), len(second)
    while first_length + second_length > available:
        if first_length > second_length:
            first_length -= 1
        else:
            second_length -= 1
    parts = [_clip(first, first_length), _clip(second, second_length), label.encode()]
    return b"_".join(part for part in parts if part).decode()


def _clip(name: bytes, length: int) -> bytes:
    return name[:length].decode(errors="ignore").encode()


class TakenNames:
    """The names that new keys of one table must not take."""

    def __init__(self, on_table: Iterable[str | None], in_schema: Collection[str]) -> None:
        self._on_table = {name for name in on_table if name}
        self._in_schema = set(in_schema)

    def for_added(self, key: ForeignKey) -> str:
        """The model's name, or the one that PostgreSQL would give."""
        name = key.name
        if name is None or name in self._on_table:
            name = default_constraint_name(key.source.name, key.local_columns, "fkey", self._in_schema)
        return self._take(name)

    def for_altered(self, existing: ForeignKey, target: ForeignKey) -> str:
        """The model's name, or the database's own; the latter where another key still has the former."""
        name = target.name or existing.name or self.for_added(existing)
        if name != existing.name and name in self._on_table and existing.name:
            name = existing.name
        return self._take(name)

    def _take(self, name: str) -> str:
        self._on_table.add(name)
        self._in_schema.add(name)
        return name
