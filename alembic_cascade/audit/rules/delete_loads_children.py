"""A relationship that loads its children to delete them, where the foreign key would."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, database_effect, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import let_the_database_delete
from alembic_cascade.audit.handing_over import HandingOver
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    handing_over = subject.once(HandingOver)
    for relation in subject.mapped.deciding:
        if relation.passive_deletes is not False or relation.loads_with_parent:
            continue
        if (
            session_effect(relation, loaded=False) is not Effect.DELETED
            or database_effect(relation) is not Effect.DELETED
        ):
            continue
        if not handing_over.changes_nothing(relation):
            continue
        yield Hit(
            target=relation.name,
            problem=f"it loads {relation.target_model} to delete it, which its key does by itself",
            consequence=f"session.delete() of a {relation.model} reads its children before, and theirs, by a query "
            "each.",
            fix=let_the_database_delete(subject, relation),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "delete-loads-children",
    Severity.INFO,
    "children are loaded one parent at a time to be deleted, which the foreign key would do by itself",
    check,
)
