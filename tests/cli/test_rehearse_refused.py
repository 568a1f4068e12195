"""``rehearse``: what it refuses to rehearse, and what a copy or a transaction does not hold."""

from __future__ import annotations

import json

import pytest
from orphaned import failure
from rehearsed import ADD_COLUMN, COPIES, DROP_COLUMN, Shop


def test_a_database_that_somebody_prepared(shop: Shop) -> None:
    """Is left as the rehearsal leaves it: upgraded."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    name = f"{shop.engine.url.database}_copy"
    admin = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{shop.engine.url.database}"')
    before = shop.state()
    url = shop.engine.url.set(database=name)
    try:
        found = shop.rehearsed("--into", url.render_as_string(hide_password=False))
        assert (found["verdict"], found["database"]) == ("safe", name)
        assert shop.state() == before
        assert json.loads(shop.rehearse("--into", str(url), "--format", "json").stdout)["rehearsal"] is None
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_others_who_are_connected(shop: Shop) -> None:
    """PostgreSQL copies nothing then; what can be done instead is said."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    with shop.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        said = failure(shop.rehearse())
    assert said.startswith("PostgreSQL copies a database only while nobody is connected to it: ")
    assert "--rollback" in said
    assert "pg_restore" in said
    assert shop.fetch(COPIES) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("three",), "There is no upgrade to three: "),
        (("--rollback", "--into", "postgresql://localhost/copy"), None),
        (("--into", "mysql://localhost/copy"), None),
        (("--into", "nonsense"), None),
        (("--max-lock", "nan"), None),
        (("--max-lock", "-1"), None),
    ],
)
def test_what_can_not_be_rehearsed(shop: Shop, arguments: tuple[str, ...], said: str | None) -> None:
    """One error, and nothing is copied or run."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    result = shop.rehearse(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr if said is None else failure(result).startswith(said)
    assert shop.fetch(COPIES) == []


@pytest.mark.parametrize("where", [(), ("--rollback",)])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def upgrade(:", "The project's revisions can't be read: SyntaxError: "),
        ("raise RuntimeError('the vault is closed')", "The project's revisions can't be read: RuntimeError: the vault"),
        ("revision, down_revision = 'two', 'gone'", "The project's revisions lack 'gone', which one of them names."),
        ("revision, down_revision = 'two', 'two'", "Self-loop is detected in revisions (two)"),
    ],
)
@pytest.mark.filterwarnings("ignore:Revision gone referenced:UserWarning")  # Alembic's own
def test_revisions_that_can_not_be_read(shop: Shop, where: tuple[str, ...], text: str, said: str) -> None:
    """They are imported before anything is copied or run; what is wrong with them is one line."""
    shop.open()
    (shop.path / "migrations" / "versions" / "two.py").write_text(text)
    assert failure(shop.rehearse(*where)).startswith(said)
    assert shop.fetch(COPIES) == []


def test_several_heads(shop: Shop) -> None:
    """Nobody knows which one is meant; all of them, or one, can be."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    shop.revisions.reverse()
    shop.write("three", "op.execute('CREATE TABLE other (id int)')", "op.execute('DROP TABLE other')")
    assert failure(shop.rehearse()) == (
        "There is no single head: the revisions end in three, two. Name heads for all of them, or one; or merge them."
    )
    assert shop.rehearsed("heads")["verdict"] == "safe"
    # At one of them, the database is not yet what the models want.
    assert shop.rehearsed("two")["verdict"] == "safe with notes"


