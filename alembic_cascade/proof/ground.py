"""Where proofs are made: the connection, what the catalogue says, what the models promise, rows that are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Connection, MetaData

from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.relations import table_name
from alembic_cascade.declared import declared_keys
from alembic_cascade.foreign_keys import Action, TableName, column_list
from alembic_cascade.proof.catalogue import Catalogue, Key, Table
from alembic_cascade.proof.claims import Claim, KeyClaim, claims, identifier
from alembic_cascade.proof.deferred import Deferred, read_deferred
from alembic_cascade.proof.foresight import Rule
from alembic_cascade.proof.hints import hints_of
from alembic_cascade.proof.making import Maker
from alembic_cascade.proof.reading import read_catalogue
from alembic_cascade.proof.shapes import Shapes
from alembic_cascade.proof.statements import value_of
from alembic_cascade.sql.quoting import verbatim


@dataclass(frozen=True)
class Promise:
    """A key as it is promised, on the tables of the database that it is about; ``found`` are the database's own."""

    claim: KeyClaim
    child: Table
    parent: Table
    rule: Rule
    validated: bool
    is_deferred: bool
    is_full: bool
    found: tuple[Key, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for key in self.found for name in key.names)

    @property
    def silent(self) -> tuple[str, ...]:
        return tuple(name for key in self.found for name in key.silent)


@dataclass
class Ground:
    """What all proofs of a run share."""

    connection: Connection
    metadatas: Sequence[MetaData]
    catalogue: Catalogue
    deferred: Deferred
    maker: Maker
    # What the models promise.
    declared: tuple[Claim, ...]
    # The tables below which all has been shown: what a deleted row of them takes along is not made again.
    shown: set[int] = field(default_factory=set)
    _promises: dict[str, Promise | str] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, metadatas: Sequence[MetaData]) -> Ground:
        """The ground for proofs of what the models claim."""
        mapped = mapped_models(metadatas)
        catalogue = read_catalogue(connection)
        maker = Maker(connection, catalogue, Shapes(connection, catalogue))
        found = cls(connection, metadatas, catalogue, read_deferred(connection), maker, claims(metadatas, mapped))
        maker.shapes.hints = hints_of(metadatas, mapped, found.table, connection.dialect)
        for claim in found.declared:
            for column in claim.referred:
                table = found.table(table_name(column.table))
                if table is not None and column.name in table.columns:
                    catalogue.referred.setdefault(table.oid, set()).add(column.name)
        return found

    @cached_property
    def _translated(self) -> Mapping[str | None, str | None]:
        return self.connection.get_execution_options().get("schema_translate_map") or {}

    def table(self, name: TableName) -> Table | None:
        """The database's table that a name of the models means."""
        schema = self._translated.get(name.schema, name.schema)
        return self.catalogue.table(TableName(schema, name.name))

    def undeclared(self) -> list[KeyClaim]:
        """The database's keys on tables that no model has and the search path shows."""
        tables = (
            self.table(TableName(table.schema, table.name))
            for metadata in self.metadatas
            for table in metadata.tables.values()
        )
        declared = {table.oid for table in tables if table is not None}
        taken = {claim.id for claim in self.declared}
        found: dict[str, KeyClaim] = {}
        for table in self.catalogue.tables.values():
            if table.oid in declared or not table.shown:
                continue
            for key in table.keys:
                claim = self._claim(table, key)
                if claim is not None and claim.id not in taken:
                    found.setdefault(claim.id, claim)
        return sorted(found.values(), key=lambda claim: (claim.table.sort_key, claim.subject))

    def _claim(self, table: Table, key: Key) -> KeyClaim | None:
        parent = self.catalogue.tables.get(key.parent)
        if parent is None or key.temporal or key.is_clone:
            return None
        name = TableName(None, table.name)
        local, remote = zip(*key.pairs, strict=True)
        target = TableName(None if parent.shown else parent.schema, parent.name)
        subject = f"{column_list(name, local)} -> {column_list(target, remote)}"
        return KeyClaim(identifier(subject), subject, "foreign key", name, reflected=key, referent=target)

    def promise(self, claim: KeyClaim) -> Promise | str:
        """What is promised; in words what keeps it from being so, such as a table that is not there."""
        if claim.id not in self._promises:
            self._promises[claim.id] = self._promise(claim)
        return self._promises[claim.id]

    def _promise(self, claim: KeyClaim) -> Promise | str:
        if claim.constraint is None:
            assert claim.reflected is not None
            key = claim.reflected
            child, parent = self.catalogue.tables[key.child], self.catalogue.tables[key.parent]
            pairs, ondelete, validated, enforced = key.pairs, key.ondelete, True, key.enforced
            is_deferred, is_full = key.deferred, key.is_full
        else:
            constraint = claim.constraint
            (declared,) = declared_keys(
                constraint.table, lambda name: name, self.connection.dialect, among=[constraint]
            )
            key_ = declared.key
            source = self._with_columns(key_.source, key_.local_columns)
            if isinstance(source, str):
                return source
            referent = self._with_columns(key_.referent, key_.remote_columns)
            if isinstance(referent, str):
                return referent
            child, parent = source, referent
            pairs, ondelete, validated, enforced = key_.pairs, key_.ondelete, key_.validated, key_.enforced
            is_deferred, is_full = key_.deferred, key_.match == "FULL"
        found = tuple(key for key in child.keys if key.parent == parent.oid and set(key.pairs) == set(pairs))
        defaults = self.defaults(child, ondelete, tuple(local for local, _ in pairs))
        rule = Rule(claim.subject, child.oid, parent.oid, pairs, ondelete, enforced, defaults)
        return Promise(claim, child, parent, rule, validated, is_deferred, is_full, found)

    def _with_columns(self, name: TableName, columns: Sequence[str]) -> Table | str:
        """The table of the database; in words what of it is not there."""
        table = self.table(name)
        if table is None:
            return f"the database has no table {name}"
        missing = [column for column in columns if column not in table.columns]
        return f"the table {name} has no column {', '.join(missing)}" if missing else table

    def defaults(self, table: Table, ondelete: Action, columns: Sequence[str]) -> dict[str, str]:
        """What SET DEFAULT sets, as far as that is not NULL."""
        if ondelete.rule != "SET DEFAULT":
            return {}
        found = {}
        for name in ondelete.columns or columns:
            expression = table.columns[name].expression
            if expression is None:
                continue
            value = self.connection.scalar(verbatim(value_of(expression, table.columns[name])))
            if value is not None:
                found[name] = str(value)
        return found

    def rules(self, promises: Iterable[Promise]) -> list[Rule]:
        """All that happens when rows are deleted: what is promised, and what the database does besides."""
        promised = list(promises)
        taken = {key.oid for promise in promised for key in promise.found}
        rules = [promise.rule for promise in promised]
        for table in self.catalogue.tables.values():
            for key in table.keys:
                if key.oid not in taken and not key.is_clone and not key.temporal:
                    defaults = self.defaults(table, key.ondelete, key.columns)
                    label = f"{column_list(TableName(None, table.label), key.columns)} ({key.name})"
                    rules.append(Rule(label, table.oid, key.parent, key.pairs, key.ondelete, key.enforced, defaults))
        return rules
