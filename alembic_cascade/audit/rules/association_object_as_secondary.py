"""An association table that has a model of its own, and is written by a many-to-many relationship, too."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.relations:
        if not relation.is_many_to_many or relation.viewonly:
            continue
        models = [mapper.class_.__name__ for mapper in subject.mapped.mappers_of(relation.child)]
        if not models:
            continue
        yield Hit(
            target=relation.name,
            problem=f"its secondary {relation.child.name} is the table of {models[0]}, too",
            consequence=f"A row that is added or removed here and as a {models[0]} in one flush is inserted or deleted "
            "twice, which fails.",
            fix=change_relation(subject, relation, viewonly="True"),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "association-object-as-secondary",
    Severity.WARNING,
    "an association table is written by its own model and by a many-to-many relationship",
    check,
)
