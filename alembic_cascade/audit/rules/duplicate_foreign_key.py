"""The same key more than once: declared with rules that contradict each other, or in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import BY_AUTOGENERATE
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.comparison import distinct_keys
from alembic_cascade.foreign_keys import ForeignKey, TableName, column_list
from alembic_cascade.sql.quoting import quote_identifier, quote_table


def check(subject: Subject) -> Iterator[Hit]:
    for same in _alike(subject):
        declared = [key.declared for key in same if key.declared is not None]
        reflected = [key.reflected for key in same if key.reflected is not None]
        if distinct_keys(declared)[1]:
            yield _hit(subject, same, declared, "the models declare it", "Take all but one out of the model.")
        elif len(reflected) > 1:
            yield _hit(subject, same, reflected, "the database has it", _fix(declared, reflected))


def _alike(subject: Subject) -> Iterator[list[AuditedKey]]:
    """The keys of each table, those with the same pairs and referent together."""
    found: dict[tuple[TableName, TableName, frozenset[tuple[str, str]]], list[AuditedKey]] = defaultdict(list)
    for key in subject.keys:
        source, parent = (subject.canonical(name) for name in (key.key.source, key.key.parent))
        found[source, parent, frozenset(key.key.pairs)].append(key)
    yield from (keys for keys in found.values() if len(keys) > 1)


def _hit(subject: Subject, same: Sequence[AuditedKey], keys: Sequence[ForeignKey], who: str, fix: str) -> Hit:
    listed = ", ".join(f"{key.name or 'one without a name'} ({key.ondelete})" for key in keys)
    differ = len({str(key.ondelete) for key in keys}) > 1
    return Hit(
        target=same[0].label,
        problem=f"{who} {len(keys)} times: {listed}",
        consequence="Which rule acts first on a delete depends on which key is older: a restore can change it."
        if differ
        else f"Every write of {column_list(keys[0].source, keys[0].local_columns)} is checked {len(keys)} times.",
        fix=fix,
        place=subject.place_of_key(same[0]),
    )


def _fix(declared: Sequence[ForeignKey], reflected: Sequence[ForeignKey]) -> str:
    """What leaves one of the database's keys."""
    if declared:
        return f"{BY_AUTOGENERATE.capitalize()}."
    table = quote_table(*reflected[0].source)
    drops = (f"ALTER TABLE {table} DROP CONSTRAINT {quote_identifier(key.name or '')};" for key in reflected[1:])
    return "\n".join(drops)


RULE = Rule("duplicate-foreign-key", Severity.WARNING, "the same key stands there more than once", check)
