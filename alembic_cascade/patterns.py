"""Patterns that mean tables and keys: globs of names, with a schema or without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from alembic_cascade.errors import ConfigError


def listed(field: str, values: object, of: str) -> tuple[Any, ...]:
    """``values`` as a tuple; text and dictionaries can be walked through, too, but are no lists.

    Errors: :exc:`.ConfigError` that names the field.
    """
    if isinstance(values, str | bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise ConfigError(field, f"must be a list of {of}, not {values!r}")
    return tuple(values)


def table_patterns(field: str, patterns: object) -> tuple[str, ...]:
    """``patterns`` as a tuple of ``[schema.]table``.

    Errors: :exc:`.ConfigError` that names the field.
    """
    found = listed(field, patterns, "table patterns")
    for pattern in found:
        if not isinstance(pattern, str) or not all(pattern.split(".")) or pattern.count(".") > 1:
            raise ConfigError(field, f"{pattern!r} is no table pattern; write [schema.]table, such as 'legacy_*'")
    return found


def check_key_pattern(field: str, pattern: object) -> None:
    """Refuse what is no pattern ``[schema.]table.column``.

    Errors: :exc:`.ConfigError` that names the field.
    """
    parts = pattern.split(".") if isinstance(pattern, str) else []
    if not all(parts) or len(parts) not in {2, 3}:
        raise ConfigError(field, f"{pattern!r} is no key pattern; write [schema.]table.column, such as 'posts.*_id'")


def matches_key(pattern: str, schema: str | None, table: str, column: str) -> bool:
    """Whether a pattern ``[schema.]table.column`` means the key of that column."""
    wanted_table, _, wanted_column = pattern.rpartition(".")
    return fnmatchcase(column, wanted_column) and matches_table(wanted_table, schema, table)


def matches_table(pattern: str, schema: str | None, table: str) -> bool:
    """Whether a pattern ``[schema.]table`` means the table."""
    wanted_schema, _, wanted_table = pattern.rpartition(".")
    return fnmatchcase(table, wanted_table) and (not wanted_schema or fnmatchcase(schema or "", wanted_schema))
