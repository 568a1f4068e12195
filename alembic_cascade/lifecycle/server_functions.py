"""The functions on the server that keep and fill lifecycle columns."""

from __future__ import annotations

from alembic_cascade.sql.functions import read_functions

FILES = ("triggers", "backfill")


def lifecycle_function_statements() -> tuple[str, ...]:
    """The statements that make the functions, for this session only."""
    return read_functions("alembic_cascade.lifecycle", FILES)
