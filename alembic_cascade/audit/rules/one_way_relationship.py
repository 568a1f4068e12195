"""A relationship that its target does not know."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.relations:
        if relation.has_reverse or relation.viewonly:
            continue
        yield Hit(
            target=relation.name,
            problem=f"{relation.target_model} has no relationship back",
            consequence=f"From a {relation.target_model}, its {relation.model} can't be reached.",
            fix=f'Give {relation.target_model} a relationship("{relation.model}", '
            f'back_populates="{relation.attribute}"), and name it here.',
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "one-way-relationship",
    Severity.INFO,
    "a relationship is known from one side only",
    check,
    usual=False,
)
