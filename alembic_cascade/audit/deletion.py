"""What ``session.delete(parent)`` does to the rows that a relationship leads to, told from the relationship alone.

https://docs.sqlalchemy.org/en/20/orm/cascades.html and, for ``passive_deletes``,
https://docs.sqlalchemy.org/en/20/orm/large_collections.html; a test compares it with the database, case by case.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Column

from alembic_cascade.audit.relations import Relation


class Effect(Enum):
    """What becomes of the children."""

    DELETED = "are deleted"
    NULLED = "lose their reference"
    DEFAULTED = "get the default reference"
    REFUSED = "stop the delete: IntegrityError"
    BLANKED = "stop the delete: AssertionError, tried to blank-out primary key column"
    UNKNOWN_COLLECTION = "stop the delete: InvalidRequestError, the collection can't be loaded"
    ORPHANED = "keep a reference to nothing"


RULE_EFFECTS = {
    "CASCADE": Effect.DELETED,
    "SET NULL": Effect.NULLED,
    "SET DEFAULT": Effect.DEFAULTED,
    "NO ACTION": Effect.REFUSED,
    "RESTRICT": Effect.REFUSED,
}


def database_effect(relation: Relation) -> Effect:
    """What the foreign key alone does when a parent row is deleted by SQL."""
    if relation.ondelete is None:
        return Effect.ORPHANED
    effect = RULE_EFFECTS[relation.ondelete.rule]
    if effect not in {Effect.NULLED, Effect.DEFAULTED}:
        return effect
    emptied = [column for column in _columns_set(relation) if effect is Effect.NULLED or column.server_default is None]
    if not all(column.nullable for column in emptied):
        return Effect.REFUSED
    # A key of several columns refers to nothing as soon as one of them is NULL.
    return Effect.NULLED if emptied else Effect.DEFAULTED


def _columns_set(relation: Relation) -> list[Column[Any]]:
    """The columns that SET NULL or SET DEFAULT sets."""
    assert relation.ondelete is not None
    listed = relation.ondelete.columns
    return [column for column in relation.child_columns if not listed or column.name in listed]


def session_effect(relation: Relation, *, loaded: bool) -> Effect:
    """What ``session.delete(parent)`` does, where the children are ``loaded`` in the session or not.

    Some relationships have a query in the place of their children, which are never loaded: it is the same for both.
    Of a one-to-many relationship alone: what another one does to a parent's rows is not a matter of its delete.
    """
    if not relation.acts_on_delete:
        return database_effect(relation)
    if relation.passive_deletes is True and (relation.never_loads or not loaded):
        return database_effect(relation)
    if relation.lazy == "write_only":
        return Effect.UNKNOWN_COLLECTION
    if relation.deletes and not relation.post_update:
        return Effect.DELETED
    if relation.in_child_primary_key:
        return Effect.BLANKED
    if not relation.nullable:
        return Effect.REFUSED
    return Effect.DELETED if relation.deletes else Effect.NULLED


def once_loaded(relation: Relation) -> str:
    """What to add to a consequence that a relationship has for loaded children alone."""
    same = session_effect(relation, loaded=True) is session_effect(relation, loaded=False)
    return "" if same else ", once its children are loaded"


def deciding_relations(relations: Sequence[Relation]) -> list[Relation]:
    """Those that decide what becomes of the children of a deleted parent.

    That is all by which SQLAlchemy acts, without those whose children another one deletes anyway.
    """
    acting = [relation for relation in relations if relation.acts_on_delete]
    deleting: dict[frozenset[Any], list[Relation]] = {}
    for other in acting:
        if other.deletes and other.passive_deletes is False and not other.post_update and other.joins_by_pairs_alone:
            deleting.setdefault(frozenset(other.pairs), []).append(other)
    return [
        relation
        for relation in acting
        if not any(_is_within(relation, other) for other in deleting.get(frozenset(relation.pairs), ()))
    ]


def _is_within(relation: Relation, other: Relation) -> bool:
    """Whether ``other`` deletes all that ``relation`` would leave, over the same columns."""
    parents = relation.prop.parent.isa(other.prop.parent)
    return not relation.deletes and parents and relation.prop.mapper.isa(other.prop.mapper)
