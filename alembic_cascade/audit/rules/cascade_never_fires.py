"""A relationship that sets its children's reference to NULL before the key can delete them or give them the default."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, database_effect, once_loaded, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import leave_it_to_the_database, let_the_database_delete
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject

FIXES = {Effect.DELETED: let_the_database_delete, Effect.DEFAULTED: leave_it_to_the_database}


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        meant = database_effect(relation)
        if meant not in FIXES or session_effect(relation, loaded=True) is not Effect.NULLED:
            continue
        assert relation.ondelete is not None
        yield Hit(
            target=relation.name,
            problem=f"it sets {relation.child_label} to NULL before its key's {relation.ondelete.rule} is asked",
            consequence=f"session.delete() of a {relation.model} leaves its children without a reference"
            f"{once_loaded(relation)}; by a delete in SQL they {meant.value}.",
            fix=FIXES[meant](subject, relation),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "cascade-never-fires",
    Severity.ERROR,
    "the key's CASCADE or SET DEFAULT never comes to pass, for SQLAlchemy sets the reference to NULL before",
    check,
)
