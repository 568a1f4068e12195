"""A key with SET NULL over a column that takes no NULL: its parent can't be deleted."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.columns import takes_null
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for key in subject.keys:
        rule, table = key.key.ondelete, key.key.source
        if rule.rule != "SET NULL" or not key.key.enforced:
            continue
        cleared = rule.columns or key.key.local_columns
        refusing = [column for column in cleared if takes_null(subject, table, column) is False]
        if refusing:
            columns = ", ".join(refusing)
            yield Hit(
                target=key.label,
                problem=f"it is to {rule}, and {columns} takes no NULL",
                consequence=f"The delete of a row of {key.key.parent} that {table} refers to fails: "
                f'null value in column "{refusing[0]}" violates not-null constraint.',
                fix=f"Let {columns} take NULL, or give the key another rule: CASCADE, or RESTRICT if that is meant.",
                place=subject.place_of_key(key),
            )


RULE = Rule(
    "set-null-not-null", Severity.ERROR, "a parent can't be deleted, for its children's column takes no NULL", check
)
