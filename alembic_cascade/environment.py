"""The database that a project's env.py connects to, reached in the way of Alembic's own commands."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from alembic.config import CommandLine, Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Text, cast, func, select

from alembic_cascade.config import CascadeConfig, config_of
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.signals import Killed
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
    """A database of the project, in the transaction of its env.py; ``number`` counts those that env.py runs for.

    Without a connection, what env.py would do with it.
    """

    number: int
    context: MigrationContext
    script: ScriptDirectory

    @cached_property
    def translated(self) -> Mapping[str | None, str | None]:
        """The schema_translate_map of env.py's connection."""
        connection = None if self.context.as_sql else self.context.connection
        told = None if connection is None else connection.get_execution_options().get("schema_translate_map")
        return told or {}

    @cached_property
    def connection(self) -> Connection | None:
        """The connection, in which names are those of the database; None where there is none."""
        # The option is taken from the connection itself, which is env.py's: it has to be read before.
        _ = self.translated
        connection = None if self.context.as_sql else self.context.connection
        return None if connection is None else connection.execution_options(schema_translate_map=None)

    @property
    def postgresql(self) -> Connection:
        """The connection to a PostgreSQL database, which alone has a quarantine.

        Errors: :exc:`.UnsupportedDialect`.
        """
        dialect = self.context.dialect.name
        if dialect != "postgresql":
            raise UnsupportedDialect(dialect, "The quarantine", "It is kept by PostgreSQL alone.")
        assert self.connection is not None
        return self.connection

    @property
    def config(self) -> CascadeConfig:
        """The settings of the plugin, the defaults where env.py does not name it."""
        return config_of(self.context.opts)

    @property
    def metadatas(self) -> tuple[MetaData, ...]:
        """The models.

        Errors: :exc:`.CascadeError` where env.py gives none.
        """
        given = self.context.opts.get("target_metadata")
        found = tuple(given) if isinstance(given, list | tuple) else (given,)
        if not found or not all(isinstance(metadata, MetaData) for metadata in found):
            raise CascadeError("env.py gives context.configure() no target_metadata: there are no models to look at.")
        return found

    @property
    def given_metadatas(self) -> tuple[MetaData, ...]:
        """The models, none where env.py gives none: a project may have nothing but revisions.

        Errors: as of :attr:`metadatas`, where what it gives is something else.
        """
        return () if self.context.opts.get("target_metadata") is None else self.metadatas

    @cached_property
    def scripts(self) -> tuple[Script, ...]:
        """The project's revisions.

        Errors: :exc:`.CommandError` where they can't be read.
        """
        return scripts_of(self.script)

    @cached_property
    def revisions(self) -> frozenset[str]:
        """Every revision that the project's scripts have.

        Errors: :exc:`.CommandError` where they can't be read.
        """
        return frozenset(script.revision for script in self.scripts)


def scripts_of(directory: ScriptDirectory) -> tuple[Script, ...]:
    """The revisions of a directory, which are imported for it.

    Errors: :exc:`.CommandError` where they can't be read, or lead round in a circle.
    """
    try:
        return tuple(directory.walk_revisions())
    except CommandError:
        raise
    except KeyError as error:
        # What Alembic raises where a down_revision is none of them.
        raise CascadeError(f"The project's revisions lack {error}, which one of them names.") from error
    except Exception as error:
        # They are imported: whatever a module raises.
        raise CascadeError(f"The project's revisions can't be read: {_in_one_line(error)}") from error


