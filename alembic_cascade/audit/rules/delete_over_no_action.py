"""A relationship that deletes its children, whose foreign key refuses their parent's delete."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_rule, let_the_database_delete
from alembic_cascade.audit.handing_over import HandingOver
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    handing_over = subject.once(HandingOver)
    for relation in subject.mapped.deciding:
        if not relation.deletes or relation.passive_deletes is not False:
            continue
        if relation.ondelete is None or relation.ondelete.rule != "NO ACTION":
            continue
        yield Hit(
            target=relation.name,
            problem=f"it deletes {relation.target_model}, but its key says NO ACTION",
            consequence=f"session.delete() of a {relation.model} deletes its children; a delete in SQL, or by a query, "
            "is refused.",
            # Where the session does more than the key can, it goes on loading the children.
            fix=let_the_database_delete(subject, relation)
            if handing_over.changes_nothing(relation)
            else change_rule(subject, relation, '"CASCADE"'),
            place=subject.place_of_relation(relation),
        )


RULE = Rule(
    "delete-over-no-action",
    Severity.INFO,
    "children are deleted by the session alone; the database refuses",
    check,
)
