"""A relationship of a model with itself that was to lead to the parent, and leads to the children."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    candidates = [relation for relation in subject.mapped.relations if relation.leads_to_children]
    for relation in candidates:
        if relation.is_inverted and not subject.is_unique(relation.child, relation.child_columns):
            referring = f"the {relation.target_model} whose {relation.child_label} refers to this one"
            yield _hit(subject, relation, f"it leads to {referring}, not to the one that this one refers to")
    for relation, other in combinations((relation for relation in candidates if relation.uselist), 2):
        if set(other.pairs) == set(relation.pairs):
            yield _hit(subject, relation, f"it and {other.name} lead to the same: those that refer to this one")


def _hit(subject: Subject, relation: Relation, problem: str) -> Hit:
    columns = [f"{relation.model}.{subject.attribute_name(relation, parent)}" for parent, _ in relation.pairs]
    written = columns[0] if len(columns) == 1 else f"[{', '.join(columns)}]"
    changed = change_relation(subject, relation, remote_side=f'"{written}"')
    return Hit(
        target=relation.name,
        problem=problem,
        consequence=f"What is set as the parent gets its {relation.child_label} changed, instead of this row.",
        fix=f"On the side that is to lead to the parent:\n{changed}",
        place=subject.place_of_relation(relation),
    )


RULE = Rule(
    "self-reference-without-remote-side",
    Severity.WARNING,
    "a relationship of a model with itself leads to the children where it was to lead to the parent",
    check,
)
