"""What the steps of concurrent operations run: calls of functions that live in the session."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import beside_name, clipped_name
from alembic_cascade.orphans.statements import Cleaning, Orphans, clean_arguments, function_call, restore_arguments
from alembic_cascade.sql.foreign_key_blocks import definition
from alembic_cascade.sql.functions import read_functions
from alembic_cascade.sql.quoting import quote_literal, quote_table, quote_text_array

# Of one meaning each, in the order in which they need each other.
FILES = ("waiting", "keys", "partitions", "batches", "translation", "indexes")

# Autovacuum makes way only for who waits longer than deadlock_timeout:
# https://www.postgresql.org/docs/current/explicit-locking.html
AUTOVACUUM_PATIENCE = "pg_temp.cascade_milliseconds('deadlock_timeout') + 1000"

FORGET_RUNS = "SELECT pg_temp.cascade_forget_runs()"

# How often a lock is tried for: half a minute, with the pauses in between.
TRIES = 12


@dataclass(frozen=True)
class Step:
    """What is called until it says that nothing is left to do.

    ``tables`` are those whose locks it needs, ``waiting`` is how many milliseconds it waits for one, None for
    as long as the session says; ``pause`` is how many seconds pass before it is called again.
    """

    label: str
    statement: str
    tables: tuple[str, ...]
    waiting: int | None
    pause: float = 0

    def try_once(self, *, patient: bool) -> str:
        """The statement that tries it once; ``patient`` waits for autovacuum, where nobody waits behind it."""
        patience = AUTOVACUUM_PATIENCE if patient else "NULL"
        return (
            f"SELECT * FROM pg_temp.cascade_try({quote_literal(self.statement)}, {_number(self.waiting)}, {patience})"
        )

    def repeat(self) -> str:
        """The statement that does it to its end, in a script."""
        arguments = [
            quote_literal(self.label),
            quote_literal(self.statement),
            quote_text_array(self.tables),
            _number(self.waiting),
            str(TRIES),
            repr(self.pause),
        ]
        return f"CALL pg_temp.cascade_repeat({', '.join(arguments)})"

    def in_the_way(self) -> str:
        """The query for the sessions that hold locks on the tables."""
        return f"SELECT * FROM pg_temp.cascade_in_the_way({quote_text_array(self.tables)})"


def concurrent_function_statements() -> tuple[str, ...]:
    """The statements that make the functions, for this session only."""
    return read_functions("alembic_cascade.concurrently", FILES)


def key_statement(
    label: str, existing: ForeignKey | None, target: ForeignKey | None, *, doubled: bool, if_exists: bool
) -> str:
    """Bring a key one step nearer to ``target``; None is a key that is not there."""
    return function_call(
        "cascade_alter_key",
        quote_literal(label),
        _described(existing),
        _described(target),
        str(doubled).lower(),
        str(if_exists).lower(),
    )


def translation_statement(
    label: str, existing: ForeignKey, target: ForeignKey, batch_size: int, *, if_exists: bool
) -> str:
    """Bring a key one step nearer to another column of the same parent, and the references with it."""
    return function_call(
        "cascade_translate_batch",
        quote_literal(label),
        _described(existing),
        _described(target),
        str(batch_size),
        str(if_exists).lower(),
    )


def batch_statement(cleaning: Cleaning, version_table_schema: str | None, batch_size: int, *, check_only: bool) -> str:
    """Settle the next batch of orphans, or only look for what would refuse it."""
    arguments = clean_arguments(cleaning, version_table_schema)
    return function_call("cascade_clean_batch", *arguments, str(batch_size), str(check_only).lower())


def restore_batch_statement(orphans: Orphans, version_table_schema: str | None) -> str:
    """Put back what one settling took."""
    return function_call("cascade_restore_batch", *restore_arguments(orphans, version_table_schema))


def index_statements(index_name: str, source: TableName, local_cols: tuple[str, ...], *, plainly: bool) -> str:
    """The query for the statements that build an index."""
    return function_call(
        "cascade_index_statements",
        quote_literal(clipped_name(index_name)),
        quote_literal(quote_table(*source)),
        quote_text_array(local_cols),
        str(plainly).lower(),
    )


def index_drop_statements(source: TableName, local_cols: tuple[str, ...], revision: str, *, plainly: bool) -> str:
    """The query for the statements that drop what a revision built."""
    return function_call(
        "cascade_index_drop_statements",
        quote_literal(quote_table(*source)),
        quote_text_array(local_cols),
        quote_literal(revision),
        str(plainly).lower(),
    )


def before_build(source: TableName) -> str:
    """The query for the sessions that the build of an index waits for, in words."""
    return f"SELECT * FROM pg_temp.cascade_before_build({quote_text_array((quote_table(*source),))})"


def drop_partitioned_index(source: TableName, revision: str) -> str:
    """Drop what a revision built on a partitioned table."""
    return function_call("cascade_drop_partitioned_index", quote_literal(quote_table(*source)), quote_literal(revision))


def finish_index_statement(
    label: str, index_name: str, source: TableName, local_cols: tuple[str, ...], revision: str, *, if_exists: bool
) -> str:
    """Give an index that was built its name."""
    return function_call(
        "cascade_finish_index",
        quote_literal(label),
        quote_literal(clipped_name(index_name)),
        quote_literal(quote_table(*source)),
        quote_text_array(local_cols),
        quote_literal(revision),
        str(if_exists).lower(),
    )


# Building an index waits for every transaction that is older, and locks nobody out while it waits: a lock_timeout made
# for short steps would never let it end. It is the session's: CREATE INDEX CONCURRENTLY allows no transaction.
LONGEST_BUILD_WAIT = 60_000


def patient(milliseconds: int | None) -> str:
    """Wait that long for a lock while an index is built; None is a minute."""
    return (
        "SELECT pg_catalog.set_config('alembic_cascade.lock_timeout',\n"
        "    pg_catalog.current_setting('lock_timeout'), false),\n"
        f"    pg_catalog.set_config('lock_timeout', '{milliseconds or LONGEST_BUILD_WAIT}', false)"
    )


END_OF_PATIENCE = (
    "SELECT pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('alembic_cascade.lock_timeout'), false)"
)


def _described(key: ForeignKey | None) -> str:
    """A key as the functions on the server read it, with PostgreSQL's letters for actions."""
    if key is None:
        return "NULL"
    bare = replace(key, validated=True, enforced=True)
    described = {
        "name": clipped_name(key.name or ""),
        "beside": beside_name(key),
        "source": quote_table(*key.source),
        "referent": quote_table(*key.referent),
        "local": list(key.local_columns),
        "remote": list(key.remote_columns),
        "ondelete": ACTION_LETTERS[key.ondelete.rule],
        "cleared": list(key.ondelete.columns),
        "onupdate": ACTION_LETTERS[key.onupdate.rule],
        "match": "f" if key.match == "FULL" else "s",
        "deferrable": key.deferrable,
        "deferred": key.deferred,
        "enforced": key.enforced,
        "valid": key.validated and key.enforced,
        "definition": definition(bare),
        "comment": key.comment,
    }
    return f"{quote_literal(json.dumps(described))}::jsonb"


ACTION_LETTERS = {"NO ACTION": "a", "RESTRICT": "r", "CASCADE": "c", "SET NULL": "n", "SET DEFAULT": "d"}


def _number(value: int | None) -> str:
    return "NULL" if value is None else str(value)
