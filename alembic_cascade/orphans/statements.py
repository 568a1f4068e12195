"""What the operations on orphans run: calls of functions that live in the session, the same online and in a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from alembic_cascade.config import QUARANTINE_SCHEMA
from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.locking import Locking
from alembic_cascade.sql.functions import read_functions
from alembic_cascade.sql.quoting import quote_literal, quote_table, quote_text_array

# Of one meaning each, in the order in which they need each other.
FILES = (
    "relations",
    "keys",
    "closure",
    "quarantine",
    "suspension",
    "settlement",
    "clean",
    "conflicts",
    "restore",
    "foresight",
)

# In the schema of the version table, where the quarantine has none of its own.
PREFIX = "alembic_cascade_"


class Orphans(Protocol):
    """Of which key, and where they are kept; as :class:`.CleanOrphansOp` and :class:`.RestoreOrphansOp` hold it."""

    source: TableName
    referent: TableName
    local_cols: tuple[str, ...]
    remote_cols: tuple[str, ...]
    revision: str | None
    quarantine_schema: str | None
    if_exists: bool

    @property
    def label(self) -> str:
        """The key in words."""
        ...


class Cleaning(Orphans, Protocol):
    """What is to be done with them."""

    strategy: str
    columns: tuple[str, ...] | None
    match: str | None
    to_cols: tuple[str, ...] | None
    max_orphans: float | None
    trust_valid_keys: bool
    locking: Locking


def function_statements() -> tuple[str, ...]:
    """The statements that make the functions, for this session only: they live in its ``pg_temp``."""
    return read_functions("alembic_cascade.orphans", FILES)


def clean_statement(cleaning: Cleaning, version_table_schema: str | None) -> str:
    """Settle the orphans; each row of the result says in words what was done."""
    return function_call("cascade_clean_orphans", *clean_arguments(cleaning, version_table_schema))


def clean_arguments(cleaning: Cleaning, version_table_schema: str | None) -> list[str]:
    """What the functions that settle orphans are called with."""
    limit = cleaning.max_orphans
    is_count = isinstance(limit, int)
    return [
        quote_literal(cleaning.label),
        quote_literal(quote_table(*cleaning.source)),
        quote_literal(quote_table(*cleaning.referent)),
        quote_text_array(cleaning.local_cols),
        quote_text_array(cleaning.remote_cols),
        quote_literal(cleaning.strategy),
        quote_literal(str(cleaning.revision)),
        _array(cleaning.columns),
        str(cleaning.match == "FULL").lower(),
        _array(cleaning.to_cols),
        "NULL" if limit is None or is_count else repr(float(limit)),
        str(limit) if is_count else "NULL",
        str(cleaning.trust_valid_keys).lower(),
        home(cleaning.quarantine_schema, version_table_schema),
        quote_literal("" if cleaning.quarantine_schema else PREFIX),
        str(cleaning.if_exists).lower(),
        quote_literal(_advice(cleaning)),
    ]


def foresee_statement(cleaning: Cleaning, version_table_schema: str | None) -> str:
    """What :func:`clean_statement` would do, or refuse."""
    return function_call("cascade_foresee", *clean_arguments(cleaning, version_table_schema))


def restore_statement(orphans: Orphans, version_table_schema: str | None) -> str:
    """Put back what the revision took for this key; each row of the result says in words what was done."""
    return function_call("cascade_restore_orphans", *restore_arguments(orphans, version_table_schema))


def restore_arguments(orphans: Orphans, version_table_schema: str | None) -> list[str]:
    """What the functions that put rows back are called with."""
    return [
        quote_literal(orphans.label),
        quote_literal(quote_table(*orphans.source)),
        quote_literal(quote_table(*orphans.referent)),
        quote_text_array(orphans.local_cols),
        quote_text_array(orphans.remote_cols),
        quote_literal(str(orphans.revision)),
        home(orphans.quarantine_schema, version_table_schema),
        str(orphans.if_exists).lower(),
    ]


def restore_all_statement(revision: str, key: str | None, schema: str) -> str:
    """Put back what the revision took, for all keys or for the one of that text."""
    key_text = "NULL" if key is None else quote_literal(key)
    return function_call("cascade_restore", quote_literal(revision), key_text, quote_literal(schema))


def home(quarantine_schema: str | None, version_table_schema: str | None) -> str:
    """The schema in which quarantine tables are, as an SQL expression."""
    schema = quarantine_schema or version_table_schema
    return quote_literal(schema) if schema else "current_schema()::text"


def orphans_label(
    source: TableName, local_cols: tuple[str, ...], referent: TableName, remote_cols: tuple[str, ...]
) -> str:
    """The key in words: ``posts.user_id -> users.id``."""
    return f"{column_list(source, local_cols)} -> {column_list(referent, remote_cols)}"


def function_call(function: str, *arguments: str) -> str:
    """The query that calls one of the functions."""
    listed = ",\n    ".join(arguments)
    return f"SELECT * FROM pg_temp.{function}(\n    {listed})"


def _array(values: Sequence[str] | None) -> str:
    return "NULL" if values is None else quote_text_array(tuple(values))


def _advice(cleaning: Cleaning) -> str:
    """The operation that would settle the orphans, to be pasted into the revision."""
    schemas = [
        f"{name}={table.schema!r}"
        for name, table in (("source_schema", cleaning.source), ("referent_schema", cleaning.referent))
        if table.schema
    ]
    more = [
        *([f"match={cleaning.match!r}"] if cleaning.match else []),
        *([f"to_cols={list(cleaning.to_cols)!r}"] if cleaning.to_cols else []),
        *([] if cleaning.trust_valid_keys else ["trust_valid_keys=False"]),
        *(
            []
            if cleaning.quarantine_schema == QUARANTINE_SCHEMA
            else [f"quarantine_schema={cleaning.quarantine_schema!r}"]
        ),
        *(["if_exists=True"] if cleaning.if_exists else []),
        *(["concurrently=True"] if cleaning.locking.concurrently else []),
    ]
    arguments = [
        repr(cleaning.source.name),
        repr(cleaning.referent.name),
        repr(list(cleaning.local_cols)),
        repr(list(cleaning.remote_cols)),
        "strategy='quarantine'",
        "revision=revision",
        *schemas,
        *more,
    ]
    return f"op.clean_orphans({', '.join(arguments)})"
