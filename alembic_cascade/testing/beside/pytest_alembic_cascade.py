"""What pytest loads in every run where alembic_cascade is installed: options and fixtures, and nothing behind them.

It stands beside the package and not in it, for that one imports Alembic first, and Alembic SQLAlchemy and all of its
own plugins: a run that asks for none of this must not wait for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from alembic_cascade.testing import AssertCascades, CascadeDatabase, MakeRow


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and what can stand in pytest's configuration instead."""
    group = parser.getgroup("alembic-cascade", "foreign keys, relationships and migrations (alembic_cascade)")
    group.addoption(
        "--alembic-cascade",
        action="store_true",
        help="add a test for each foreign key, each relationship and each revision, and for the models as a whole",
    )
    group.addoption(
        "--alembic-cascade-config",
        metavar="FILE",
        help="Alembic's configuration; by default alembic.ini in the root directory",
    )
    group.addoption("--alembic-cascade-name", metavar="NAME", help="the section of it, as -n of Alembic")
    group.addoption(
        "--alembic-cascade-x",
        metavar="ARG",
        action="append",
        default=[],
        help="an argument for env.py, as -x of Alembic; may be given several times",
    )
    group.addoption(
        "--alembic-cascade-url",
        metavar="URL",
        help="a database of the server on which scratch databases are made, itself only read; "
        "by default an embedded server is started",
    )
    parser.addini("alembic_cascade_config", "as --alembic-cascade-config, relative to the file that says it")
    parser.addini("alembic_cascade_url", "as --alembic-cascade-url")
    parser.addini(
        "alembic_cascade_irreversible", "revisions whose downgrade is not meant to give all rows back", type="args"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the tests, where they are asked for."""
    if config.getoption("alembic_cascade"):
        from alembic_cascade.testing import plugin  # noqa: PLC0415 - not before it is asked for

        config.pluginmanager.register(plugin, "alembic_cascade.testing.plugin")


@pytest.fixture
def cascade_database(request: pytest.FixtureRequest) -> Iterator[CascadeDatabase]:
    """A database that the project's own revisions have made, with ``connection`` and ``session``.

    All that a test does with them is rolled back, what it commits as well.
    """
    from alembic_cascade.testing.laboratory import database_for  # noqa: PLC0415 - not before it is asked for

    with database_for(request.config) as database:
        yield database


@pytest.fixture
def make_row(cascade_database: CascadeDatabase) -> MakeRow:
    """``make_row(Model, **values)``: a new row, with all that it refers to, as an object of the session."""
    from alembic_cascade.testing.making import MakeRow  # noqa: PLC0415 - not before it is asked for

    return MakeRow(cascade_database)


@pytest.fixture
def assert_cascades(cascade_database: CascadeDatabase) -> AssertCascades:
    """``assert_cascades(parent, gone=[...], nulled=[...])``: delete the parent, and look what becomes of others."""
    from alembic_cascade.testing.asserting import AssertCascades  # noqa: PLC0415 - not before it is asked for

    return AssertCascades(cascade_database)
