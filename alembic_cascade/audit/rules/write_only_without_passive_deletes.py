"""A relationship whose children can't be loaded, and are not left to the database."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, database_effect, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation, change_rule, let_the_database_delete
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        if session_effect(relation, loaded=True) is not Effect.UNKNOWN_COLLECTION:
            continue
        yield Hit(
            target=relation.name,
            problem=f"it never loads {relation.target_model} (write_only), and does not leave it to the database",
            consequence=f"session.delete() of a {relation.model} fails: InvalidRequestError, can't load the existing "
            "state from the database for this operation.",
            fix=_fix(subject, relation),
            place=subject.place_of_relation(relation),
        )


def _fix(subject: Subject, relation: Relation) -> str:
    effect = database_effect(relation)
    if relation.deletes or not relation.nullable or effect is Effect.DELETED:
        return let_the_database_delete(subject, relation)
    passive = change_relation(subject, relation, passive_deletes="True")
    if effect in {Effect.NULLED, Effect.DEFAULTED}:
        return passive
    rule = change_rule(subject, relation, '"SET NULL"')
    return f"{passive}\n{rule}"


RULE = Rule(
    "write-only-without-passive-deletes",
    Severity.ERROR,
    "a parent can't be deleted, for its write_only children can't be loaded",
    check,
)
