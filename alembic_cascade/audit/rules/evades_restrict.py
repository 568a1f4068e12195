"""A relationship that takes the children away before the key's RESTRICT can refuse."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation, leave_it_to_the_database
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject

WORDS = {Effect.DELETED: "deletes {model}", Effect.NULLED: "sets {columns} to NULL"}


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        effect = session_effect(relation, loaded=True)
        restricted = relation.ondelete is not None and relation.ondelete.rule == "RESTRICT"
        if not restricted or relation.passive_deletes is not False or effect not in WORDS:
            continue
        does = WORDS[effect].format(model=relation.target_model, columns=relation.child_label)
        yield Hit(
            target=relation.name,
            problem=f"it {does} before its key's RESTRICT is asked",
            consequence=f"session.delete() of a {relation.model} with children is never refused; a delete in SQL is.",
            fix=_fix(subject, relation),
            place=subject.place_of_relation(relation),
        )


def _fix(subject: Subject, relation: Relation) -> str:
    if relation.deletes:
        return change_relation(subject, relation, cascade=None, passive_deletes='"all"')
    return leave_it_to_the_database(subject, relation)


RULE = Rule(
    "evades-restrict",
    Severity.WARNING,
    "the key's RESTRICT never refuses, for SQLAlchemy takes the children away before",
    check,
)
