"""A relationship whose parent can't be deleted: SQLAlchemy would set a part of the child's primary key to NULL."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, once_loaded, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import let_the_database_delete
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        if session_effect(relation, loaded=True) is not Effect.BLANKED:
            continue
        columns = ", ".join(column.name for column in relation.child_columns if column.primary_key)
        yield Hit(
            target=relation.name,
            problem=f"it does not delete {relation.target_model}, whose primary key holds {columns}",
            consequence=f"session.delete() of a {relation.model} with children fails{once_loaded(relation)}: "
            f"Dependency rule tried to blank-out primary key column {relation.child.name}.{columns}.",
            fix=let_the_database_delete(subject, relation),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "blank-out-primary-key",
    Severity.ERROR,
    "a parent can't be deleted, for a part of its children's primary key would become NULL",
    check,
)
