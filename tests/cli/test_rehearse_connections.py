"""``rehearse`` and the ways in which env.py connects: led to the copy, or refused, and never on the database itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from orphaned import failure
from rehearsed import COPIES, TABLES, Shop
from sqlalchemy import URL, NullPool, create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = "op.add_column('posts', sa.Column('slug', sa.Text()))\nop.execute('UPDATE posts SET slug = title')"
DOWN = "op.drop_column('posts', 'slug')"

HEAD = """\
from alembic import context
from sqlalchemy import create_engine, event, pool, text
from app_models import Base

url = context.config.get_main_option("sqlalchemy.url")


def run(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


"""

ASYNCHRONOUS = """\
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine


async def migrate():
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(migrate())
"""

POOLED = """\
import app_models

if not hasattr(app_models, "kept_engine"):
    app_models.kept_engine = create_engine(url)
with app_models.kept_engine.connect() as connection:
    run(connection)
"""

# What stays from one run of env.py to the next, as what any module of a project has.
BESIDE = """\
import app_models

if not hasattr(app_models, "kept_engine"):
    app_models.kept_engine = create_engine(url)
    {first}
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    run(connection)
"""

TOKEN = """\
engine = create_engine(url, poolclass=pool.NullPool)


@event.listens_for(engine, "do_connect")
def provide_token(dialect, record, arguments, parameters):
    parameters["application_name"] = "with a token"


with engine.connect() as connection:
    assert connection.scalar(text("SHOW application_name")) == "with a token"
    connection.commit()
    run(connection)
"""

UNCOMMITTED = """\
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    connection.execute(text("SELECT 1"))
    run(connection)
"""

CREATOR = """\
import psycopg
from sqlalchemy import make_url

info = make_url(url)
place = {"dbname": info.database, "user": info.username, **info.query}
engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(**place), poolclass=pool.NullPool)
with engine.connect() as connection:
    run(connection)
"""

SEVERAL = """\
engine = create_engine(url, poolclass=pool.NullPool)
for _ in range(2):
    with engine.connect() as connection:
        run(connection)
"""

ELSEWHERE = """\
with create_engine("sqlite://").connect() as other:
    other.scalar(text("SELECT 1"))
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    run(connection)
"""

EACH = """\
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    connection.execution_options(isolation_level="AUTOCOMMIT")
    run(connection)
"""

ENGINE_EACH = """\
with create_engine(url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
    run(connection)
"""

PER_MIGRATION = """\
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


def stock(shop: Shop, env: str, url: URL | None = None) -> None:
    """A shop whose env.py connects in that way."""
    shop.open()
    shop.write("two", UP, DOWN)
    shop.connect_to(url or shop.engine.url)
    with (shop.path / "alembic.ini").open("a") as ini:
        ini.write("prepend_sys_path = .\n")
    shop.write_env(HEAD + env)


SIMPLE = """\
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    run(connection)
"""


@pytest.mark.parametrize("way", [(), ("--rollback",)], ids=["copy", "rollback"])
@pytest.mark.parametrize(
    ("driver", "env"),
    [
        ("psycopg", SIMPLE),
        ("psycopg2", SIMPLE),
        ("psycopg", POOLED),
        ("psycopg", TOKEN),
        ("psycopg", ASYNCHRONOUS),
        ("asyncpg", ASYNCHRONOUS),
    ],
    ids=["psycopg", "psycopg2", "pooled", "token", "async-psycopg", "asyncpg"],
)
def test_connections_are_led_to_the_copy(shop: Shop, driver: str, env: str, way: tuple[str, ...]) -> None:
    """Whatever driver makes them; the verdict and the database itself are the same as ever."""
    stock(shop, env, shop.engine.url.set(drivername=f"postgresql+{driver}"))
    before = shop.state()
    found = shop.rehearsed(*way)
    assert (found["reasons"], found["verdict"]) == ([], "safe")
    assert [operation["rows"] for operation in found["phases"][0]["operations"]] == [0, 3]
    assert found["phases"][0]["operations"][0]["tables"][0]["lock"] == "ACCESS EXCLUSIVE"
    assert shop.state() == before


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (CREATOR, "env.py makes its connection in a way of its own, which can't be led to a copy. "),
        (SEVERAL, "env.py runs migrations for several databases, and one is rehearsed at a time. "),
        (ELSEWHERE, "env.py or a revision connects to sqlite as well, of which there is no copy. "),
        (UNCOMMITTED, "env.py did not commit the upgrade, here or anywhere. "),
    ],
    ids=["creator", "several", "elsewhere", "uncommitted"],
)
def test_what_can_not_be_rehearsed_on_a_copy_is_refused(shop: Shop, env: str, said: str) -> None:
    """Nothing runs on the database itself, and no copy is left."""
    stock(shop, env)
    before = shop.state()
    assert failure(shop.rehearse()).startswith(said)
    assert shop.state() == before
    assert shop.fetch(COPIES) == []


