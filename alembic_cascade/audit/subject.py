"""What an audit looks at: the tables and mappers of the models, their keys, and the database's where there is one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Dialect,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm.exc import UnmappedColumnError

from alembic_cascade.audit.database import Database
from alembic_cascade.audit.findings import Place
from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.policy import OnDeleteRule
from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.audit.sources import Sources
from alembic_cascade.config import CascadeConfig
from alembic_cascade.declared import DeclaredKey, declared_keys
from alembic_cascade.foreign_keys import ForeignKey, TableName

Made = TypeVar("Made")


@dataclass(frozen=True)
class AuditedKey:
    """A foreign key of the models, of the database, or of both."""

    declared: ForeignKey | None
    reflected: ForeignKey | None
    constraint: ForeignKeyConstraint | None = field(default=None, compare=False)

    @property
    def key(self) -> ForeignKey:
        """As the models have it, else as the database has it."""
        found = self.declared or self.reflected
        assert found is not None
        return found

    @property
    def label(self) -> str:
        return self.key.label


@dataclass(frozen=True)
class Subject:
    """All that rules read. ``database`` is None where the models alone are looked at.

    ``shown`` are tables, by schema and name, whose facts are filed without a schema: the search path shows them.
    ``translated`` is the schema_translate_map.
    """

    metadatas: tuple[MetaData, ...]
    mapped: Mapped
    config: CascadeConfig = field(default_factory=CascadeConfig)
    database: Database | None = None
    default_schema: str = "public"
    dialect: Dialect = field(default_factory=postgresql.dialect)
    sources: Sources = field(default_factory=Sources)
    shown: frozenset[TableName] = frozenset()
    translated: Mapping[str | None, str | None] = field(default_factory=dict)
    _made: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, kind: Callable[[Subject], Made]) -> Made:
        """What ``kind`` makes of the subject, made once for all rules that ask for it."""
        if kind not in self._made:
            self._made[kind] = kind(self)
        made: Made = self._made[kind]
        return made

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables of the models, by name."""
        found = [table for metadata in self.metadatas for table in metadata.tables.values()]
        return tuple(sorted(found, key=lambda table: table_name(table).sort_key))

    @cached_property
    def keys(self) -> tuple[AuditedKey, ...]:
        """Every key once: the models', each with the database's of the same columns and referent, then the others."""
        left = {} if self.database is None else {name: list(keys) for name, keys in self.database.keys.items()}
        found = []
        for table in self.tables:
            for declared in self.declared_on(table):
                candidates = left.get(self.canonical(declared.key.source), [])
                reflected = min(
                    (key for key in candidates if self._same(key, declared.key)),
                    key=lambda key: _distance(declared.key, key),
                    default=None,
                )
                if reflected is not None:
                    candidates.remove(reflected)
                found.append(AuditedKey(declared.key, reflected, declared.constraint))
        others = [key for name in sorted(left, key=lambda name: name.sort_key) for key in left[name]]
        return (*found, *(AuditedKey(None, key) for key in others))

    def declared_on(self, table: Table) -> list[DeclaredKey]:
        """The keys of a declared table whose referents there are."""
        known = [one for one in table.foreign_key_constraints if unknown_referent(one) is None]
        return declared_keys(table, self.canonical, self.dialect, among=known)

    def canonical(self, name: TableName) -> TableName:
        """A table's name as the database's facts are filed: without a schema that is the default one, or not needed."""
        meant = self.actual(name)
        bare = meant.schema == self.default_schema or meant in self.shown
        return TableName(None if bare else meant.schema, meant.name)

    def actual(self, name: TableName) -> TableName:
        """The table that a name of the models means."""
        return TableName(self.translated.get(name.schema, name.schema), name.name)

    def _same(self, reflected: ForeignKey, declared: ForeignKey) -> bool:
        return self.canonical(reflected.parent) == declared.parent and set(reflected.pairs) == set(declared.pairs)

    def as_compared(self, reflected: ForeignKey) -> ForeignKey:
        """A key of the database by the name that the models' keys are compared by; whether it is valid aside.

        NOT VALID is a finding of its own.
        """
        referent = self.canonical(reflected.parent)
        return replace(reflected, compared_referent=referent, validated=reflected.validated or reflected.enforced)

    def policies_of(self, key: ForeignKey) -> list[OnDeleteRule]:
        """What the settings want of a key of the models; of several, the last counts."""
        table = self.actual(key.source)
        schema = table.schema or self.default_schema
        return [rule for rule in self.config.on_delete if rule.means(schema, table.name, key.local_columns)]

    def table(self, name: TableName) -> Table | None:
        """The declared table of that name."""
        return self._by_name.get(self.canonical(name))

    @cached_property
    def _by_name(self) -> dict[TableName, Table]:
        return {self.canonical(table_name(table)): table for table in self.tables}

    def is_unique(self, table: Table, columns: Iterable[Column[Any]]) -> bool:
        """Whether no two rows have the same values in the columns: by the models, or by the database's indexes."""
        names: set[object] = {column.name for column in columns}
        indexes = () if self.database is None else self.database.indexes.get(self.canonical(table_name(table)), ())
        reflected: list[set[object]] = [{*index.columns} for index in indexes if index.unique and not index.partial]
        return any(unique <= names for unique in (*_unique_sets(table), *reflected))

    def attribute_name(self, relation: Relation, column: Column[Any]) -> str:
        """What a model that has the relationship calls a column."""
        return relation.prop.parent.get_property_by_column(column).key

    def place_of_key(self, key: AuditedKey) -> Place | None:
        """Where the model writes the first column of the key."""
        if key.constraint is None:
            return None
        model, attribute = self.attribute_of(key)
        return (
            (None if attribute is None else self.sources.place(model, attribute))
            or self.sources.place_of_column(key.constraint.table, key.constraint.elements[0].parent.name)
            or self.sources.place(model)
        )

    def attribute_of(self, key: AuditedKey) -> tuple[type[Any] | None, str | None]:
        """The model and its attribute that hold the key's first column; None where no model has its table, or it."""
        if key.constraint is None:
            return None, None
        return self.attribute_of_column(key.constraint.elements[0].parent)

    def attribute_of_column(self, column: Column[Any]) -> tuple[type[Any] | None, str | None]:
        """The model and its attribute that hold a table's column; None where no model has the table, or the column."""
        mappers = self.mapped.mappers_of(column.table)
        for mapper in mappers:
            # One of several on a table need not have all of its columns.
            with suppress(UnmappedColumnError):
                return mapper.class_, mapper.get_property_by_column(column).key
        return (mappers[0].class_ if mappers else None), None

    def place_of_relation(self, relation: Relation) -> Place | None:
        """Where the model writes the relationship."""
        return self.sources.place(*relation.written_at)

    def place_of_table(self, table: Table) -> Place | None:
        """Where the table's model is written."""
        models: Iterable[type[Any]] = (mapper.class_ for mapper in self.mapped.mappers_of(table))
        return next((self.sources.place(model) for model in models), self.sources.place_of_column(table, ""))


