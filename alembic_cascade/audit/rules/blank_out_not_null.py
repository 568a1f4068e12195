"""A relationship whose parent can't be deleted: SQLAlchemy sets a column to NULL that takes none."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, database_effect, once_loaded, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import leave_it_to_the_database, let_the_database_delete
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        if session_effect(relation, loaded=True) is not Effect.REFUSED or not _is_meant_otherwise(relation):
            continue
        columns = [column.name for column in relation.child_columns if not column.nullable]
        defaulted = database_effect(relation) is Effect.DEFAULTED
        fix = leave_it_to_the_database if defaulted else let_the_database_delete
        yield Hit(
            target=relation.name,
            problem=f"it does not delete {relation.target_model}, whose {', '.join(columns)} takes no NULL",
            consequence=f"session.delete() of a {relation.model} with children fails{once_loaded(relation)}: "
            f"IntegrityError, {relation.child.name}.{columns[0]} is set to NULL.",
            fix=fix(subject, relation),
            place=subject.place_of_relation(relation),
        )


def _is_meant_otherwise(relation: Relation) -> bool:
    """Whether nobody said that a parent with children is not to be deleted: neither by RESTRICT, nor in SQL."""
    if relation.passive_deletes is False:
        return relation.ondelete is None or relation.ondelete.rule != "RESTRICT"
    return not relation.never_loads and database_effect(relation) in {Effect.DELETED, Effect.DEFAULTED}


RULE = Rule(
    "blank-out-not-null",
    Severity.ERROR,
    "a parent can't be deleted, for its children's reference would become NULL and is NOT NULL",
    check,
)
