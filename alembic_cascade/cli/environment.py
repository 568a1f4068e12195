"""The database that a project's env.py connects to, reached in the way of Alembic's own commands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from alembic.config import CommandLine, Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Text, cast, func, select

from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.sql.quoting import quote_literal, verbatim

Result = TypeVar("Result")


@dataclass
class Settings:
    """Alembic's options: the configuration's files, its section, and arguments for env.py."""

    config: tuple[str, ...] = ()
    name: str | None = None
    x: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """The options as Alembic's command line takes them."""
        named = [] if self.name is None else [f"--name={self.name}"]
        return [*(f"--config={file}" for file in self.config), *named, *(f"-x{argument}" for argument in self.x)]


@dataclass(frozen=True)
class Site:
    """A database of the project, in the transaction of its env.py; ``number`` counts those that env.py runs for."""

    number: int
    connection: Connection
    script: ScriptDirectory

    @cached_property
    def revisions(self) -> frozenset[str]:
        """Every revision that the project's scripts have.

        Errors: :exc:`.CommandError` where they can't be read.
        """
        try:
            return frozenset(script.revision for script in self.script.walk_revisions())
        except KeyError as error:
            # What Alembic raises where a down_revision is none of them.
            raise CascadeError(f"The project's revisions lack {error}, which one of them names.") from error


def visit(settings: Settings, work: Callable[[Site], Result]) -> list[Result]:
    """Run the project's env.py, do the work where it would run migrations, and return its result for each database.

    Where the work raises, what it did is rolled back.
    Errors: :exc:`.CascadeError` where env.py fails or runs no migrations, :exc:`.UnsupportedDialect`.
    """
    results: list[Result] = []
    failures: list[Exception] = []

    def cascade(config: Config) -> None:
        """What is run in place of one of Alembic's commands."""
        _check_files(config)
        script = ScriptDirectory.from_config(config)

        def run(_revision: object, context: MigrationContext) -> Iterable[Any]:
            try:
                results.append(_done(_site(len(results), context, script), work, context))
            except Exception as error:
                failures.append(error)
                raise
            return ()

        with EnvironmentContext(config, script, fn=run, dont_mutate=True):
            script.run_env()

    command_line = CommandLine(prog="alembic-cascade")
    command_line.register_command(cascade)
    said = logging.getLogger("alembic.runtime.migration")
    said.addFilter(_is_news)
    try:
        command_line.main([*settings.arguments, "--raiseerr", cascade.__name__])
    except CommandError:
        raise
    except Exception as error:
        if any(error is failure for failure in failures):
            raise
        raise CascadeError(f"env.py could not be run: {_in_one_line(error)}") from error
    finally:
        said.removeFilter(_is_news)
    if not results:
        raise CascadeError("env.py ran, but its context.run_migrations() did not: there is no database to look at.")
    return results


def change(settings: Settings, work: Callable[[Site], Result]) -> list[Result]:
    """Do work that changes something, and make sure that env.py commits it.

    Errors: those of :func:`visit`, and :exc:`.CascadeError` where it does not.
    """

    def noted(site: Site) -> tuple[Result, str | None]:
        result = work(site)
        return result, site.connection.scalar(select(cast(func.pg_current_xact_id_if_assigned(), Text)))

    done = visit(settings, noted)

    def is_lost(site: Site) -> bool:
        _, transaction = done[site.number]
        # https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
        status = verbatim(f"SELECT pg_xact_status(CAST({quote_literal(transaction or '')} AS xid8))")
        return transaction is not None and site.connection.scalar(status) == "aborted"

    if any(visit(settings, is_lost)):
        raise CascadeError(
            "Nothing was changed, for env.py did not commit it. If it runs SQL before context.configure(), let it call "
            "connection.commit() after that."
        )
    return [result for result, _ in done]


def _check_files(config: Config) -> None:
    """Refuse a configuration that is not there, of which Alembic says only what is missing in it."""
    if config.get_alembic_option("script_location") is None and not Path(str(config.config_file_name)).exists():
        raise CascadeError(f"There is no {config.config_file_name} here. Name the configuration by -c.")


def _site(number: int, context: MigrationContext, script: ScriptDirectory) -> Site:
    if context.dialect.name != "postgresql":
        raise UnsupportedDialect(context.dialect.name, "The quarantine", "It is kept by PostgreSQL alone.")
    assert context.connection is not None
    # The quarantine's names are those of the database.
    return Site(number, context.connection.execution_options(schema_translate_map=None), script)


def _done(site: Site, work: Callable[[Site], Result], context: MigrationContext) -> Result:
    result = work(site)
    if context.opts["transaction_per_migration"]:
        # Alembic leaves it to each migration to commit, and there is none.
        site.connection.commit()
    return result


def _is_news(record: logging.LogRecord) -> bool:
    # Not that env.py has connected; a filter outlasts the fileConfig of env.py.
    return record.levelno >= logging.WARNING


def _in_one_line(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip() or "it says nothing more"
    return f"{type(error).__name__}: {' '.join(said.split())}"
