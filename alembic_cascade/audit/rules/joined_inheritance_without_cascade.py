"""A joined-table subclass whose key to the base's table keeps the base's row from being deleted."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_key
from alembic_cascade.audit.relations import key_to_base, table_name
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import Action, column_list


def check(subject: Subject) -> Iterator[Hit]:
    for mapper in subject.mapped.mappers:
        constraint = key_to_base(mapper)
        if constraint is None or Action.parse(constraint.ondelete).rule == "CASCADE":
            continue
        assert mapper.inherits is not None
        base, model = mapper.inherits.class_.__name__, mapper.class_.__name__
        columns = tuple(element.parent.name for element in constraint.elements)
        referred = tuple(element.column.name for element in constraint.elements)
        parent = column_list(table_name(constraint.referred_table), referred)
        yield Hit(
            target=f"{column_list(table_name(constraint.table), columns)} -> {parent}",
            problem=f"{model} inherits from {base} over it, and it says {Action.parse(constraint.ondelete)}",
            consequence=f"A delete of {base} in SQL, or by a query, is refused for a row that is a {model}.",
            fix=change_key(subject, AuditedKey(None, None, constraint), ondelete='"CASCADE"'),
            place=subject.sources.place(mapper.class_),
        )


RULE = Rule(
    "joined-inheritance-without-cascade",
    Severity.WARNING,
    "rows of a base table can't be deleted, for the key of the subclass's table does not say CASCADE",
    check,
)
