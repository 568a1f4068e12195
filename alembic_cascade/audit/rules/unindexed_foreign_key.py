"""A key whose children no index finds: each delete of a parent looks through the whole table."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import add_index
from alembic_cascade.audit.indexes import first_columns, is_indexed
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    for key in subject.keys:
        if not key.key.enforced or is_indexed(subject, key):
            continue
        columns, table = key.key.local_columns, key.key.source
        begun = first_columns(subject, key)
        rows = f"all rows of {table}{f' with the same {begun[0]}' if begun else ''}"
        yield Hit(
            target=key.label,
            problem=f"no index begins with {', '.join(columns)}",
            consequence=f"Whatever the rule, each delete of a row of {key.key.parent} reads {rows}.",
            fix=add_index(subject, key),
            place=subject.place_of_key(key),
        )


RULE = Rule("unindexed-foreign-key", Severity.WARNING, "each delete of a parent reads all children", check)
