"""Models of a few tables in a line each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.schema import SchemaItem


def models(schema: str | None = None, convention: dict[str, str] | None = None, **tables: list[SchemaItem]) -> MetaData:
    """Tables with a primary key ``id`` and what is listed for each."""
    metadata = MetaData(schema=schema, naming_convention=convention)
    for name, items in tables.items():
        add_table(metadata, name, *items)
    return metadata


def add_table(metadata: MetaData, table_name: str, *items: SchemaItem, **options: Any) -> None:
    """One more table."""
    Table(table_name, metadata, Column("id", Integer, primary_key=True, autoincrement=False), *items, **options)


def reference(column: str, target: str, **rule: Any) -> Column[Any]:
    """A column of whole numbers that refers to ``target``."""
    return Column(column, Integer, ForeignKey(target, **rule))


def number(column: str, **options: Any) -> Column[Any]:
    """A column of whole numbers."""
    return Column(column, Integer, **options)
