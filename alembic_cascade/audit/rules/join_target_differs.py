"""A relationship that joins to another column of the parent than its foreign key refers to."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import column_list


def check(subject: Subject) -> Iterator[Hit]:
    found = [relation for relation in subject.mapped.relations if relation.target_differs and not relation.viewonly]
    # Two sides of one join are one mistake, told of the side that holds the key.
    told = {_identity(relation) for relation in found if not relation.is_one_to_many}
    for relation in found:
        if relation.is_one_to_many and _identity(relation) in told:
            continue
        joined = column_list(table_name(relation.parent), tuple(parent.name for parent, _ in relation.pairs))
        yield Hit(
            target=relation.name,
            problem=f"it joins {relation.child_label} to {joined}, but the foreign key refers to {_referred(relation)}",
            consequence="The key refuses what the relationship writes, and takes what the relationship does not find.",
            fix=f"Let the foreign key on {relation.child_label} refer to {joined}; the next autogenerate settles it. "
            f"Or let the relationship join to {_referred(relation)}.",
            place=subject.place_of_relation(relation),
        )


def _identity(relation: Relation) -> frozenset[tuple[object, object]]:
    return frozenset(relation.pairs)


def _referred(relation: Relation) -> str:
    assert relation.constraint is not None
    targets = {element.parent.name: element.column.name for element in relation.constraint.elements}
    return column_list(table_name(relation.parent), tuple(targets[column.name] for column in relation.child_columns))


RULE = Rule(
    "join-target-differs",
    Severity.ERROR,
    "a relationship joins to another column of the parent than its foreign key refers to",
    check,
)