def test_another_kind_of_database_does_no_harm_in_a_transaction(shop: Shop) -> None:
    """What env.py asks it before is its own business."""
    stock(shop, ELSEWHERE)
    assert shop.rehearsed("--rollback")["verdict"] == "safe"


def test_a_creator_does_no_harm_in_a_transaction(shop: Shop) -> None:
    """There is nowhere to be led to."""
    stock(shop, CREATOR)
    before = shop.state()
    assert shop.rehearsed("--rollback")["verdict"] == "safe"
    assert shop.state() == before


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (ENGINE_EACH, "env.py lets its connection commit each statement, or sees what others commit. "),
        (EACH, "env.py lets its connection commit each statement, or sees what others commit. "),
        (PER_MIGRATION, "A revision commits, or env.py does it after each one (transaction_per_migration)"),
    ],
    ids=["each-of-engine", "each-statement", "each-revision"],
)
def test_an_env_py_that_commits_is_rehearsed_on_a_copy_alone(shop: Shop, env: str, said: str) -> None:
    """In a transaction nothing could be taken back."""
    stock(shop, env)
    before = shop.state()
    assert failure(shop.rehearse("--rollback")).startswith(said)
    assert shop.rehearsed()["verdict"] == "safe"
    assert shop.state() == before


def test_the_copy_has_the_settings_of_the_database(shop: Shop) -> None:
    """A search_path that is set there decides what a migration means."""
    name = shop.engine.url.database
    shop.open("CREATE SCHEMA app", f'ALTER DATABASE "{name}" SET search_path TO "$user", app, public')
    shop.execute("SET search_path TO app, public", *TABLES)
    shop.write("two", UP, DOWN)
    assert shop.rehearsed()["verdict"] == "safe"


def test_settings_that_a_role_may_not_make_are_left_out(shop: Shop) -> None:
    """A superuser made them; and none of them is one of the session that makes the copy."""
    shop.open()
    shop.write("two", UP, DOWN)
    name = shop.engine.url.database
    shop.execute(
        "CREATE ROLE keeper LOGIN CREATEDB",
        f'ALTER DATABASE "{name}" OWNER TO keeper',
        f'ALTER DATABASE "{name}" SET log_statement TO ddl',
        f'ALTER DATABASE "{name}" SET default_transaction_read_only TO off',
        f"ALTER DATABASE \"{name}\" SET work_mem TO '5MB'",
        "ALTER TABLE users OWNER TO keeper",
        "ALTER TABLE posts OWNER TO keeper",
        "ALTER TABLE alembic_version OWNER TO keeper",
    )
    shop.write("three", "assert op.get_bind().scalar(sa.text('SHOW work_mem')) == '5MB'")
    try:
        shop.connect_to(shop.engine.url.set(username="keeper"))
        with (shop.path / "alembic.ini").open("a") as ini:
            ini.write("prepend_sys_path = .\n")
        assert shop.rehearsed()["verdict"] == "safe"
    finally:
        shop.execute("REASSIGN OWNED BY keeper TO CURRENT_USER", "DROP OWNED BY keeper", "DROP ROLE keeper")


