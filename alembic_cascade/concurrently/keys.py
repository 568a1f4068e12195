"""Changes of foreign keys while other sessions go on."""

from __future__ import annotations

from alembic.operations import AbstractOperations

from alembic_cascade.concurrently.statements import Step, key_statement, translation_statement
from alembic_cascade.concurrently.steps import run_step
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.locking import Locking, Pace
from alembic_cascade.sql.quoting import quote_table


def alter_key(
    operations: AbstractOperations,
    label: str,
    existing: ForeignKey | None,
    target: ForeignKey | None,
    *,
    doubled: bool = False,
    if_exists: bool,
    locking: Locking,
) -> list[str]:
    """Make ``existing`` into ``target``, None being a key that is not there; returns what was done, in words.

    One that is ``doubled`` goes by its name alone.
    """
    statement = key_statement(label, existing, target, doubled=doubled, if_exists=if_exists)
    return run_step(operations, Step(label, statement, _tables(existing, target), locking.waiting))


def translate_key(
    operations: AbstractOperations,
    label: str,
    existing: ForeignKey,
    target: ForeignKey,
    *,
    if_exists: bool,
    locking: Locking,
    pace: Pace,
) -> list[str]:
    """Exchange the keys and translate the references; returns what was done, in words."""
    statement = translation_statement(label, existing, target, pace.batch_size, if_exists=if_exists)
    return run_step(operations, Step(label, statement, _tables(existing, target), locking.waiting, pace.batch_pause))


def _tables(*keys: ForeignKey | None) -> tuple[str, ...]:
    """The tables of keys, quoted, the child first."""
    present = [key for key in keys if key is not None]
    tables = [key.source for key in present] + [key.referent for key in present]
    return tuple(dict.fromkeys(quote_table(*table) for table in tables))
