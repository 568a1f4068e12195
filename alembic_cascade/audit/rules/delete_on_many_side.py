"""A relationship that deletes what other rows refer to, too."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.relations:
        if not relation.deletes or relation.prop.single_parent or not _is_shared(subject, relation):
            continue
        through = relation.child_label if relation.is_many_to_one else relation.child.name
        yield Hit(
            target=relation.name,
            problem=f"it deletes {relation.target_model}, to which other rows of {relation.model} may lead, too, "
            f"by {through}",
            consequence=f"session.delete() of one {relation.model} takes from the others what they refer to, or fails "
            "because of them.",
            fix=change_relation(subject, relation, cascade=None),
            place=subject.place_of_relation(relation),
        )


def _is_shared(subject: Subject, relation: Relation) -> bool:
    """Whether one target can have several parents."""
    if relation.is_many_to_many:
        columns = [column for _, column in relation.far_pairs]
        return not subject.is_unique(relation.child, columns)
    return relation.is_many_to_one and not subject.is_unique(relation.child, relation.child_columns)


RULE = Rule(
    "delete-on-many-side",
    Severity.ERROR,
    "a delete cascade on a many-to-one or many-to-many relationship deletes what others refer to",
    check,
)
