"""A relationship that deletes its children, whose foreign key keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_relation, change_rule
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        if not relation.deletes or relation.ondelete is None or not relation.ondelete.rule.startswith("SET "):
            continue
        loaded = " that are loaded" if relation.passive_deletes is True else ""
        yield Hit(
            target=relation.name,
            problem=f"it deletes {relation.target_model}, but its key says {relation.ondelete.rule}",
            consequence=f"session.delete() of a {relation.model} deletes children{loaded}; a delete in SQL keeps them.",
            fix=_fix(subject, relation),
            place=subject.place_of_relation(relation),
        )


def _fix(subject: Subject, relation: Relation) -> str:
    going = change_rule(subject, relation, '"CASCADE"')
    staying = change_relation(subject, relation, cascade=None, passive_deletes='"all"')
    return f"If the children are to go with their parent:\n{going}\nIf they are to stay:\n{staying}"


RULE = Rule(
    "delete-over-set-null",
    Severity.ERROR,
    "the relationship deletes the children, the foreign key keeps them",
    check,
)
