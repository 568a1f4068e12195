"""A key that refers to a table or a column which the models do not have."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.relations import table_name
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject, unknown_referent
from alembic_cascade.foreign_keys import column_list


def check(subject: Subject) -> Iterator[Hit]:
    for table in subject.tables:
        for constraint in sorted(table.foreign_key_constraints, key=lambda one: list(one.column_keys)):
            problem = unknown_referent(constraint)
            if problem is None:
                continue
            columns = tuple(element.parent.name for element in constraint.elements)
            yield Hit(
                target=f"{column_list(table_name(table), columns)} -> {constraint.elements[0].target_fullname}",
                problem=f"SQLAlchemy says: {problem.removesuffix('.')}",
                consequence="Neither the models nor autogenerate can be used; nothing else is said of the key here.",
                fix="Correct the name, or let env.py import the module that has this table.",
                place=subject.place_of_key(AuditedKey(None, None, constraint)),
            )


RULE = Rule("unknown-referent", Severity.ERROR, "a key refers to what the models do not have", check)
