"""How long the ordinary operations wait for a lock, and that nothing of it is left for what follows."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
import pytest
from psql import ScriptFailed, run_script
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from alembic_cascade import LockNotAcquired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

KEY = "'posts', 'users', ['user_id'], ['id']"
ORDERS = "'orders', 'customers', ['customer'], ['id']"
CLEAN = f"op.clean_orphans({KEY}, strategy='quarantine', revision='r1'%s)"
# Each with its setting, and what somebody has to hold for it to wait.
OPERATIONS = {
    "add": (f"op.add_foreign_key('made', {KEY}%s)", "posts"),
    "add, behind its parent": (f"op.add_foreign_key('made', {KEY}%s)", "users"),
    "alter": (f"op.alter_foreign_key('old', {ORDERS}, ondelete='CASCADE'%s)", "orders"),
    "alter, behind its parent": (f"op.alter_foreign_key('old', {ORDERS}, ondelete='CASCADE'%s)", "customers"),
    "drop": (f"op.drop_foreign_key('old', {ORDERS}%s)", "orders"),
    "translate": ("op.translate_references('posts', 'users', ['user_id'], from_cols=['id'], to_cols=['number']%s)", "posts"),
    "clean": (CLEAN, "posts"),
    "restore": (f"op.restore_orphans({KEY}, revision='r1'%s)", "posts"),
}  # fmt: skip
SHOW = "SELECT '%s', current_setting('lock_timeout')"


@pytest.fixture
def tables(project: Project) -> Project:
    """Posts without a key, of which an orphan is set aside; orders with one."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY, number int UNIQUE)", "INSERT INTO users VALUES (1, 100)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "CREATE TABLE customers (id int PRIMARY KEY, number int UNIQUE)", "INSERT INTO customers VALUES (1, 100)",
        "CREATE TABLE orders (id int PRIMARY KEY, customer int CONSTRAINT old REFERENCES customers)",
        "INSERT INTO orders VALUES (1, 1)",
    )  # fmt: skip
    # What is restored is kept under the name of this revision.
    project.write_revision(CLEAN % "")
    project.upgrade()
    # Who waits for ever fails instead, and otherwise.
    project.execute(f"ALTER DATABASE \"{project.url.database}\" SET statement_timeout = '20s'")
    return project


@contextmanager
def held(project: Project, table: str, mode: str = "ROW EXCLUSIVE") -> Iterator[None]:
    """Somebody holds a lock on the table."""
    conninfo = project.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo) as connection:
        connection.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield


def seconds_until_refused(project: Project) -> float:
    started = monotonic()
    with pytest.raises(LockNotAcquired, match="lock timeout") as refused:
        project.upgrade()
    assert "Nothing was changed" in str(refused.value)
    return monotonic() - started


@pytest.mark.parametrize(("operation", "table"), OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_waits_as_long_as_it_says(tables: Project, operation: str, table: str) -> None:
    """Whoever queues behind it waits no longer either."""
    tables.write_revision(operation % ", lock_timeout='300ms'")
    with held(tables, table):
        assert 0.3 <= seconds_until_refused(tables) < 3
    tables.upgrade()


def test_five_seconds_are_the_default(tables: Project) -> None:
    """Without a word of it in the revision."""
    tables.write_revision(OPERATIONS["add"][0] % "")
    with held(tables, "posts"):
        assert 5 <= seconds_until_refused(tables) < 8


@pytest.mark.parametrize("setting", ["'10s'", "None"])
def test_a_shorter_time_of_the_sessions_own_stays(tables: Project, setting: str) -> None:
    """None is as long as the session says."""
    tables.execute(f"ALTER DATABASE \"{tables.url.database}\" SET lock_timeout = '300ms'")
    tables.write_revision(OPERATIONS["add"][0] % f", lock_timeout={setting}")
    with held(tables, "posts"):
        assert 0.3 <= seconds_until_refused(tables) < 3


def test_none_waits_without_end_where_the_session_does(tables: Project) -> None:
    """Here until the time for any statement is over."""
    tables.execute(f"ALTER DATABASE \"{tables.url.database}\" SET statement_timeout = '800ms'")
    tables.write_revision(OPERATIONS["add"][0] % ", lock_timeout=None")
    with held(tables, "posts"), pytest.raises(OperationalError, match="statement timeout"):
        tables.upgrade()


@pytest.mark.parametrize("session", ["0", "100ms", "1min"])
@pytest.mark.parametrize("operation", [text for text, _ in OPERATIONS.values()], ids=OPERATIONS)
def test_what_follows_waits_as_before(tables: Project, operation: str, session: str) -> None:
    """In the same transaction, and in the session after it."""
    tables.execute("CREATE TABLE seen (place text, setting text)")
    before, after = (f"op.execute({f'INSERT INTO seen {SHOW % place}'!r})" for place in ("before", "after"))
    tables.write_revision("\n".join([before, operation % ", lock_timeout='1s'", after]))
    # One session for all of it, as in a pool.
    tables.engine = create_engine(tables.url, pool_size=1, max_overflow=0)
    tables.execute(f"SET lock_timeout = '{session}'")
    tables.upgrade()
    assert tables.fetch("SHOW lock_timeout") == [(session,)]
    tables.engine.dispose()
    assert tables.fetch("SELECT setting FROM seen") == [(session,), (session,)]
    tables.engine.dispose()


def test_it_is_in_force_while_the_operation_runs(tables: Project) -> None:
    """A trigger of the user's sees it."""
    tables.execute(
        "INSERT INTO posts VALUES (3, 9)", "CREATE TABLE seen (place text, setting text)",
        f"CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO seen {SHOW % 'in it'}; RETURN OLD; END$$",
        "CREATE TRIGGER see BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION see()",
    )  # fmt: skip
    tables.write_revision(OPERATIONS["clean"][0] % ", lock_timeout='7s'")
    tables.upgrade()
    assert tables.fetch("SELECT setting FROM seen") == [("7s",)]


def test_a_script_waits_and_gives_back_as_well(tables: Project) -> None:
    """Psql runs the same statements."""
    tables.write_revision(OPERATIONS["add"][0] % ", lock_timeout='300ms'")
    script = tables.upgrade_script("r1:head")
    with held(tables, "posts"), pytest.raises(ScriptFailed, match="lock timeout"):
        run_script(tables.url, script)
    check = "DO $$ BEGIN IF current_setting('lock_timeout') <> '3min' THEN RAISE 'changed'; END IF; END $$;"
    run_script(tables.url, f"SET lock_timeout = '3min';\n{script.replace('COMMIT;', f'{check} COMMIT; {check}')}")
    assert tables.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'made'") == [(True,)]
