"""What a foreign key can refer to, and between which types its values pass."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint


def is_unique(table: Table, columns: set[str]) -> bool:
    """Whether the models make the columns a key that PostgreSQL lets a foreign key refer to."""
    keys = [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
    indexes = [index for index in table.indexes if is_referable(index)]
    return any({column.name for column in key.columns} == columns for key in [*keys, *indexes])


def is_referable(index: Index) -> bool:
    """Whether it is unique over all rows, and over columns alone."""
    return (
        bool(index.unique)
        and index.dialect_options["postgresql"]["where"] is None
        and all(isinstance(expression, Column) for expression in index.expressions)
    )


def kind_of_type(written: str) -> str:
    """What types have in common between which values pass unchanged: whole numbers, text of any length."""
    name = written.partition("(")[0].strip().upper()
    if name in {"SMALLINT", "INTEGER", "BIGINT", "SERIAL", "BIGSERIAL", "SMALLSERIAL"}:
        return "a whole number"
    if name in {"VARCHAR", "TEXT", "CHARACTER VARYING"}:
        return "text"
    return name
