"""What PostgreSQL's catalogue says of tables in which rows are to be made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from alembic_cascade.foreign_keys import Action, TableName
from alembic_cascade.sql.quoting import quote_table


@dataclass(frozen=True)
class Type:
    """A type without its limits; ``kind`` as in pg_type.typtype. Of a domain, what its values are made of counts."""

    oid: int
    name: str
    plain_name: str
    kind: str
    category: str
    element: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column: its type below all domains, with that one's ``modifier``, and what these ask of its values.

    ``default`` is an expression; a column may have one of its domain's that is not told (``has_default``).
    """

    name: str
    type: Type
    modifier: int
    not_null: bool
    identity: str
    generated: bool
    expression: str | None
    has_default: bool
    domain_checks: tuple[str, ...] = ()

    @property
    def fills_itself(self) -> bool:
        """Whether a row gets a value without one being given."""
        return self.has_default or bool(self.identity) or self.generated


@dataclass(frozen=True)
class Check:
    """A condition on columns of a row."""

    name: str
    expression: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Unique:
    """Columns by which rows differ; ``is_plain`` where no two rows at all have the same values in them."""

    name: str
    columns: tuple[str, ...]
    is_primary: bool
    is_plain: bool


@dataclass(frozen=True)
class Key:
    """A foreign key of the database; ``names`` are its own and those of its clones on partitions."""

    oid: int
    name: str
    schema: str
    child: int
    parent: int
    pairs: tuple[tuple[str, str], ...]
    ondelete: Action
    is_full: bool
    deferred: bool
    validated: bool
    enforced: bool
    temporal: bool
    is_clone: bool
    names: frozenset[str]
    silent: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(local for local, _ in self.pairs)


@dataclass(frozen=True, eq=False)
class Table:
    """A table; ``scan`` is how its own rows are named, without those of tables that inherit from it."""

    oid: int
    schema: str
    name: str
    shown: bool
    partitioned: bool
    part_of: int | None
    bound: str | None
    columns: Mapping[str, Column] = field(repr=False)
    checks: tuple[Check, ...] = field(repr=False)
    uniques: tuple[Unique, ...] = field(repr=False)
    keys: tuple[Key, ...] = field(repr=False)

    @property
    def quoted(self) -> str:
        return quote_table(self.schema, self.name)

    @property
    def scan(self) -> str:
        return self.quoted if self.partitioned else f"ONLY {self.quoted}"

    @property
    def label(self) -> str:
        return str(TableName(None if self.shown else self.schema, self.name))

    @cached_property
    def key_columns(self) -> frozenset[str]:
        """The columns of its foreign keys."""
        return frozenset(column for key in self.keys for column in key.columns)

    @cached_property
    def unique_columns(self) -> frozenset[str]:
        """The columns by which rows differ."""
        return frozenset(column for unique in self.uniques for column in unique.columns)

    @property
    def primary(self) -> tuple[str, ...]:
        return next((unique.columns for unique in self.uniques if unique.is_primary), ())


@dataclass(frozen=True)
class Catalogue:
    """The tables by their OIDs, and the columns of each that foreign keys refer to."""

    tables: Mapping[int, Table]
    referred: dict[int, set[str]]

    @cached_property
    def _by_name(self) -> Mapping[TableName, Table]:
        found = {TableName(table.schema, table.name): table for table in self.tables.values()}
        return found | {TableName(None, table.name): table for table in self.tables.values() if table.shown}

    def table(self, name: TableName) -> Table | None:
        """The table of that name; without a schema, the one that the search path shows."""
        return self._by_name.get(name)

    @cached_property
    def keys_to(self) -> Mapping[int, tuple[Key, ...]]:
        """The keys by the tables that they refer to."""
        found: dict[int, list[Key]] = defaultdict(list)
        for table in self.tables.values():
            for key in table.keys:
                found[key.parent].append(key)
        return {oid: tuple(keys) for oid, keys in found.items()}

    def bounds(self, table: Table) -> list[str] | None:
        """Conditions of which a row has to fulfil one to find a partition; None where it needs none."""
        if not table.partitioned:
            return None if table.bound is None else [table.bound]
        leaves = list(self._leaves(table))
        return None if any(leaf.bound is None for leaf in leaves) else [str(leaf.bound) for leaf in leaves]

    def _leaves(self, table: Table) -> Iterator[Table]:
        for part in self._parts.get(table.oid, ()):
            if part.partitioned:
                yield from self._leaves(part)
            else:
                yield part

    @cached_property
    def _parts(self) -> Mapping[int, list[Table]]:
        found: dict[int, list[Table]] = defaultdict(list)
        for table in self.tables.values():
            if table.part_of is not None:
                found[table.part_of].append(table)
        return found

    def must_have(self, table: Table, column: str) -> bool:
        """Whether each row that is made gets a value there: it has to, or others are to refer to it."""
        return table.columns[column].not_null or column in self.referred.get(table.oid, ())

    def is_needed(self, table: Table, key: Key, given: frozenset[str] = frozenset()) -> bool:
        """Whether a row has to refer to another one by the key, if it has values in the ``given`` columns."""
        if not key.enforced:
            return False
        filled = [column in given or self.must_have(table, column) for column in key.columns]
        return any(filled) if key.is_full else all(filled)

    @cached_property
    def _needed(self) -> Mapping[int, frozenset[int]]:
        """The tables that the rows of each one can't be without."""
        return {
            table.oid: frozenset(key.parent for key in table.keys if self.is_needed(table, key))
            for table in self.tables.values()
        }

    @cached_property
    def in_circles(self) -> frozenset[int]:
        """The tables whose rows need others that in the end need them."""
        return frozenset(oid for oid in self._needed if oid in self._reached(oid))

    def in_one_circle(self, one: int, other: int) -> bool:
        """Whether rows of each of two tables can't be without rows of the other."""
        return one in self._reached(other) and other in self._reached(one)

    def _reached(self, start: int) -> set[int]:
        if start not in self._reaching:
            self._reaching[start] = self._all_needed(start)
        return self._reaching[start]

    @cached_property
    def _reaching(self) -> dict[int, set[int]]:
        return {}

    def _all_needed(self, start: int) -> set[int]:
        found: set[int] = set()
        pending = list(self._needed[start])
        while pending:
            oid = pending.pop()
            if oid not in found:
                found.add(oid)
                pending.extend(self._needed.get(oid, ()))
        return found
