"""A key whose column has another type than the column that it refers to."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.columns import types_of_pairs
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject

SIZES = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}
# An index on a column of one of these serves a comparison with another: they are of one operator family.
# https://www.postgresql.org/docs/current/xindex.html#XINDEX-OPFAMILY
FAMILIES = (
    {"DATE", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP WITH TIME ZONE"},
    {"REAL", "DOUBLE PRECISION"},
)


def check(subject: Subject) -> Iterator[Hit]:
    for key in subject.keys:
        for local, child_type, remote, parent_type in types_of_pairs(subject, key):
            if child_type == parent_type:
                continue
            child, parent = f"{key.key.source}.{local}", f"{key.key.parent}.{remote}"
            yield Hit(
                target=key.label,
                problem=f"its columns differ: {child} is {child_type}, {parent} is {parent_type}",
                consequence=_consequence(child, child_type, parent, parent_type),
                fix=f"Give both the same type: {parent_type} for {child}, if {parent} is right.",
                place=subject.place_of_key(key),
            )


def _consequence(child: str, child_type: str, parent: str, parent_type: str) -> str:
    if child_type in SIZES and parent_type in SIZES:
        if SIZES[child_type] > SIZES[parent_type]:
            return f"{child} takes room for numbers that {parent} never has."
        return f"A row whose {parent} is 2^{SIZES[child_type]} or more can't be referred to: {child} is out of range."
    if any({child_type, parent_type} <= family for family in FAMILIES):
        return "A value that one of the types can't hold exactly never finds its counterpart."
    return (
        "PostgreSQL refuses the key, or converts each child's value to compare it, which no index on it serves: "
        "each delete of a parent reads all children."
    )


RULE = Rule("foreign-key-type-differs", Severity.WARNING, "a key's column has another type than its referent", check)
