"""Foreign keys as values: what is compared, written into revisions and logged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from alembic_cascade.sql.quoting import quote_identifier

NO_ACTION = "NO ACTION"


class TableName(NamedTuple):
    """A table, by schema and name; the schema is None where none is spelled out."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def sort_key(self) -> tuple[str, str]:
        return (self.schema or "", self.name)


@dataclass(frozen=True)
class Action:
    """What ON DELETE or ON UPDATE does: the rule, and the columns that SET NULL or SET DEFAULT name.

    See https://www.postgresql.org/docs/current/sql-createtable.html, "Referential actions".
    """

    rule: str = NO_ACTION
    columns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Action:
        """The action that a model or a revision writes, whatever its case and spacing."""
        rule, _, listed = (text or NO_ACTION).partition("(")
        columns = re.findall(r'"(?:[^"]|"")+"|[^\s,()"]+', listed)
        return cls(" ".join(rule.upper().split()), tuple(_unquoted(column) for column in columns))

    def matches(self, other: Action) -> bool:
        """Whether both do the same; the order of the listed columns makes no difference."""
        return self.rule == other.rule and set(self.columns) == set(other.columns)

    @property
    def text(self) -> str | None:
        """The action as SQL, None where it is PostgreSQL's default."""
        if not self.columns:
            return None if self.rule == NO_ACTION else self.rule
        return f"{self.rule} ({', '.join(quote_identifier(column) for column in self.columns)})"

    def __str__(self) -> str:
        return self.text or NO_ACTION


def _unquoted(identifier: str) -> str:
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier.lower()


Identity = tuple[TableName, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key, as a model declares it or as the database has it.

    ``source`` and ``referent`` are written as the model writes them; ``parent`` is the referent by
    the name that keys are compared by. ``pairs`` are (local, remote) columns in the order of the
    definition. ``match`` is None for PostgreSQL's default, SIMPLE. ``validated`` is False for
    NOT VALID, ``enforced`` False for NOT ENFORCED (PostgreSQL 18). A ``comment`` is no part of what is
    compared: an altered key keeps its own, and one that is made again gets it back.
    """

    name: str | None
    source: TableName
    referent: TableName
    pairs: tuple[tuple[str, str], ...]
    ondelete: Action = Action()
    onupdate: Action = Action()
    deferrable: bool = False
    deferred: bool = False
    match: str | None = None
    validated: bool = True
    enforced: bool = True
    comment: str | None = field(default=None, compare=False)
    compared_referent: TableName | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # SQLAlchemy's own kinds of strings say how to quote themselves, which is not theirs to tell here.
        object.__setattr__(self, "pairs", tuple((str(local), str(remote)) for local, remote in self.pairs))
        object.__setattr__(self, "source", _plain(self.source))
        object.__setattr__(self, "referent", _plain(self.referent))

    @property
    def parent(self) -> TableName:
        """The referent, however its schema is spelled."""
        return self.compared_referent or self.referent

    @property
    def local_columns(self) -> tuple[str, ...]:
        return tuple(local for local, _ in self.pairs)

    @property
    def remote_columns(self) -> tuple[str, ...]:
        return tuple(remote for _, remote in self.pairs)

    @property
    def identity(self) -> Identity:
        """What makes two definitions the same key: the referent and the set of column pairs."""
        return (self.parent, frozenset(self.pairs))

    @property
    def sort_key(self) -> tuple[object, ...]:
        return (
            self.source.sort_key,
            sorted(self.pairs),
            self.parent.sort_key,
            self.name is None,
            self.name or "",
            str(self.ondelete),
            str(self.onupdate),
            self.deferrable,
            self.deferred,
            self.match or "",
        )

    @property
    def label(self) -> str:
        """The key in words: ``posts.user_id -> users.id``."""
        return f"{column_list(self.source, self.local_columns)} -> {self.target_label}"

    @property
    def target_label(self) -> str:
        return column_list(self.referent, self.remote_columns)

    def satisfied_by(self, reflected: ForeignKey) -> bool:
        """Whether a key in the database does what this declared one asks for.

        A key declared NOT VALID is satisfied by a valid one: CREATE TABLE makes it valid at once,
        and VALIDATE CONSTRAINT is what its author means to run one day.
        """
        return (
            self.ondelete.matches(reflected.ondelete)
            and self.onupdate.matches(reflected.onupdate)
            and self.deferrable == reflected.deferrable
            and self.deferred == reflected.deferred
            and self.match == reflected.match
            and self.enforced == reflected.enforced
            and (reflected.validated or not self.validated)
        )

    def changes_from(self, existing: ForeignKey) -> str:
        """What turns ``existing`` into this key, in words for a log line."""
        changes = []
        if self.identity != existing.identity:
            changes.append(f"from {existing.target_label} to {self.target_label}")
        if not self.ondelete.matches(existing.ondelete):
            changes.append(f"{existing.ondelete} -> {self.ondelete}")
        if not self.onupdate.matches(existing.onupdate):
            changes.append(f"on update {existing.onupdate} -> {self.onupdate}")
        if (self.deferrable, self.deferred) != (existing.deferrable, existing.deferred):
            changes.append(f"{existing.deferrability} -> {self.deferrability}")
        if self.match != existing.match:
            changes.append(f"match {existing.match or 'SIMPLE'} -> {self.match or 'SIMPLE'}")
        if (self.validated, self.enforced) != (existing.validated, existing.enforced):
            changes.append(f"{existing.standing} -> {self.standing}")
        return ", ".join(changes) or "recreated"

    @property
    def deferrability(self) -> str:
        if self.deferred:
            return "initially deferred"
        return "deferrable" if self.deferrable else "not deferrable"

    @property
    def standing(self) -> str:
        if not self.enforced:
            return "not enforced"
        return "valid" if self.validated else "not valid"


def _plain(name: TableName) -> TableName:
    return TableName(str(name.schema) if name.schema else None, str(name.name))


def column_list(table: TableName, columns: tuple[str, ...]) -> str:
    """Columns of a table in words: ``posts.user_id``, ``lines.(order_id, number)``."""
    return f"{table}.{columns[0]}" if len(columns) == 1 else f"{table}.({', '.join(columns)})"


@dataclass(frozen=True)
class ForeignKeyAdded:
    """A key that a model declares and the database lacks."""

    target: ForeignKey


@dataclass(frozen=True)
class ForeignKeyRemoved:
    """A key that the database has and no model declares, or has once too often."""

    reflected: ForeignKey


@dataclass(frozen=True)
class ForeignKeyAltered:
    """A key that both have, with another rule or another referent; ``target`` is what it is to become."""

    reflected: ForeignKey
    target: ForeignKey

    @property
    def repointed(self) -> bool:
        return self.reflected.identity != self.target.identity

    @property
    def repointed_within_parent(self) -> bool:
        return self.repointed and self.reflected.parent == self.target.parent


ForeignKeyChange = ForeignKeyAdded | ForeignKeyRemoved | ForeignKeyAltered