@pytest.mark.parametrize("right", ["NOCREATEDB", "CREATEDB"])
def test_who_may_not_copy_is_told_what_is_missing(shop: Shop, right: str) -> None:
    """A copy takes the right to make databases, and the ownership of this one."""
    shop.open()
    shop.write("two", UP, DOWN)
    name = f"clerk_{right.lower()}"
    shop.execute(f"CREATE ROLE {name} LOGIN {right}", f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    try:
        shop.connect_to(shop.engine.url.set(username=name))
        (shop.path / "alembic.ini").write_text((shop.path / "alembic.ini").read_text() + "prepend_sys_path = .\n")
        said = failure(shop.rehearse())
        assert said.startswith(f"This role may not copy {shop.engine.url.database}: permission denied to ")
        assert "It needs CREATEDB, and has to own the database" in said
    finally:
        shop.execute(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_what_others_commit_meanwhile_is_no_difference_in_a_transaction(shop: Shop) -> None:
    """It is not what the migration did."""
    stock(shop, SIMPLE)
    # Another session, by a driver of which SQLAlchemy knows nothing.
    place = {"dbname": shop.engine.url.database, "user": shop.engine.url.username, **shop.engine.url.query}
    shop.write(
        "three",
        f"import psycopg\nwith psycopg.connect(**{place!r}) as other:\n"
        "    other.execute(\"INSERT INTO users (name) VALUES ('carol')\")\nop.execute('SELECT 1')",
    )
    assert shop.rehearsed("--rollback")["verdict"] == "safe"
    assert shop.fetch("SELECT count(*) FROM users WHERE name = 'carol'") == [(2,)]


@pytest.fixture
def prepared(shop: Shop) -> Iterator[str]:
    """The address of another database, made as a copy of the shop's would be."""
    url = shop.engine.url.set(database=f"{shop.engine.url.database}_copy")
    admin = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{url.database}"')
    copy = create_engine(url, poolclass=NullPool)
    with copy.begin() as connection:
        for statement in (*TABLES, "CREATE TABLE alembic_version (version_num text)"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('one')")
    yield url.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{url.database}" WITH (FORCE)')


WRITE = "INSERT INTO users (name) VALUES ('dan')"
BY_DRIVER = f"""\
other = app_models.kept_engine.raw_connection()
other.cursor().execute({WRITE!r})
other.commit()
other.close()
"""


def test_the_pool_of_a_second_engine_is_closed_before(shop: Shop, prepared: str) -> None:
    """It has a connection from the look at the original, which whoever asks the pool would write to."""
    stock(shop, BESIDE.format(first="app_models.kept_engine.connect().close()"))
    shop.write("three", f"import app_models\n{BY_DRIVER}")
    before = shop.state()
    assert ("wrong restore", "public.users") in shop.reasons("--into", prepared)
    assert shop.state() == before


@pytest.mark.parametrize(
    ("first", "use"),
    [
        ("app_models.kept_engine.raw_connection().close()", BY_DRIVER),
        (
            "app_models.kept = app_models.kept_engine.connect()",
            f"with app_models.kept.begin():\n    app_models.kept.execute(sa.text({WRITE!r}))",
        ),
    ],
    ids=["driver", "open"],
)
def test_a_connection_from_before_is_refused(shop: Shop, prepared: str, first: str, use: str) -> None:
    """It leads to the original: one that a pool has kept and nothing tells of, or one that was never given back."""
    stock(shop, BESIDE.format(first=first))
    shop.write("three", f"import app_models\n{use}")
    before = shop.state()
    try:
        said = failure(shop.rehearse("--into", prepared))
    finally:
        kept = getattr(sys.modules["app_models"], "kept", None)
        if kept is not None:
            # Its pool is no longer its engine's.
            kept.invalidate()
            kept.close()
    assert said.startswith("env.py or a revision uses a connection that was made before the rehearsal")
    assert shop.state() == before
