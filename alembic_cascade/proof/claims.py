"""What there is to prove: the foreign keys and the relationships of the models, told without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Table
from sqlalchemy.exc import InvalidRequestError

from alembic_cascade.audit.mapped import BrokenMapper, Mapped, mapped_models
from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.foreign_keys import Action, TableName, column_list
from alembic_cascade.proof.catalogue import Key
from alembic_cascade.proof.outcome import Kind


@dataclass(frozen=True)
class Claim:
    """One thing to prove; ``table`` is the one whose rows refer to others, as the models name it."""

    id: str
    subject: str
    kind: Kind
    table: TableName
    referent: TableName | None = field(default=None, kw_only=True)

    @property
    def tables(self) -> tuple[TableName, ...]:
        """All tables that it takes to prove it, as the models name them."""
        return (self.table,) if self.referent is None else (self.table, self.referent)

    @property
    def referred(self) -> tuple[Column[Any], ...]:
        """The columns of the models that others refer to, be it by a key that the database lacks."""
        return ()


@dataclass(frozen=True)
class KeyClaim(Claim):
    """A foreign key of the models, or one of the database (``reflected``) on a table that no model has."""

    constraint: ForeignKeyConstraint | None = field(default=None, compare=False)
    reflected: Key | None = None

    @property
    def referred(self) -> tuple[Column[Any], ...]:
        elements = () if self.constraint is None else self.constraint.elements
        return tuple(element.column for element in elements)

    @property
    def ondelete(self) -> Action:
        """The rule that is promised."""
        if self.constraint is not None:
            return Action.parse(self.constraint.ondelete)
        assert self.reflected is not None
        return self.reflected.ondelete


@dataclass(frozen=True)
class RelationClaim(Claim):
    """A relationship; ``follows`` where another one deletes the same children anyway."""

    relation: Relation | None = field(default=None, compare=False, repr=False)
    follows: bool = False

    @property
    def referred(self) -> tuple[Column[Any], ...]:
        assert self.relation is not None
        return tuple(column for column, _ in (*self.relation.pairs, *self.relation.far_pairs))


@dataclass(frozen=True)
class UnknownClaim(Claim):
    """Something that the models themselves don't make clear, and why."""

    problem: str = ""


def claims(metadatas: Sequence[MetaData], mapped: Mapped | None = None) -> tuple[Claim, ...]:
    """The keys by table and columns, then the relationships by class and name; no database is needed.

    ``viewonly`` relationships promise nothing: SQLAlchemy does nothing by them. ``mapped`` is what is mapped, where
    it is known already: it is looked for in all modules.
    """
    found = [*_unique(_keys(metadatas)), *_relationships(mapped or mapped_models(metadatas))]
    return tuple(_told_apart(found))


def identifier(subject: str) -> str:
    """A subject in the form that it has as a test's name."""
    return subject.replace(" -> ", "->")


def _keys(metadatas: Sequence[MetaData]) -> Iterator[Claim]:
    tables = [table for metadata in metadatas for table in metadata.tables.values()]
    for table in sorted(tables, key=lambda table: table_name(table).sort_key):
        constraints = sorted(table.foreign_key_constraints, key=lambda one: str(one.ondelete))
        yield from sorted((_key(table, one) for one in constraints), key=lambda claim: claim.subject)


def _key(table: Table, constraint: ForeignKeyConstraint) -> Claim:
    name = table_name(table)
    local = tuple(str(element.parent.name) for element in constraint.elements)
    try:
        referent = constraint.elements[0].column.table
        remote = tuple(str(element.column.name) for element in constraint.elements)
    except InvalidRequestError as error:
        subject = f"{column_list(name, local)} -> {constraint.elements[0].target_fullname}"
        return UnknownClaim(identifier(subject), subject, "foreign key", name, " ".join(str(error).split()))
    subject = f"{column_list(name, local)} -> {column_list(table_name(referent), remote)}"
    return KeyClaim(identifier(subject), subject, "foreign key", name, constraint, referent=table_name(referent))


def _unique(found: Iterable[Claim]) -> list[Claim]:
    """A key that is declared twice is one; with another rule it is another promise."""
    first: dict[tuple[str, Action | None], Claim] = {}
    for claim in found:
        first.setdefault((claim.id, claim.ondelete if isinstance(claim, KeyClaim) else None), claim)
    return list(first.values())


def _relationships(mapped: Mapped) -> Iterator[Claim]:
    deciding = set(map(id, mapped.deciding))
    for relation in mapped.relations:
        if relation.viewonly:
            continue
        follows = relation.acts_on_delete and id(relation) not in deciding
        name = relation.name
        child, parent = table_name(relation.child), table_name(relation.parent)
        yield RelationClaim(name, name, "relationship", child, relation, follows, referent=parent)
    for broken in mapped.broken:
        yield _broken(broken)


def _broken(broken: BrokenMapper) -> Claim:
    name = broken.model.__name__ if broken.model is not None else ", ".join(broken.left_out)
    left_out = ", ".join(broken.left_out)
    problem = f"mappers can't be configured, so that no relationship of {left_out} is known: {broken.problem}"
    return UnknownClaim(name, name, "relationship", TableName(None, name), problem)


def _told_apart(found: Sequence[Claim]) -> Iterator[Claim]:
    """Classes of one name in several modules are told apart by these; what is left is counted."""
    counts = Counter(claim.id for claim in found)
    met: Counter[str] = Counter()
    for claim in found:
        name = claim.id
        if counts[name] > 1 and isinstance(claim, RelationClaim) and claim.relation is not None:
            name = f"{claim.relation.prop.parent.class_.__module__}.{name}"
        met[name] += 1
        if met[name] > 1:
            yield replace(claim, id=f"{name}#{met[name]}", subject=f"{claim.subject}#{met[name]}")
        else:
            yield claim if name == claim.id else replace(claim, id=name, subject=name)
