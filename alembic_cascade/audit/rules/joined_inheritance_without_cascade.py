"""A joined-table subclass whose key to the base's table keeps the base's row from being deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Table
from sqlalchemy.orm import Mapper
from sqlalchemy.sql import visitors

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_key
from alembic_cascade.audit.relations import table_name
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import Action, column_list


def check(subject: Subject) -> Iterator[Hit]:
    for mapper in subject.mapped.mappers:
        constraint = _key_to_base(mapper)
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


def _key_to_base(mapper: Mapper[Any]) -> ForeignKeyConstraint | None:
    """The foreign key over which a joined-table subclass finds the rest of its row."""
    table = mapper.local_table
    if mapper.inherits is None or mapper.concrete or not isinstance(table, Table) or mapper.inherit_condition is None:
        return None
    joined = {element for element in visitors.iterate(mapper.inherit_condition) if isinstance(element, Column)}
    keys = (
        key
        for key in table.foreign_key_constraints
        if {*key.columns, *(element.column for element in key.elements)} <= joined
    )
    return min(keys, key=lambda key: str(key.name), default=None)


RULE = Rule(
    "joined-inheritance-without-cascade",
    Severity.WARNING,
    "rows of a base table can't be deleted, for the key of the subclass's table does not say CASCADE",
    check,
)