def test_the_database_itself_is_no_copy(shop: Shop) -> None:
    """Somebody's slip of the hand, and production is upgraded."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    before = shop.state()
    url = shop.engine.url.render_as_string(hide_password=False)
    assert failure(shop.rehearse("--into", url)).startswith("--into names the very database that env.py connects to")
    assert shop.state() == before


@pytest.mark.parametrize(
    "up",
    [
        "with op.get_context().autocommit_block():\n    op.execute('SELECT 1')",
        "op.get_bind().commit()",
        "op.execute('COMMIT')",
        "op.execute('/* at once */ COMMIT')",
        "op.execute('BEGIN; UPDATE users SET name = NULL; COMMIT;')",
        "op.execute('ROLLBACK; UPDATE users SET name = NULL')",
        "op.get_bind().connection.commit()",
        "op.get_bind().connection.cursor().execute('COMMIT')",
        "try:\n    op.get_bind().connection.commit()\nexcept Exception:\n    op.execute('UPDATE users SET name = NULL')",
        "op.get_bind().connection.rollback()\nop.execute('UPDATE users SET name = NULL')",
        "op.execute('SET CONSTRAINTS ALL IMMEDIATE')\nop.get_bind().connection.commit()",
        "op.execute('SET session_replication_role = replica')\nop.execute('SET CONSTRAINTS ALL IMMEDIATE')\n"
        "op.get_bind().connection.commit()",
        "op.execute(\"DO 'BEGIN FOR i IN 1..200 LOOP SET CONSTRAINTS ALL IMMEDIATE; END LOOP; END'\")\n"
        "op.get_bind().connection.commit()",
        "with op.get_bind().begin_nested() as inner:\n    op.execute('SET CONSTRAINTS ALL IMMEDIATE')\n"
        "    inner.rollback()\nop.get_bind().connection.commit()",
    ],
)
def test_what_commits_is_refused_in_a_transaction(shop: Shop, up: str) -> None:
    """It could not be rolled back."""
    shop.open()
    shop.write("two", f"op.execute('DELETE FROM posts')\n{up}")
    before = shop.state()
    assert failure(shop.rehearse("--rollback")).startswith("A revision commits, or env.py does it after each one")
    assert shop.state() == before


@pytest.mark.parametrize(
    "up",
    [
        "op.execute(\"DO 'BEGIN FOR i IN 1..200 LOOP SET CONSTRAINTS ALL IMMEDIATE; END LOOP; END'\")",
        "op.execute('SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; SET CONSTRAINTS ALL IMMEDIATE')",
        "op.execute(\"SELECT ';COMMIT', $a$;ROLLBACK$a$ /* ;COMMIT /* */ ;ABORT */\")",
        "try:\n    with op.get_bind().begin_nested():\n        op.execute('SELECT 1 / 0')\n"
        "except sa.exc.DataError:\n    pass",
    ],
)
def test_what_only_looks_like_a_commit_is_none(shop: Shop, up: str) -> None:
    """Checks that are made at once, words in strings and comments, and savepoints end no transaction."""
    shop.open()
    shop.write("two", up)
    assert shop.reasons("--rollback") == []


@pytest.mark.parametrize(
    "up",
    [
        "with op.get_bind().engine.begin() as other:\n    other.execute(sa.text('DELETE FROM posts'))",
        "other = op.get_bind().engine.raw_connection()\n"
        "other.cursor().execute('DELETE FROM posts')\nother.commit()\nother.close()",
    ],
    ids=["engine", "driver"],
)
def test_a_second_connection_is_refused_in_a_transaction(shop: Shop, up: str) -> None:
    """Nothing of it would be rolled back."""
    shop.open()
    shop.write("two", up)
    before = shop.state()
    assert failure(shop.rehearse("--rollback")).startswith("A revision makes a connection of its own")
    assert shop.state() == before


@pytest.mark.parametrize("end", ["pass", "raise ValueError", "op.execute('COMMIT')"])
def test_a_sequence_that_is_set_back_is_put_back(shop: Shop, end: str) -> None:
    """No transaction does it, and the next row would get a key that is taken."""
    shop.open()
    shop.write("two", f"op.execute(\"SELECT setval('posts_id_seq', 1), nextval('users_id_seq')\")\n{end}")
    result = shop.rehearse("--rollback")
    assert shop.fetch("SELECT last_value, is_called FROM posts_id_seq") == [(3, True)]
    # What goes on, stays.
    assert shop.fetch("SELECT last_value > 2 FROM users_id_seq") == [(True,)]
    if end == "op.execute('COMMIT')":
        assert result.exit_code == 2
    else:
        assert ("sequence set back", "public.posts_id_seq") in shop.reasons("--rollback")


SETTINGS = "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE rehearsed_clerk",
        'SELECT 1; /* x */ ALTER DATABASE "{database}" SET work_mem TO 1234',
        "ALTER ROLE CURRENT_USER SET work_mem TO 1234",
        "GRANT pg_monitor TO CURRENT_USER",
        'GRANT CONNECT ON DATABASE "{database}" TO pg_monitor',
    ],
)
def test_what_a_copy_does_not_hold_is_refused_there(shop: Shop, statement: str) -> None:
    """Roles, and settings of databases, are those of the server; a transaction takes them back."""
    shop.open()
    sql = statement.format(database=shop.engine.url.database)
    shop.write("two", f"op.execute({sql!r})", "op.execute('DROP ROLE IF EXISTS rehearsed_clerk')")
    before = shop.fetch(SETTINGS)
    assert failure(shop.rehearse()).startswith("two changes what is not in the database alone")
    assert shop.rehearse("--rollback").exit_code == 0
    assert shop.fetch("SELECT FROM pg_roles WHERE rolname = 'rehearsed_clerk'") == []
    assert shop.fetch(SETTINGS) == before


def test_what_changed_beyond_the_copy_is_noted(shop: Shop) -> None:
    """A block hides from whoever reads the text."""
    shop.open()
    shop.write("two", "op.execute(\"DO 'BEGIN CREATE ROLE rehearsed_clerk; END'\")", "op.execute('SELECT 1')")
    try:
        found = shop.rehearsed()
    finally:
        shop.execute("DROP ROLE IF EXISTS rehearsed_clerk")
    # Found by its name alone: tests beside this one make roles and databases of their own.
    assert ("changed beyond", "role rehearsed_clerk") in [(one["kind"], one["subject"]) for one in found["reasons"]]


def test_rights_and_mappings_in_the_database_are_held_by_a_copy(shop: Shop) -> None:
    """They are told from those of the server."""
    shop.open()
    shop.write(
        "two", "op.execute('GRANT SELECT ON posts TO pg_monitor')", "op.execute('REVOKE ALL ON posts FROM pg_monitor')"
    )
    assert shop.rehearse().exit_code in {0, 1}
