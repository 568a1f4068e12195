"""How a project's env.py is run for a rehearsal, and what it says of the project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import MultipleHeads, RevisionError
from sqlalchemy import Connection, MetaData, Text, cast, func, select

from alembic_cascade.config import CascadeConfig, config_of
from alembic_cascade.environment import scripts_of
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.rehearsal.states import current_schema

Result = TypeVar("Result")


class Environment(Protocol):
    """Runs env.py."""

    def look(self, work: Callable[[MigrationContext, ScriptDirectory], Result]) -> Result:
        """Do work where env.py would run migrations, and run none."""

    def migrate(self, steps: Callable[[MigrationContext, ScriptDirectory], Iterable[RevisionStep]]) -> None:
        """Run these steps in place of those of ``alembic upgrade``."""


@dataclass(frozen=True)
class Plan:
    """The revisions to rehearse, the first one first, the ``heads`` before them, and what the project says."""

    database: str
    revisions: tuple[str, ...]
    heads: tuple[str, ...]
    version_table: TableName
    default_schema: str
    translated: Mapping[str | None, str | None]
    metadatas: tuple[MetaData, ...]
    config: CascadeConfig
    is_head: bool


def postgresql(context: MigrationContext) -> Connection:
    """The connection of env.py, in which names are those of the database.

    Errors: :exc:`.UnsupportedDialect`.
    """
    if context.dialect.name != "postgresql" or context.connection is None:
        instead = "Only PostgreSQL takes back what a migration does to a schema, and copies a database."
        raise UnsupportedDialect(context.dialect.name, "A rehearsal", instead)
    return context.connection


def planned(context: MigrationContext, script: ScriptDirectory, revision: str) -> Plan:
    """What an upgrade to that revision would run.

    Errors: :exc:`.CommandError` where there is no such revision, or no way to it, or revisions can't be read.
    """
    connection = postgresql(context)
    scripts_of(script)
    heads = context.get_current_heads()
    try:
        scripts = tuple(script.iterate_revisions(revision, heads, implicit_base=True))
    except MultipleHeads as error:
        heads_of_all = ", ".join(sorted(error.heads))
        raise CascadeError(
            f"There is no single {revision}: the revisions end in {heads_of_all}. Name heads for all of them, "
            "or one; or merge them."
        ) from error
    except RevisionError as error:
        raise CascadeError(f"There is no upgrade to {revision}: {error}") from error
    revisions = tuple(each.revision for each in reversed(scripts))
    default_schema = current_schema(connection)
    reached = {each for each in script.get_heads() if each in {*revisions, *heads}}
    return Plan(
        str(connection.scalar(select(cast(func.current_database(), Text)))),
        revisions,
        heads,
        TableName(context.version_table_schema or default_schema, context.version_table),
        default_schema,
        connection.get_execution_options().get("schema_translate_map") or {},
        _metadatas(context.opts),
        config_of(context.opts),
        is_head=reached == set(script.get_heads()),
    )


def _metadatas(options: Mapping[str, Any]) -> tuple[MetaData, ...]:
    given = options.get("target_metadata")
    return tuple(given) if isinstance(given, list | tuple) else () if given is None else (given,)


def steps_of(
    script: ScriptDirectory,
    revisions: Iterable[str],
    watched: Callable[[RevisionStep, str], None],
    *,
    is_upgrade: bool,
) -> Iterator[RevisionStep]:
    """The steps of these revisions, in that order, each handed over to be watched."""
    for number in revisions:
        revision = script.get_revision(number)
        step = RevisionStep(script.revision_map, revision, is_upgrade)
        watched(step, revision.path)
        yield step