def unknown_referent(constraint: ForeignKeyConstraint) -> str | None:
    """What SQLAlchemy says of a reference to a table or column that the models lack; None where all is there."""
    try:
        for element in constraint.elements:
            _ = element.column
    except InvalidRequestError as error:
        return " ".join(str(error).split())
    return None


def _distance(declared: ForeignKey, reflected: ForeignKey) -> tuple[object, ...]:
    """How much a key of the database differs from a declared one of the same columns and referent."""
    return (not declared.satisfied_by(reflected), reflected.name != declared.name, reflected.sort_key)


def _unique_sets(table: Table) -> Iterator[set[object]]:
    """The columns of the primary key, of each UNIQUE and of each unique index that has all rows."""
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint) and len(constraint.columns):
            yield {column.name for column in constraint.columns}
    for index in table.indexes:
        partial = index.dialect_options["postgresql"]["where"] is not None
        if index.unique and not partial and all(isinstance(column, Column) for column in index.expressions):
            yield {column.name for column in index.columns}


def schemas_of(metadatas: Collection[MetaData], default_schema: str) -> list[str | None]:
    """The schemas whose facts are to be read: the one that the search path shows first, then those spelled out."""
    named = {table.schema for metadata in metadatas for table in metadata.tables.values()}
    return [None, *sorted(schema for schema in named if schema is not None and schema != default_schema)]
