"""A relationship to one row, of which the database lets there be more."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import make_unique
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.relations:
        if relation.uselist or not relation.is_one_to_many or not relation.joins_by_pairs_alone:
            continue
        if subject.is_unique(relation.child, relation.child_columns) or relation.is_inverted:
            continue
        yield Hit(
            target=relation.name,
            problem=f"it leads to one {relation.target_model}, but {relation.child_label} is not unique",
            consequence=f"The database takes a second one for a {relation.model}; which of them shows is chance.",
            fix=make_unique(subject, relation),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "one-to-one-without-unique",
    Severity.WARNING,
    "a relationship leads to one row, and the database lets there be several",
    check,
)
