"""Projects that are not as "alembic init" makes them: how env.py connects, and where its settings are."""

from __future__ import annotations

from trial import NOWHERE, Trial, outcomes

MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True))
Table("posts", metadata, Column("id", Integer, primary_key=True), Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True))
"""

ASYNC = """\
import asyncio

from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config

from alembic_cascade import CascadeConfig, configure_options
from models import metadata


def migrate(connection):
    context.configure(connection=connection, target_metadata=metadata, **configure_options(CascadeConfig(optional_tables=["legacy_*"])))
    with context.begin_transaction():
        context.run_migrations()


async def connect():
    engine = async_engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(url=context.config.get_main_option("sqlalchemy.url"), target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(connect())
"""

# It connects whatever it is run for, by the application's own engine, which keeps its connections.
APPLICATION = """\
from alembic import context
from sqlalchemy import text

from app import engine, metadata

schema = context.get_x_argument(as_dictionary=True)["tenant"]
assert context.config.config_ini_section == "billing"
with engine.connect() as connection:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    connection.execute(text(f"SET search_path = {schema}"))
    connection.commit()
    connection.dialect.default_schema_name = schema
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def revise(trial: Trial) -> None:
    """Write the models' tables in two revisions."""
    trial.revise(
        "tables",
        None,
        up="CREATE TABLE users (id serial PRIMARY KEY)\nCREATE TABLE posts (id serial PRIMARY KEY, user_id integer)",
        down="DROP TABLE posts, users",
    )
    trial.revise(
        "keys",
        "tables",
        up="""\
        op.clean_orphans("posts", "users", ["user_id"], ["id"], strategy="quarantine", revision=revision)
        op.create_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"], ondelete="CASCADE")
        op.create_index("ix_posts_user_id", "posts", ["user_id"])
        """,
        down="""\
        op.drop_index("ix_posts_user_id")
        op.drop_constraint("posts_user_id_fkey", "posts")
        op.restore_orphans("posts", "users", ["user_id"], ["id"], revision=revision)
        """,
    )


NAMES = [
    "test_cascade[posts.user_id->users.id]",
    "test_no_drift",
    "test_no_orphans",
    "test_relationships_consistent",
    "test_upgrade_downgrade_restores_data[tables]",
    "test_upgrade_downgrade_restores_data[keys]",
]


def test_an_asynchronous_env_is_led_to_the_scratch_database(trial: Trial) -> None:
    """Its driver is another one than that of the URL, and its loop another one than that of asynchronous tests."""
    trial.write("alembic.ini", (trial.pytester.path / "alembic.ini").read_text().replace("psycopg", "asyncpg"))
    trial.write("migrations/env.py", ASYNC)
    optional = 'Table("legacy_posts", metadata, Column("user_id", ForeignKey("users.id")))'
    trial.write("models.py", f"{MODELS}{optional}\n")
    revise(trial)
    # The URL may name such a driver, too.
    found = outcomes(trial.run_here("--alembic-cascade", "-v", url=trial.url.replace("psycopg", "asyncpg")))
    assert found == {
        "alembic.ini::test_cascade[legacy_posts.user_id->users.id]": "SKIPPED",
        **{f"alembic.ini::{name}": "PASSED" for name in NAMES},
    }


def test_an_application_has_its_own_engine_and_its_own_schema(trial: Trial) -> None:
    """An engine that keeps connections would go on with the last database; names mean what they mean to env.py."""
    (trial.pytester.path / "alembic.ini").unlink()
    trial.write(
        "pyproject.toml",
        """\
        [tool.alembic]
        script_location = "%(here)s/migrations"
        prepend_sys_path = ["."]
        """,
    )
    trial.write(
        "app.py",
        f"from sqlalchemy import create_engine\n\nfrom models import metadata\n\nengine = create_engine({NOWHERE!r})\n",
    )
    trial.write("migrations/env.py", APPLICATION)
    trial.write("models.py", MODELS)
    revise(trial)
    trial.write(
        "test_own.py",
        """\
        def test_schema(cascade_database):
            cascade_database.connection.exec_driver_sql("SET LOCAL search_path = public")
            assert cascade_database.connection.exec_driver_sql("SELECT to_regclass('posts')").scalar() is None
            assert cascade_database.connection.exec_driver_sql("SELECT to_regclass('mine.posts')").scalar() == "mine.posts"
        """,
    )
    result = trial.run_here(
        "--alembic-cascade", "--alembic-cascade-name=billing", "--alembic-cascade-x=tenant=mine", "-v"
    )
    assert outcomes(result) == {
        **{f"pyproject.toml::{name}": "PASSED" for name in NAMES},
        "test_own.py::test_schema": "PASSED",
    }


def test_a_project_may_have_nothing_but_revisions(trial: Trial) -> None:
    """Without models nothing is promised, and what the revisions do can be tested all the same."""
    env = (trial.pytester.path / "migrations" / "env.py").read_text()
    trial.write("migrations/env.py", env.replace("from models import metadata", "metadata = None"))
    revise(trial)
    assert outcomes(trial.run_here("--alembic-cascade", "-v")) == {
        f"alembic.ini::{name}": "PASSED" if "no_orphans" in name or "restores" in name else "SKIPPED"
        for name in NAMES[1:]
    }


def test_the_configuration_may_be_elsewhere(trial: Trial) -> None:
    """In a repository of many things, pytest runs at the top, and Alembic where its configuration is."""
    trial.write("models.py", MODELS)
    revise(trial)
    backend = trial.pytester.path / "backend"
    backend.mkdir()
    for name in ("alembic.ini", "migrations", "models.py"):
        (trial.pytester.path / name).rename(backend / name)
    ini = (backend / "alembic.ini").read_text().replace("%(here)s/", "")
    (backend / "alembic.ini").write_text(ini)
    trial.write(
        "pytest.ini",
        f"[pytest]\nalembic_cascade_config = backend/alembic.ini\nalembic_cascade_url = {trial.url}\naddopts = --alembic-cascade\n",
    )
    expected = {f"backend/alembic.ini::{name}": "PASSED" for name in (NAMES[1], NAMES[5])}
    assert outcomes(trial.run_here("-v", "-k", "drift or keys", url=None)) == expected
    # Or pytest itself is run there.
    trial.write("pytest.ini", "[pytest]\n")
    trial.monkeypatch.chdir(backend)
    assert trial.asked().file == backend / "alembic.ini"
