"""Tables of the quarantine, and what is known of them: whose rows they hold, and how many."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, DateTime, TableClause, Text, column, table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.columns import Column

# What "orphans --fix" files rows under begins so. Alembic refuses a revision with a hyphen.
FIX = "fix-"

# What JSON has a type for; everything else is the text that PostgreSQL writes.
Value: TypeAlias = str | int | bool | None


@dataclass(frozen=True)
class Origin:
    """Whose rows a quarantine table holds: those that a revision set aside of a table."""

    revision: str
    schema: str
    table: str


def is_known(revision: str, revisions: Container[str]) -> bool:
    """Whether the project's scripts have it, or it is no revision at all but a run of ``orphans --fix``."""
    return revision.startswith(FIX) or revision in revisions


def origin(comment: str | None) -> Origin | None:
    """What the comment on a quarantine table says, None for any other comment."""
    try:
        told = json.loads(comment or "null")
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("alembic_cascade") != "quarantine":
        return None
    return Origin(told["revision"], told["schema"], told["table"])


@dataclass(frozen=True)
class Store:
    """A quarantine table; its own columns begin with ``prefix``, the others are those of the source."""

    oid: int
    name: TableName
    origin: Origin
    prefix: str
    columns: tuple[Column, ...]

    @property
    def source(self) -> TableName:
        return TableName(self.origin.schema, self.origin.table)

    @cached_property
    def relation(self) -> TableClause:
        """The table in queries."""
        types: dict[str, TypeEngine[Any]] = {
            "id": BigInteger(),
            "key": Text(),
            "constraint": Text(),
            "reason": Text(),
            "at": DateTime(timezone=True),
            "change": JSONB(),
        }
        listed = [column(f"{self.prefix}{name}", type_) for name, type_ in types.items()]
        return table(self.name.name, *listed, *(column(kept.name) for kept in self.columns), schema=self.name.schema)


@dataclass(frozen=True)
class KeyRows:
    """How much a quarantine table holds for one key; times are ISO 8601 in UTC."""

    key: str
    removed: int
    changed: int
    first: str
    last: str
    age_in_days: float


@dataclass(frozen=True)
class Holding:
    """What a quarantine table holds, by key."""

    store: Store
    keys: tuple[KeyRows, ...]

    @property
    def removed(self) -> int:
        """Rows that were removed from their table."""
        return sum(rows.removed for rows in self.keys)

    @property
    def changed(self) -> int:
        """Rows that lost a value, and are in their table still."""
        return sum(rows.changed for rows in self.keys)

    @property
    def first(self) -> str | None:
        """When the first of them was set aside."""
        return min((rows.first for rows in self.keys), default=None)

    @property
    def last(self) -> str | None:
        return max((rows.last for rows in self.keys), default=None)

    @property
    def age_in_days(self) -> float:
        """Since the last row was set aside; a table without rows is of any age."""
        return min((rows.age_in_days for rows in self.keys), default=float("inf"))

    @property
    def counts(self) -> tuple[int, int]:
        return self.removed, self.changed


@dataclass(frozen=True)
class Entry:
    """A row that was set aside; what was "changed" is None for a row that was removed."""

    id: int
    key: str
    constraint: str
    reason: str
    at: str
    change: dict[str, Any] | None
    values: tuple[Value, ...]
