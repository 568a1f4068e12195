"""A key that the models and the database do not agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alembic_cascade.audit.database import Database
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import BY_AUTOGENERATE
from alembic_cascade.audit.relations import table_name
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.comparison import compare_foreign_keys, distinct_keys
from alembic_cascade.foreign_keys import (
    ForeignKey,
    ForeignKeyAdded,
    ForeignKeyAltered,
    ForeignKeyChange,
    ForeignKeyRemoved,
)


def check(subject: Subject) -> Iterator[Hit]:
    database = subject.database
    assert database is not None
    for table in subject.tables:
        name = subject.canonical(table_name(table))
        if not database.has(name):
            continue
        keys = subject.declared_on(table)
        declared, _ = distinct_keys(key.key for key in keys)
        reflected, inherited = (
            [subject.as_compared(key) for key in found.get(name, ())] for found in (database.keys, database.inherited)
        )
        constraints = {key.key.identity: key.constraint for key in reversed(keys)}
        for change in compare_foreign_keys(declared, reflected, inherited):
            said = _said(database, change, {key.identity for key in declared})
            if said is not None:
                key, problem, consequence = said
                constraint = constraints.get(key.identity)
                place = subject.place_of_key(AuditedKey(key, None, constraint)) or subject.place_of_table(table)
                yield Hit(key.label, problem, consequence, f"{BY_AUTOGENERATE.capitalize()}.", place)


def _said(
    database: Database, change: ForeignKeyChange, declared: Iterable[object]
) -> tuple[ForeignKey, str, str] | None:
    """What a change is about, what there is, what follows; None for what is no drift of its own."""
    match change:
        case ForeignKeyAdded(key):
            if not database.has(key.parent):
                return None
            return key, "the database lacks it", "Nothing keeps its rows from referring to nothing."
        case ForeignKeyRemoved(key):
            # One that is there twice is another rule's finding.
            if key.identity in declared:
                return None
            said = f"the database alone has it: {key.name} ({key.ondelete})"
            return key, said, "It acts on deletes that the models know nothing of."
        case ForeignKeyAltered(reflected, target):
            said = f"the database has it otherwise than the models: {target.changes_from(reflected)}"
            return target, said, "Deletes do what the database says, not what the models say."


RULE = Rule(
    "foreign-key-drift",
    Severity.WARNING,
    "the models and the database have different keys",
    check,
    needs_database=True,
)
