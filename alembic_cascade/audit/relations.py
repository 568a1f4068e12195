"""Relationships as values: what SQLAlchemy's unit of work knows of them, and the foreign key that they follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Column, ForeignKeyConstraint, Table
from sqlalchemy.orm import Mapper, RelationshipDirection, RelationshipProperty
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ColumnClause

from alembic_cascade.foreign_keys import Action, TableName, column_list

PassiveDeletes = bool | Literal["all"]


@dataclass(frozen=True)
class Relation:
    """One ``relationship()`` of a configured mapper.

    ``parent`` is the table that is referred to and ``child`` the one whose column refers to it, whichever side the
    relationship stands on; for many-to-many, ``child`` is the association table. ``pairs`` are the (parent, child)
    columns that SQLAlchemy keeps equal, ``far_pairs`` those between the target and the association table.
    ``joins_by_pairs_alone`` is whether the join asks for nothing else. ``constraint`` is the declared foreign key over
    just the child's columns, None where the models declare none to a table of the parent.
    """

    name: str
    model: str
    attribute: str
    target_model: str
    direction: RelationshipDirection
    parent: Table
    child: Table
    pairs: tuple[tuple[Column[Any], Column[Any]], ...]
    far_pairs: tuple[tuple[Column[Any], Column[Any]], ...]
    joins_by_pairs_alone: bool
    constraint: ForeignKeyConstraint | None
    deletes: bool
    deletes_orphans: bool
    passive_deletes: PassiveDeletes
    post_update: bool
    viewonly: bool
    uselist: bool
    lazy: str
    back_populates: str | None
    prop: RelationshipProperty[Any] = field(compare=False, repr=False)

    @property
    def is_one_to_many(self) -> bool:
        return self.direction is RelationshipDirection.ONETOMANY

    @property
    def is_many_to_one(self) -> bool:
        return self.direction is RelationshipDirection.MANYTOONE

    @property
    def is_many_to_many(self) -> bool:
        return self.direction is RelationshipDirection.MANYTOMANY

    @property
    def leads_to_children(self) -> bool:
        """Whether it leads from a row to those of the same table that refer to it, and no other side explains it."""
        plain = self.joins_by_pairs_alone and not self.viewonly and not self.has_reverse
        return self.is_self_referential and self.is_one_to_many and plain

    @property
    def is_inverted(self) -> bool:
        """Whether it leads to children, though it is for one row: the parent was meant."""
        return self.leads_to_children and not self.uselist

    @property
    def child_columns(self) -> tuple[Column[Any], ...]:
        return tuple(child for _, child in self.pairs)

    @property
    def child_label(self) -> str:
        """The child's columns in words: ``posts.user_id``."""
        return column_list(table_name(self.child), tuple(column.name for column in self.child_columns))

    @property
    def is_self_referential(self) -> bool:
        return self.parent is self.child

    @property
    def has_reverse(self) -> bool:
        """Whether another relationship is known as its other side, be it named here or there."""
        return bool(_reverses(self.prop))

    @property
    def written_at(self) -> tuple[type[Any], str]:
        """The model and the attribute that write it: for what a ``backref`` makes, those of the ``backref``."""
        writers = (reverse for reverse in _reverses(self.prop) if reverse.backref is not None)
        prop = self.prop if self.prop.backref is not None else next(writers, self.prop)
        return prop.parent.class_, prop.key

    @property
    def acts_on_delete(self) -> bool:
        """Whether SQLAlchemy itself does something to the children of a parent that is deleted."""
        return self.is_one_to_many and not self.viewonly and self.passive_deletes != "all"

    @property
    def loads_with_parent(self) -> bool:
        """Whether the children are read together with their parent."""
        return self.lazy in {"joined", "selectin", "subquery", "immediate"}

    @property
    def never_loads(self) -> bool:
        """Whether it has a query in the place of a collection."""
        return self.lazy in {"write_only", "dynamic"}

    @property
    def in_child_primary_key(self) -> bool:
        """Whether a column that would be set to NULL is part of the child's primary key."""
        return any(column.primary_key for column in self.child_columns)

    @property
    def shares_child_columns(self) -> bool:
        """Whether rows of other classes have values in the child's columns, too, and refer by them to what they like.

        SQLAlchemy joins no row of these: it asks for the discriminator, or for a row in the table of the class.
        https://docs.sqlalchemy.org/en/20/orm/inheritance.html#relationships-with-single-table-inheritance
        """
        if self.is_many_to_many:
            return False
        model = self.prop.parent if self.is_many_to_one else self.prop.mapper
        own = set(model.self_and_descendants)
        others = (mapper for mapper in model.base_mapper.self_and_descendants if mapper not in own)
        wanted = set(self.child_columns)
        return any(not wanted.isdisjoint(other.columns) for other in others)

    @property
    def nullable(self) -> bool:
        """Whether each column that would be set to NULL takes it."""
        return all(column.nullable for column in self.child_columns)

    @property
    def target_differs(self) -> bool:
        """Whether the foreign key refers to another column of the very table that is joined."""
        joined = {column.name: parent for parent, column in self.pairs}
        elements = () if self.constraint is None else self.constraint.elements
        targets = ((element.column, joined[element.parent.name]) for element in elements)
        return any(target.table is parent.table and target.name != parent.name for target, parent in targets)

    @property
    def is_upside_down(self) -> bool:
        """Whether a foreign key leads from what it takes for the parent to what it takes for the children."""
        columns = tuple((child, parent) for parent, child in self.pairs)
        return self.constraint is None and key_over(self.parent, columns, {self.child}) is not None

    @property
    def ondelete(self) -> Action | None:
        """The rule of the foreign key, None where there is none that leads where the relationship does."""
        return None if self.constraint is None or self.target_differs else Action.parse(self.constraint.ondelete)


