"""A many-to-many relationship that only one side knows, while the other side's rows can't be deleted."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_key
from alembic_cascade.audit.relations import Relation, far_key
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import Action


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.relations:
        if not relation.is_many_to_many or relation.viewonly or _is_known_there(subject, relation):
            continue
        constraint = far_key(relation)
        if constraint is None or Action.parse(constraint.ondelete).rule == "CASCADE":
            continue
        columns = ", ".join(constraint.column_keys)
        yield Hit(
            target=relation.name,
            problem=f"only {relation.model} knows it, and the key on {relation.child.name}.{columns} says "
            f"{Action.parse(constraint.ondelete)}",
            consequence=f"A {relation.target_model} that a {relation.model} has can't be deleted: IntegrityError.",
            fix=change_key(subject, AuditedKey(None, None, constraint), ondelete='"CASCADE"'),
            place=subject.place_of_relation(relation),
        )


def _is_known_there(subject: Subject, relation: Relation) -> bool:
    """Whether a relationship of the target takes its rows out of the association table when it is deleted."""
    columns = {column for _, column in relation.far_pairs}
    return any(
        set(other.child_columns) == columns
        and not other.is_many_to_one
        and not other.viewonly
        and other.passive_deletes is False
        and relation.prop.mapper.isa(other.prop.parent)
        for other in subject.mapped.over(relation.child)
    )


RULE = Rule(
    "one-sided-secondary",
    Severity.WARNING,
    "rows of the side that does not know a many-to-many relationship can't be deleted",
    check,
)
