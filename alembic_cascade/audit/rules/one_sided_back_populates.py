"""Two sides of one relationship of which one, or neither, names the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation
from alembic_cascade.audit.relations import Relation, overlaps
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    relations = {relation.prop: relation for relation in subject.mapped.relations if not relation.viewonly}
    for relation in relations.values():
        if relation.back_populates is None:
            continue
        named: Any = relation.prop.mapper.get_property(relation.back_populates)
        other = relations.get(named)
        if other is not None and other.back_populates != relation.attribute:
            yield _of_one(subject, relation, other)
    for table in subject.tables:
        loose = [one for one in subject.mapped.over(table) if not one.viewonly and not one.has_reverse]
        pairs = [(one, other) for one, other in combinations(loose, 2) if _are_two_sides(one, other)]
        ends = Counter(id(one) for pair in pairs for one in pair)
        # Of three, no one can tell which two belong together.
        for one, other in pairs:
            if ends[id(one)] == ends[id(other)] == 1:
                yield _of_neither(subject, one, other)


def _of_one(subject: Subject, relation: Relation, other: Relation) -> Hit:
    back = "nothing" if other.back_populates is None else f"{other.target_model}.{other.back_populates}"
    return Hit(
        target=relation.name,
        problem=f"it names {other.name} as its other side, which names {back}",
        consequence=f"What is set on {other.name} does not show on {relation.name} before it is read again.",
        fix=change_relation(subject, other, back_populates=f'"{relation.attribute}"'),
        place=subject.place_of_relation(relation),
    )


def _are_two_sides(one: Relation, other: Relation) -> bool:
    """Whether both write the same columns from opposite sides, and neither says that it is to be so."""
    if overlaps(one, other) or one.prop.mapper is not other.prop.parent or other.prop.mapper is not one.prop.parent:
        return False
    if not one.joins_by_pairs_alone or not other.joins_by_pairs_alone:
        return False
    if one.is_many_to_many or other.is_many_to_many:
        return bool(one.far_pairs) and _same(one.pairs, other.far_pairs) and _same(one.far_pairs, other.pairs)
    return one.direction is not other.direction and _same(one.pairs, other.pairs)


def _same(pairs: tuple[tuple[object, object], ...], others: tuple[tuple[object, object], ...]) -> bool:
    return set(pairs) == set(others)


def _of_neither(subject: Subject, one: Relation, other: Relation) -> Hit:
    both = (one, f'"{other.attribute}"'), (other, f'"{one.attribute}"')
    return Hit(
        target=one.name,
        problem=f"it and {other.name} are two sides of one relationship, and neither names the other",
        consequence=f"Both write {one.child.name}; what is set on one does not show on the other.",
        fix="\n".join(change_relation(subject, relation, back_populates=name) for relation, name in both),
        place=subject.place_of_relation(one),
    )


RULE = Rule(
    "one-sided-back-populates",
    Severity.WARNING,
    "of two sides of one relationship, one does not name the other",
    check,
)
