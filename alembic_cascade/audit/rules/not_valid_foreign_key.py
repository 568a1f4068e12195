"""A key of the database that is NOT VALID, which no model asks for."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import BY_AUTOGENERATE
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject
from alembic_cascade.sql.quoting import quote_identifier, quote_table


def check(subject: Subject) -> Iterator[Hit]:
    for key in subject.keys:
        found = key.reflected
        if found is None or found.validated or not found.enforced:
            continue
        if key.declared is not None and not key.declared.validated:
            continue
        statement = (
            f"ALTER TABLE {quote_table(*found.source)} VALIDATE CONSTRAINT {quote_identifier(found.name or '')};"
        )
        yield Hit(
            target=key.label,
            problem=f"the key {found.name} is NOT VALID",
            consequence="Rows from before it was made have never been checked: they may refer to nothing.",
            fix=statement if key.declared is None else f"{BY_AUTOGENERATE.capitalize()}.",
            place=subject.place_of_key(key),
        )


RULE = Rule(
    "not-valid-foreign-key",
    Severity.WARNING,
    "old rows were never checked against the key",
    check,
    needs_database=True,
)
