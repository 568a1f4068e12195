"""A key whose own triggers are switched off: it stands there, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alembic_cascade.audit.database import SilentTrigger
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.sql.quoting import quote_identifier


def check(subject: Subject) -> Iterator[Hit]:
    assert subject.database is not None
    for key in subject.keys:
        if key.reflected is None:
            continue
        source = subject.canonical(key.reflected.source)
        silent = subject.database.silent.get((source, key.reflected.name), ())
        if silent:
            tables = ", ".join(dict.fromkeys(trigger.table for trigger in silent))
            yield Hit(
                target=key.label,
                problem=f"triggers of {key.reflected.name} are disabled on {tables}",
                consequence=_consequence(key, silent),
                fix="\n".join((*map(_enabled, silent), "Then look for rows that came to refer to nothing meanwhile.")),
                place=subject.place_of_key(key),
            )


def _consequence(key: AuditedKey, silent: Sequence[SilentTrigger]) -> str:
    said = []
    if any(trigger.on_child for trigger in silent):
        said.append("rows that refer to nothing are taken")
    if not all(trigger.on_child for trigger in silent):
        said.append(f"a delete in {key.key.parent} leaves its children behind, whatever the rule")
    return f"PostgreSQL calls the key valid, and yet {'; '.join(said)}."


def _enabled(trigger: SilentTrigger) -> str:
    return f"ALTER TABLE {trigger.table} ENABLE TRIGGER {quote_identifier(trigger.name)};"


RULE = Rule(
    "disabled-foreign-key-trigger",
    Severity.WARNING,
    "a key's own triggers are switched off",
    check,
    needs_database=True,
)