def visit(settings: Settings, work: Callable[[Site], Result], *, offline: bool = False) -> list[Result]:
    """Run the project's env.py, do the work where it would run migrations, and return its result for each database.

    Where the work raises, what it did is rolled back. ``offline`` runs it as ``--sql`` does, without a connection.
    Errors: :exc:`.CascadeError` where env.py fails or runs no migrations, :exc:`.UnsupportedDialect`.
    """
    results: list[Result] = []
    failures: list[Exception] = []

    def run(site: Site) -> Iterable[RevisionStep]:
        try:
            results.append(_done(site, work))
        except Exception as error:
            failures.append(error)
            raise
        return ()

    try:
        _run_env(settings, run, {"dont_mutate": True, "as_sql": offline})
    except CommandError:
        raise
    except Exception as error:
        if any(error is failure for failure in failures):
            raise
        raise CascadeError(f"env.py could not be run: {_in_one_line(error)}") from error
    return results


def migrate(settings: Settings, steps: Callable[[Site], Iterable[RevisionStep]]) -> None:
    """Run the project's env.py, with these steps where it would run those of ``alembic upgrade``.

    Errors: what is raised from the first step on, up to env.py's end; before that, those of :func:`visit`.
    """
    begun = False

    def run(site: Site) -> Iterable[RevisionStep]:
        nonlocal begun
        begun = True
        return steps(site)

    try:
        _run_env(settings, run, {})
    except CommandError:
        raise
    except Exception as error:
        if begun:
            raise
        raise CascadeError(f"env.py could not be run: {_in_one_line(error)}") from error


def _run_env(settings: Settings, run: Callable[[Site], Iterable[RevisionStep]], options: Mapping[str, bool]) -> None:
    """Run env.py as one of Alembic's commands does, ``run`` for each of its databases.

    Errors: what env.py raises, :exc:`.CascadeError` where it runs no migrations.
    """
    sites: list[Site] = []

    def cascade(config: Config) -> None:
        """What is run in place of one of Alembic's commands."""
        _check_files(config)
        script = ScriptDirectory.from_config(config)

        def visited(_revision: object, context: MigrationContext) -> Iterable[RevisionStep]:
            sites.append(Site(len(sites), context, script))
            return run(sites[-1])

        # An offline env.py begins a script, of which nothing is wanted.
        config.output_buffer = io.StringIO()
        with EnvironmentContext(config, script, fn=visited, **options):
            try:
                script.run_env()
            except Killed:
                raise
            except SystemExit as error:
                # Its status would be taken for that of the command.
                raise CascadeError(f"env.py could not be run: it exits with {error.code!r}.") from error

    command_line = CommandLine(prog="alembic-cascade")
    command_line.register_command(cascade)
    said = logging.getLogger("alembic.runtime.migration")
    said.addFilter(_is_news)
    try:
        command_line.main([*settings.arguments, "--raiseerr", cascade.__name__])
    finally:
        said.removeFilter(_is_news)
    if not sites:
        raise CascadeError("env.py ran, but its context.run_migrations() did not: there is no database to look at.")


def change(settings: Settings, work: Callable[[Site], Result]) -> list[Result]:
    """Do work that changes something, and make sure that env.py commits it.

    Errors: those of :func:`visit`, and :exc:`.CascadeError` where it does not.
    """

    def noted(site: Site) -> tuple[Result, str | None]:
        result = work(site)
        return result, site.postgresql.scalar(select(cast(func.pg_current_xact_id_if_assigned(), Text)))

    done = visit(settings, noted)

    def is_lost(site: Site) -> bool:
        _, transaction = done[site.number]
        # https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
        status = verbatim(f"SELECT pg_xact_status(CAST({quote_literal(transaction or '')} AS xid8))")
        return transaction is not None and site.postgresql.scalar(status) == "aborted"

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


def _done(site: Site, work: Callable[[Site], Result]) -> Result:
    result = work(site)
    if site.connection is not None and site.context.opts["transaction_per_migration"]:
        # Alembic leaves it to each migration to commit, and there is none.
        site.connection.commit()
    return result


def _is_news(record: logging.LogRecord) -> bool:
    # Not that env.py has connected; a filter outlasts the fileConfig of env.py.
    return record.levelno >= logging.WARNING


def _in_one_line(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip() or "it says nothing more"
    return f"{type(error).__name__}: {' '.join(said.split())}"
