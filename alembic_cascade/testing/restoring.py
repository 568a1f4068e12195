"""One revision upgraded and taken back in a database with rows: whether all is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeVar

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import column, sqlstate
from alembic_cascade.dbapi_errors import table as table_of
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.rehearsal.environments import Environment, planned
from alembic_cascade.rehearsal.judging import Limits, reasons
from alembic_cascade.rehearsal.observed import Observed
from alembic_cascade.rehearsal.on_copy import observed_on
from alembic_cascade.rehearsal.outcome import Reason
from alembic_cascade.sql.quoting import quote_identifier, quote_table
from alembic_cascade.testing.laboratory import Laboratory
from alembic_cascade.testing.rows import Filled, Filling, fill
from alembic_cascade.testing.servers import Named
from alembic_cascade.testing.stages import Stages

Result = TypeVar("Result")

NOT_NULL_VIOLATION = "23502"
# How long locks are held, and what is written anew, is no matter of tests.
NO_LIMITS = Limits(max_lock=inf, big_table=2**63)


@dataclass(frozen=True)
class Restoration:
    """What speaks against it, and what is to be known of how it was tried."""

    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]


def restoration(laboratory: Laboratory, stages: Stages, revision: str) -> Restoration:
    """Upgrade to the revision from just before it, with rows in all tables, and take it back.

    Rows that are made up may be such as the upgrade rightly refuses, as two of the same value where it makes a column
    unique. So a refusal is tried again with fewer of them, and counts if it remains without any. It counts at once
    where any row would be refused: a new column without a value for those that are there.
    Errors: :exc:`.CascadeError`, what an earlier revision raises.
    """
    filling, notes = Filling(), list[str]()
    while True:
        tried = _try(laboratory, stages, revision, filling)
        fewer = _fewer(tried, filling)
        if fewer is None:
            against = tuple(reason for reason in reasons(tried.seen, NO_LIMITS) if not reason.is_note)
            return Restoration(against, (*notes, *(f"no rows in {why}" for why in tried.filled.empty)))
        notes.extend(_in_words(filling, fewer, tried.problem))
        filling = fewer


def _in_words(filling: Filling, fewer: Filling, problem: str) -> Iterator[str]:
    refuses = f"the upgrade refuses what was made up: {problem}"
    if filling.whole and not fewer.whole:
        yield f"NULL wherever it may be: {refuses}"
    if fewer.left_out != filling.left_out:
        yield f"no rows in {', '.join(sorted(map(str, fewer.left_out - filling.left_out)))}: {refuses}"


@dataclass(frozen=True)
class _Tried:
    seen: Observed
    filled: Filled
    tables: frozenset[TableName]
    error: Exception | None

    @property
    def problem(self) -> str:
        failure = self.seen.phases[0].failure
        return "" if failure is None else failure.problem


def _try(laboratory: Laboratory, stages: Stages, revision: str, filling: Filling) -> _Tried:
    with stages.before(revision) as url:
        with laboratory.led_to(url):
            plan = laboratory.environment.look(lambda context, script: planned(context, script, revision))
        engine = create_engine(Named.by(url).url, poolclass=NullPool)
        with engine.connect() as connection:
            filled = fill(connection, plan.metadatas, plan.version_table, filling)
        noting = _Noting(laboratory.environment)
        seen = observed_on(noting, Named.by(url), revision, lambda _said: None, verify=False)
    assert seen is not None
    return _Tried(seen, filled, frozenset(table.name for table in seen.start.tables), noting.error)


def _fewer(tried: _Tried, filling: Filling) -> Filling | None:
    """With which rows it is to be tried again; None where what was seen counts."""
    error = tried.error
    if tried.seen.phases[0].failure is None or error is None or not tried.filled.rows or _is_certain(tried, error):
        return None
    if tried.filled.has_strays:
        return replace(filling, strays=False)
    if filling.whole:
        return replace(filling, whole=False)
    about = table_of(error) if isinstance(error, DBAPIError) else None
    culprit = None if about is None else TableName(*about)
    if culprit is None or culprit in filling.left_out or culprit not in tried.tables:
        return replace(filling, left_out=tried.tables)
    return replace(filling, left_out=filling.left_out | {culprit})


def _is_certain(tried: _Tried, error: Exception) -> bool:
    """Whether any row at all would be refused, by a column that was not there before."""
    if not isinstance(error, DBAPIError) or sqlstate(error) != NOT_NULL_VIOLATION:
        return False
    about = column(error)
    if about is None:
        return False
    schema, table, name = about
    return ("column", f"{quote_table(schema, table)}.{quote_identifier(name)}") not in tried.seen.start.schema


@dataclass
class _Noting:
    """Runs env.py, and keeps what ended the first run of revisions."""

    environment: Environment
    error: Exception | None = field(default=None, init=False)

    def look(self, work: Callable[[MigrationContext, ScriptDirectory], Result]) -> Result:
        return self.environment.look(work)

    def migrate(self, steps: Callable[[MigrationContext, ScriptDirectory], Iterable[RevisionStep]]) -> None:
        try:
            self.environment.migrate(steps)
        except Exception as error:
            self.error = self.error or error
            raise
