"""What all tests of one run of pytest share: the server, the models, a database migrated to head; made when needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.util import to_tuple
from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, create_engine, event, make_url
from sqlalchemy.orm import Session

from alembic_cascade.environment import Site
from alembic_cascade.errors import CascadeError
from alembic_cascade.proof import Claim, Prover, claims
from alembic_cascade.rehearsal.diversion import diverted
from alembic_cascade.rehearsal.environments import Plan, planned, postgresql, steps_of
from alembic_cascade.rehearsal.running import in_words
from alembic_cascade.signals import interrupted_by_kills
from alembic_cascade.sql.quoting import verbatim
from alembic_cascade.testing.asked import Asked, asked
from alembic_cascade.testing.database import CascadeDatabase
from alembic_cascade.testing.environment import ProjectEnvironment
from alembic_cascade.testing.servers import Named, Server, started_server
from alembic_cascade.testing.words import of_error

HEADS = "heads"
# How a worker of xdist is told of the server that was started for all of them.
SERVER_OF_ALL = "alembic_cascade_server"

_SESSION = "SELECT pg_catalog.current_setting('search_path'), pg_catalog.current_setting('role')"


@dataclass(frozen=True)
class Known:
    """What there is to test: promises of the models; revisions, the first one first, with those they build upon."""

    claims: tuple[Claim, ...]
    parents: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Head:
    """A database that the project's revisions have made; connections to it are as those of env.py are."""

    url: URL
    engine: Engine
    plan: Plan

    @property
    def metadatas(self) -> tuple[MetaData, ...]:
        return self.plan.metadatas

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of which nothing stays."""
        with self.engine.connect() as connection:
            yield connection.execution_options(schema_translate_map=dict(self.plan.translated) or None)


class Laboratory:
    """Made for one run of pytest, in one process."""

    def __init__(self, wanted: Asked, server_of_all: str | None) -> None:
        self.asked = wanted
        self.environment = ProjectEnvironment(wanted.settings, wanted.directory)
        self._server_of_all = server_of_all
        self._open = ExitStack()
        self._open.enter_context(interrupted_by_kills())
        self._failures: dict[str, Exception] = {}

    def close(self) -> None:
        """Drop the databases, and stop the server."""
        self._open.close()

    @cached_property
    def server(self) -> Server:
        """The server that was named, that was started for all workers, or that is started now.

        Errors: :exc:`.CascadeError`.
        """
        if self.asked.url is not None:
            return Server(self.asked.url)
        if self._server_of_all is not None:
            return Server(make_url(self._server_of_all))
        return self._open.enter_context(started_server())

    @cached_property
    def known(self) -> Known:
        """What there is to test; without a database, unless env.py can't be run without one.

        Errors: :exc:`.CascadeError`.
        """
        try:
            return self.environment.visit_offline(_known)
        except CascadeError:
            # It may connect in any case, or know its models only then.
            with self.led_to(self.head.url):
                return self.environment.visit(_known)

    @cached_property
    def head(self) -> Head:
        """The database at head.

        Errors: :exc:`.CascadeError`, what a revision raises; the same each time.
        """
        if "head" not in self._failures:
            try:
                return self._made_head()
            except Exception as error:  # noqa: BLE001 - raised below, and again for each test that needs it
                self._failures["head"] = error
        raise self._failures["head"]

    def _made_head(self) -> Head:
        url = self._open.enter_context(self.server.database())
        plan = self.migrate(url, HEADS)
        with self.led_to(url):
            search_path, role = self.environment.look(
                lambda context, _script: postgresql(context).execute(verbatim(_SESSION)).one()
            )
        engine = create_engine(Named.by(url).url, poolclass=NullPool)
        event.listen(engine, "connect", lambda connection, _entry: _be_like(connection, search_path, role))
        return Head(url, engine, plan)

    def migrate(self, url: URL, *targets: str) -> Plan:
        """Upgrade a database to these revisions, and return what the last of them took.

        Errors: :exc:`.CascadeError`, what a revision raises.
        """
        with self.led_to(url):
            return [self._migrate(target) for target in targets][-1]

    def _migrate(self, target: str) -> Plan:
        plan = self.environment.look(lambda context, script: planned(context, script, target))

        def steps(_context: MigrationContext, script: ScriptDirectory) -> Iterator[RevisionStep]:
            return steps_of(script, plan.revisions, _told, is_upgrade=True)

        self.environment.migrate(steps)
        return plan

    @contextmanager
    def led_to(self, url: URL) -> Iterator[None]:
        """Let env.py connect to that database and to no other one."""
        address = Named.by(url)
        with diverted(address, address.identity()):
            yield

    @cached_property
    def prover(self) -> Prover:
        """What proves promises on the database at head, whose catalogue it reads once."""
        connection = self._open.enter_context(self.head.connection())
        return Prover(connection, self.head.metadatas, config=self.head.plan.config)

    @contextmanager
    def database(self) -> Iterator[CascadeDatabase]:
        """The database at head, for a test of which nothing stays."""
        with self.head.connection() as connection, connection.begin() as transaction:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                yield CascadeDatabase(connection, session, self.head.metadatas)
            transaction.rollback()


def _told(step: RevisionStep, path: str) -> None:
    """Let a step that fails say which one it was, and where in its file."""
    run = step.migration_fn

    def told(**arguments: object) -> None:
        try:
            run(**arguments)
        except Exception as error:
            lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
            place = f"{Path(path).name}:{lines[-1]}: " if lines else ""
            raise CascadeError(
                f"There is no database to test, for the upgrade to {step.revision.revision} fails: {place}"
                f"{in_words(error)}. Correct the revision, or what it finds."
            ) from error

    step.migration_fn = told


def _known(site: Site) -> Known:
    parents = {one.revision: _parents(site.script, one) for one in reversed(site.scripts)}
    return Known(claims(site.given_metadatas), parents)


def _parents(scripts: ScriptDirectory, script: Script) -> tuple[str, ...]:
    """The revisions that one follows and depends on; a dependency may be told by a label."""
    before = [*to_tuple(script.down_revision, ()), *to_tuple(script.dependencies, ())]
    found = [one.revision for name in before for one in scripts.get_revisions(name)]
    return tuple(dict.fromkeys(found))


def _be_like(connection: Any, search_path: str, role: str) -> None:
    """Let names mean on a connection what they mean on those of env.py."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT pg_catalog.set_config('search_path', %s, false), pg_catalog.set_config('role', %s, false)",
        (search_path, role),
    )
    cursor.close()
    connection.commit()


_LABORATORY = pytest.StashKey[Laboratory]()


def laboratory(config: pytest.Config) -> Laboratory:
    """The laboratory of this run.

    Errors: :exc:`pytest.UsageError` as of :func:`.asked`.
    """
    if _LABORATORY not in config.stash:
        given = getattr(config, "workerinput", {}).get(SERVER_OF_ALL)
        made = Laboratory(asked(config), given)
        config.add_cleanup(made.close)
        config.stash[_LABORATORY] = made
    return config.stash[_LABORATORY]


@contextmanager
def database_for(config: pytest.Config) -> Iterator[CascadeDatabase]:
    """The database at head, for a test that somebody has written.

    Fails the test, in words, where there is none.
    """
    said: str | None = None
    try:
        made = laboratory(config)
        _ = made.head
    except Exception as error:
        said = of_error(error)
        if said is None:
            raise
    if said is not None:
        pytest.fail(said, pytrace=False)
    with made.database() as database:
        yield database
