"""Everything the package refuses, as one tree that Alembic prints without a traceback."""

from __future__ import annotations

from inspect import cleandoc

from alembic.util import CommandError


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

    def __init__(self, table: str, constraint: str, key: str, problem: str) -> None:
        self.table = table
        self.constraint = constraint
        self.problem = problem
        super().__init__(
            f"PostgreSQL refuses the foreign key {constraint!r} ({key}) of {table}: {problem}. Nothing was changed. "
            f"Correct the revision, or what it finds in the database."
        )


class LockNotAcquired(CascadeError):  # noqa: N818 - the name is part of the public contract
    """Another session holds what the operation has to lock, or waits for it in turn."""

    def __init__(self, table: str, key: str, problem: str) -> None:
        self.table = table
        self.key = key
        self.problem = problem
        super().__init__(
            f"{key}: {problem}. Nothing was changed. Run the migration again, at a time when fewer sessions write to "
            f"{table} and the table that it refers to."
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


class ReferencesNotTranslatable(CascadeError):  # noqa: N818 - the name is part of the public contract
    """The values of a foreign key can't be translated to the parent's other key."""

    def __init__(self, table: str, key: str, problem: str, instead: str) -> None:
        self.table = table
        self.key = key
        super().__init__(f"The references {key} can't be translated: {problem}. {instead}")