def relations_of(mapper: Mapper[Any]) -> Iterator[Relation]:
    """The relationships between tables that a configured mapper has of its own, by name.

    An inherited one is its parent's; one to a subquery or an alias says nothing of foreign keys.
    """
    for prop in sorted(mapper.relationships, key=lambda prop: prop.key):
        if prop.parent is mapper and _joins_tables(prop):
            yield _relation(prop)


def _joins_tables(prop: RelationshipProperty[Any]) -> bool:
    pairs = _pairs(prop)
    return bool(pairs) and all(isinstance(column.table, Table) for pair in pairs for column in pair)


def _relation(prop: RelationshipProperty[Any]) -> Relation:
    pairs = _pairs(prop)
    parent, child = (column.table for column in pairs[0])
    assert isinstance(parent, Table)
    assert isinstance(child, Table)
    passive: Any = prop.passive_deletes
    far_pairs: Any = tuple(prop.secondary_synchronize_pairs or ())
    many_to_one = prop.direction is RelationshipDirection.MANYTOONE
    return Relation(
        name=f"{prop.parent.class_.__name__}.{prop.key}",
        model=prop.parent.class_.__name__,
        attribute=prop.key,
        target_model=prop.mapper.class_.__name__,
        direction=prop.direction,
        parent=parent,
        child=child,
        pairs=pairs,
        far_pairs=far_pairs,
        joins_by_pairs_alone=_joins_by(prop.primaryjoin, len(pairs)),
        constraint=key_over(child, pairs, _tables(prop.mapper if many_to_one else prop.parent)),
        deletes=prop.cascade.delete,
        deletes_orphans=prop.cascade.delete_orphan,
        passive_deletes=passive,
        post_update=prop.post_update,
        viewonly=prop.viewonly,
        uselist=bool(prop.uselist),
        lazy=str(prop.lazy),
        back_populates=_back_populates(prop),
        prop=prop,
    )


def _pairs(prop: RelationshipProperty[Any]) -> tuple[tuple[Any, Any], ...]:
    """The columns that are kept equal, the parent's first; a view-only relationship keeps none, but joins by some."""
    pairs: Any = prop.synchronize_pairs or prop.local_remote_pairs
    if prop.direction is RelationshipDirection.MANYTOONE and not prop.synchronize_pairs:
        return tuple((remote, local) for local, remote in pairs)
    return tuple(pairs)


def _joins_by(join: Any, count: int) -> bool:
    """Whether a condition is nothing but ``count`` equations of two columns, all of which are to hold."""
    if isinstance(join, BooleanClauseList) and join.operator is not operators.and_:
        return False
    terms = list(join.clauses) if isinstance(join, BooleanClauseList) else [join]
    return len(terms) == count and all(_equates_columns(term) for term in terms)


def _equates_columns(term: Any) -> bool:
    # Not what a function or a cast makes of a column: it can be equal where the column is not.
    if not isinstance(term, BinaryExpression) or term.operator is not operators.eq:
        return False
    return isinstance(term.left, ColumnClause) and isinstance(term.right, ColumnClause)


def _back_populates(prop: RelationshipProperty[Any]) -> str | None:
    named: Any = prop.back_populates
    return named if named is None or isinstance(named, str) else named.prop.key


def _reverses(prop: RelationshipProperty[Any]) -> list[RelationshipProperty[Any]]:
    # There is no public name for it.
    return sorted(prop._reverse_property, key=lambda reverse: reverse.key)  # noqa: SLF001


def _tables(mapper: Mapper[Any]) -> set[Any]:
    """The tables of a model and of all that it shares rows with."""
    return {table for one in mapper.base_mapper.self_and_descendants for table in one.tables}


def key_over(child: Table, pairs: Iterable[tuple[Any, Any]], parents: Collection[Any]) -> ForeignKeyConstraint | None:
    """The declared foreign key of ``child`` over just the child columns of ``pairs`` to one of ``parents``.

    Of several, the one to the columns that they are joined with.
    """
    wanted = {column.name for _, column in pairs}
    joined = {(parent.table, parent.name, column.name) for parent, column in pairs}
    found = sorted(
        (
            key
            for key in child.foreign_key_constraints
            if {column.name for column in key.columns} == wanted and key.referred_table in parents
        ),
        key=lambda key: (
            {(element.column.table, element.column.name, element.parent.name) for element in key.elements} != joined,
            key.name is None,
            str(key.name),
            [element.target_fullname for element in key.elements],
        ),
    )
    return found[0] if found else None


def key_to_base(mapper: Mapper[Any]) -> ForeignKeyConstraint | None:
    """The foreign key over which a joined-table subclass finds the rest of its row."""
    table = mapper.local_table
    if mapper.inherits is None or mapper.concrete or not isinstance(table, Table) or mapper.inherit_condition is None:
        return None
    joined = {element for element in visitors.iterate(mapper.inherit_condition) if isinstance(element, Column)}
    keys = (
        key
        for key in table.foreign_key_constraints
        if {*key.columns, *(element.column for element in key.elements)} <= joined
    )
    return min(keys, key=lambda key: str(key.name), default=None)


def far_key(relation: Relation) -> ForeignKeyConstraint | None:
    """The association table's declared foreign key to the target of a many-to-many relationship."""
    return key_over(relation.child, relation.far_pairs, _tables(relation.prop.mapper))


def overlaps(one: Relation, other: Relation) -> bool:
    """Whether one of them says that the other writes the same columns on purpose."""
    # There is no public name for what is given as ``overlaps``.
    return other.attribute in one.prop._overlaps or one.attribute in other.prop._overlaps  # noqa: SLF001


def table_name(table: Table) -> TableName:
    """A table as keys name it."""
    return TableName(table.schema, table.name)
