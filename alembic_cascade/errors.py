"""Everything the package refuses, as one tree that Alembic prints without a traceback."""

from __future__ import annotations

from inspect import cleandoc

from alembic.util import CommandError

# What an error leaves behind: in one transaction nothing, step by step what the steps before did.
NOTHING_CHANGED = "Nothing was changed."
STEPS_STAY = "What was done before stays, and the migration goes on from there when it is run again."


class CascadeError(CommandError):
    """alembic_cascade could not go on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or cleandoc(type(self).__doc__ or ""))


class ConfigError(CascadeError):
    """A setting of alembic_cascade has a value that it can't take."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        super().__init__(f"{field}: {problem}")


class UnsupportedDialect(CascadeError):  # noqa: N818 - the name is part of the public contract
    """The database can't do what the operation asks for."""

    def __init__(self, dialect: str, operation: str, instead: str) -> None:
        self.dialect = dialect
        self.operation = operation
        super().__init__(f"{operation} can't be done on {dialect}. {instead}")


class TableNotFound(CascadeError):  # noqa: N818 - the name is part of the public contract
    """An operation names a table that the database lacks."""

    def __init__(self, table: str, operation: str) -> None:
        self.table = table
        super().__init__(
            f"{operation}: the table {table} does not exist. Where it is absent on purpose, write "
            f"if_exists=True into the operation, or list the table in CascadeConfig(optional_tables=...)."
        )


class ForeignKeyNotFound(CascadeError):  # noqa: N818 - the name is part of the public contract
    """An operation names a foreign key that the database lacks, under any name."""

    def __init__(self, table: str, constraint: str, key: str, present: tuple[str, ...]) -> None:
        self.table = table
        self.constraint = constraint
        self.present = present
        found = f"Its foreign keys are: {', '.join(present)}." if present else "It has no foreign key."
        super().__init__(
            f"{table} has no foreign key {constraint!r}, nor another one for {key}. {found} "
            f"Correct the revision, or bring the database to the state that it expects."
        )


class ForeignKeyRefused(CascadeError):  # noqa: N818 - the name is part of the public contract
    """The database refuses a foreign key: a column is unknown, a name is taken, a right is missing."""

    def __init__(self, table: str, constraint: str, key: str, problem: str, *, kept: str = NOTHING_CHANGED) -> None:
        self.table = table
        self.constraint = constraint
        self.problem = problem
        super().__init__(
            f"PostgreSQL refuses the foreign key {constraint!r} ({key}) of {table}: {problem}. {kept} "
            f"Correct the revision, or what it finds in the database."
        )


class LockNotAcquired(CascadeError):  # noqa: N818 - the name is part of the public contract
    """Another session holds what the operation has to lock, or waits for it in turn."""

    def __init__(self, table: str, key: str, problem: str, advice: str | None = None) -> None:
        self.table = table
        self.key = key
        self.problem = problem
        otherwise = (
            f"{NOTHING_CHANGED} Run the migration again, at a time when fewer sessions write to {table} and the "
            f"table that it refers to."
        )
        super().__init__(f"{key}: {problem}. {advice or otherwise}")


class AutocommitRequired(CascadeError):  # noqa: N818 - the name is part of the public contract
    """An operation that is to run concurrently stands in a transaction, which would hold its locks to the end."""

    def __init__(self, operation: str, problem: str) -> None:
        self.operation = operation
        super().__init__(
            f"{operation}: {problem}. Nothing was changed. Where the transaction is meant, as in a test, "
            f"set config.attributes['cascade_plainly'] = True on the Alembic Config: the revision then runs in it."
        )


class SessionLost(CascadeError):  # noqa: N818 - the name is part of the public contract
    """One statement found what another had made in its session gone: a pooler gave it another session."""

    def __init__(self) -> None:
        super().__init__(
            f"A statement went to another session than the one before. A pooler such as PgBouncer hands each "
            f"transaction to another one; connect to the database itself, or let the pool keep sessions. {STEPS_STAY}"
        )


class StatementCanceled(CascadeError):  # noqa: N818 - the name is part of the public contract
    """A step was stopped by statement_timeout, or by somebody."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(
            f"{key}: {problem}. {STEPS_STAY} Where a statement_timeout is too short for looking at all rows once, give "
            f"the migration a longer one."
        )


class MigratedMeanwhile(CascadeError):  # noqa: N818 - the name is part of the public contract
    """Another migration has brought the database to another revision, while this one waited for it."""

    def __init__(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        self.before = before
        self.after = after
        was, now = (", ".join(heads) or "the base" for heads in (before, after))
        super().__init__(
            f"Another migration has brought the database from {was} to {now} meanwhile. There was nothing left to do "
            f"here; run the command again to go on from there."
        )


class OrphansRemain(CascadeError):  # noqa: N818 - the name is part of the public contract
    """Rows refer to a parent that does not exist, or would, so the foreign key can't be made.

    ``count`` and up to five ``samples`` of the values that refer to nothing, where they are known.
    """

    def __init__(
        self,
        table: str,
        key: str,
        problem: str,
        advice: str,
        *,
        constraint: str | None = None,
        count: int | None = None,
        samples: tuple[str, ...] = (),
    ) -> None:
        self.table = table
        self.key = key
        self.constraint = constraint
        self.count = count
        self.samples = samples
        super().__init__(f"{problem}. {advice}")


class _OrphansError(CascadeError):
    """What is to be done with the orphans of a key can't be done."""

    opening = "{problem}. {advice}"

    def __init__(self, table: str, key: str, problem: str, advice: str) -> None:
        self.table = table
        self.key = key
        self.problem = problem
        super().__init__(self.opening.format(key=key, problem=problem, advice=advice))


class TooManyOrphans(_OrphansError):  # noqa: N818 - the name is part of the public contract
    """More rows have no parent than is likely to be meant."""


class OrphansNotSettled(_OrphansError):  # noqa: N818 - the name is part of the public contract
    """Rows without a parent can't be settled in the way that the revision says."""

    opening = "The orphans of {key} can't be settled: {problem}. {advice}"


class OrphansNotRestored(_OrphansError):  # noqa: N818 - the name is part of the public contract
    """What was set aside can't be put back."""

    opening = "What was set aside for {key} can't be put back: {problem}. {advice}"


class LifecycleRefused(CascadeError):  # noqa: N818 - the name is part of the public contract
    """A lifecycle column can't be filled or kept in the way that the revision says."""

    def __init__(self, table: str, column: str, problem: str, instead: str) -> None:
        self.table = table
        self.column = column
        self.problem = problem
        super().__init__(f"{column}: {problem}. {instead}")


class ReferencesNotTranslatable(CascadeError):  # noqa: N818 - the name is part of the public contract
    """The values of a foreign key can't be translated to the parent's other key."""

    def __init__(self, table: str, key: str, problem: str, instead: str) -> None:
        self.table = table
        self.key = key
        super().__init__(f"The references {key} can't be translated: {problem}. {instead}")


class RehearsalRefused(CascadeError):  # noqa: N818 - the name is part of the public contract
    """Migrations can't be rehearsed here, or not in this way."""

    def __init__(self, problem: str, instead: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}. {instead}")
