"""``rehearse``: what it says of migrations that are right, and of those that are wrong in each way."""

from __future__ import annotations

import json
import re

import pytest
from orphaned import failure
from rehearsed import COPIES, TABLES, Shop
from workplace import ENV

ON_COPY = ()
ROLLED_BACK = ("--rollback",)
WAYS = pytest.mark.parametrize("way", [ON_COPY, ROLLED_BACK], ids=["copy", "rollback"])

ADD_COLUMN = "op.add_column('posts', sa.Column('slug', sa.Text()))"
DROP_COLUMN = "op.drop_column('posts', 'slug')"

DIRTY = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
    "INSERT INTO users (name) VALUES ('ann')",
    "INSERT INTO posts (user_id, title) VALUES (1, 'a'), (7, 'b'), (8, 'c')",
)
SETTLE = (
    "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)\n"
    "op.create_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE')"
)
UNSETTLE = (
    "op.drop_constraint('posts_user_id_fkey', 'posts', type_='foreignkey')\n"
    "op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)"
)


@WAYS
def test_a_migration_that_goes_up_and_down_is_safe(shop: Shop, way: tuple[str, ...]) -> None:
    """What is there afterwards is what was there before, and nothing of the database itself has changed."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    before = shop.state()
    found = shop.rehearsed(*way)
    assert (found["verdict"], found["reasons"], found["revisions"]) == ("safe", [], ["two"])
    assert [(phase["name"], phase["failure"]) for phase in found["phases"]] == [
        ("upgrade", None),
        ("downgrade", None),
        ("upgrade again", None),
    ]
    assert (found["tables_compared"], found["rows_compared"]) == (2, 5)
    assert shop.state() == before


@WAYS
@pytest.mark.parametrize("down", ["raise NotImplementedError('no way back')", "pass"])
def test_a_downgrade_that_does_not_take_back_the_schema_is_irreversible(
    shop: Shop, way: tuple[str, ...], down: str
) -> None:
    """Whether it says so itself, or leaves behind what the upgrade made."""
    shop.open()
    shop.write("two", ADD_COLUMN, down)
    found = shop.rehearsed(*way)
    assert found["verdict"] == "unsafe"
    (reason, *more) = found["reasons"]
    assert reason["kind"] == "irreversible downgrade"
    if down == "pass":
        assert reason["said"] == "after the downgrade: column public.posts.slug is new"
        # The second upgrade finds the column.
        assert [one["kind"] for one in more] == ["not repeatable"]
    else:
        assert (reason["subject"], reason["said"]) == ("downgrade of two", "NotImplementedError: no way back")
        assert more == []


@WAYS
def test_rows_that_a_downgrade_does_not_bring_back_are_lost(shop: Shop, way: tuple[str, ...]) -> None:
    """They are named by their keys."""
    shop.open()
    shop.write("two", "op.execute('DELETE FROM posts WHERE user_id = 1')")
    found = shop.rehearsed(*way)
    (reason,) = found["reasons"]
    assert (reason["kind"], reason["subject"]) == ("lost rows", "public.posts")
    assert reason["said"] == "2 rows there at the start are gone after the downgrade: 1, 2"


@WAYS
def test_a_key_that_is_dropped_and_not_made_again(shop: Shop, way: tuple[str, ...]) -> None:
    """The models still declare it, and the downgrade brings it back: nothing else would tell."""
    shop.open()
    key = "'posts_user_id_fkey', 'posts'"
    shop.write(
        "two",
        f"op.drop_constraint({key}, type_='foreignkey')",
        f"op.create_foreign_key({key}, 'users', ['user_id'], ['id'], ondelete='CASCADE')",
    )
    found = shop.rehearsed(*way)
    assert [(reason["kind"], reason["subject"]) for reason in found["reasons"]] == [
        ("drop without recreate", "posts.user_id -> users.id")
    ]
    assert found["verdict"] == "unsafe"


@WAYS
def test_values_that_a_downgrade_puts_back_otherwise_are_a_wrong_restore(shop: Shop, way: tuple[str, ...]) -> None:
    """As many rows as before, and no longer the same."""
    shop.open()
    shop.write(
        "two",
        'op.execute("UPDATE posts SET title = upper(title)")',
        "op.execute(\"UPDATE posts SET title = 'lost' WHERE id > 1\")\n"
        "op.execute(\"UPDATE posts SET title = 'a' WHERE id = 1\")",
    )
    found = shop.rehearsed(*way)
    (reason, again) = found["reasons"]
    assert (reason["kind"], reason["subject"]) == ("wrong restore", "public.posts")
    assert reason["said"] == "after the downgrade, 2 rows have other values than at the start: 2, 3"
    assert (again["kind"], again["is_note"]) == ("not repeatable", True)


@WAYS
def test_a_lock_that_is_held_long(shop: Shop, way: tuple[str, ...]) -> None:
    """Until the end of the transaction, which comes after whatever the migration does next."""
    shop.open()
    shop.write("two", f"{ADD_COLUMN}\nop.execute('SELECT pg_sleep(0.4)')", DROP_COLUMN)
    found = shop.rehearsed(*way, "--max-lock", "0.3")
    (reason,) = found["reasons"]
    assert (reason["kind"], reason["subject"]) == ("long lock", "public.posts")
    assert reason["said"].startswith("upgrade, two:9: ACCESS EXCLUSIVE held for 0.")
    assert reason["said"].endswith("s, while readers and writers wait")
    added, slept = found["phases"][0]["operations"]
    assert (added["line"], added["text"]) == (9, ADD_COLUMN)
    assert added["tables"][0]["lock"] == "ACCESS EXCLUSIVE"
    assert added["tables"][0]["held"] > 0.4 < slept["seconds"]
    assert slept["tables"] == []


@WAYS
def test_orphans_that_are_set_aside_and_put_back_are_a_note(shop: Shop, way: tuple[str, ...]) -> None:
    """Nothing is lost, and somebody should know."""
    shop.open(*DIRTY)
    shop.write("two", SETTLE, UNSETTLE)
    found = shop.rehearsed(*way)
    assert found["verdict"] == "safe with notes"
    (reason,) = found["reasons"]
    assert (reason["kind"], reason["subject"]) == ("rows quarantined", "two:9")
    operation = found["phases"][0]["operations"][0]
    assert operation["quarantined"] == 2
    assert next(use for use in operation["tables"] if use["table"] == "public.posts")["deleted"] == 2


def test_a_copy_takes_revisions_that_commit(shop: Shop) -> None:
    """Their locks come and go between statements, and are looked at while they run."""
    shop.open()
    shop.write(
        "two",
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY posts_title ON posts (title)')\n"
        "    op.execute(\"DO 'BEGIN LOCK TABLE posts IN SHARE MODE; PERFORM pg_sleep(0.4); END'\")\n"
        '    op.execute("UPDATE posts SET title = title WHERE id < 3")',
        "op.drop_index('posts_title')",
    )
    found = shop.rehearsed("--max-lock", "0.3")
    assert [(reason["kind"], reason["subject"]) for reason in found["reasons"]] == [("long lock", "public.posts")]
    index, locked, updated = found["phases"][0]["operations"]
    assert index["text"].startswith("op.execute('CREATE INDEX CONCURRENTLY")
    assert (locked["tables"][0]["lock"], locked["tables"][0]["held"] > 0.3) == ("SHARE", True)
    assert updated["tables"][0]["updated"] == 2


def test_a_concurrent_revision_of_the_plugin_is_rehearsed_on_a_copy(shop: Shop) -> None:
    """It is committed step by step, and goes up, down and up there."""
    shop.open(*DIRTY)
    arguments = "'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE'"
    settle = SETTLE.partition("\n")[0].replace("revision=revision", "revision=revision, concurrently=True")
    restore = UNSETTLE.partition("\n")[2].replace("revision=revision", "revision=revision, concurrently=True")
    shop.write(
        "two",
        "op.begin_concurrently(revision)\n"
        "with op.get_context().autocommit_block():\n"
        f"    op.add_foreign_key({arguments}, not_valid=True, concurrently=True)\n"
        f"    {settle}\n"
        f"    op.execute('ALTER TABLE posts VALIDATE CONSTRAINT posts_user_id_fkey')",
        "op.begin_concurrently(down_revision)\n"
        "with op.get_context().autocommit_block():\n"
        "    op.execute('ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey')\n"
        f"    {restore}",
    )
    found = shop.rehearsed()
    assert (found["verdict"], [reason["kind"] for reason in found["reasons"]]) == (
        "safe with notes",
        ["rows quarantined"],
    )


def test_a_big_table_that_is_written_anew(shop: Shop) -> None:
    """Nobody reads it meanwhile, and it takes as long as there are rows."""
    shop.open()
    shop.write(
        "two",
        "op.alter_column('posts', 'title', type_=sa.LargeBinary(), postgresql_using='title::bytea')",
        "op.alter_column('posts', 'title', type_=sa.Text(), postgresql_using=\"convert_from(title, 'UTF8')\")",
    )
    assert shop.reasons() == []
    assert shop.reasons("--big-table", "2") == [("rewrite", "public.posts"), ("rewrite", "public.posts")]


@WAYS
def test_an_upgrade_that_fails(shop: Shop, way: tuple[str, ...]) -> None:
    """It would fail where it matters."""
    shop.open(*DIRTY)
    shop.write("two", SETTLE.partition("\n")[2], "pass")
    before = shop.state()
    (reason,) = shop.rehearsed(*way)["reasons"]
    assert (reason["kind"], reason["subject"]) == ("upgrade fails", "upgrade of two")
    assert reason["said"].startswith('insert or update on table "posts" violates foreign key constraint')
    assert shop.state() == before


@WAYS
def test_what_only_a_commit_checks(shop: Shop, way: tuple[str, ...]) -> None:
    """A key that is INITIALLY DEFERRED is looked at then."""
    shop.open(*TABLES, "ALTER TABLE posts ALTER CONSTRAINT posts_user_id_fkey DEFERRABLE INITIALLY DEFERRED")
    shop.write("two", "op.execute('INSERT INTO posts (user_id) VALUES (9)')", "pass")
    (reason,) = shop.rehearsed(*way)["reasons"]
    assert (reason["kind"], reason["subject"]) == ("upgrade fails", "commit of the upgrade")


@WAYS
def test_what_is_put_off_is_put_off_in_each_way(shop: Shop, way: tuple[str, ...]) -> None:
    """The downgrade and the second upgrade are transactions of their own where it matters."""
    shop.open(*TABLES, "ALTER TABLE posts ALTER CONSTRAINT posts_user_id_fkey DEFERRABLE INITIALLY DEFERRED")
    shop.write(
        "two",
        "op.execute(\"INSERT INTO posts (id, user_id) VALUES (90, 9)\")\nop.execute('INSERT INTO users (id) VALUES (9)')",
        "op.execute('UPDATE users SET id = 8 WHERE id = 9')\nop.execute('DELETE FROM posts WHERE id = 90')\n"
        "op.execute('DELETE FROM users WHERE id = 8')",
    )
    assert [phase["failure"] for phase in shop.rehearsed(*way)["phases"]] == [None, None, None]


@WAYS
def test_a_table_whose_rows_are_hidden_is_not_compared(shop: Shop, way: tuple[str, ...]) -> None:
    """Its owner may read the table, and not its rows: PostgreSQL refuses, as with row_security = off."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    name = shop.engine.url.database
    shop.execute(
        "CREATE ROLE shopkeeper LOGIN CREATEDB",
        f'ALTER DATABASE "{name}" OWNER TO shopkeeper',
        "ALTER TABLE users OWNER TO shopkeeper",
        "ALTER TABLE posts OWNER TO shopkeeper",
        "ALTER TABLE alembic_version OWNER TO shopkeeper",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE users FORCE ROW LEVEL SECURITY",
    )
    try:
        shop.connect_to(shop.engine.url.set(username="shopkeeper"))
        with (shop.path / "alembic.ini").open("a") as ini:
            ini.write("prepend_sys_path = .\n")
        assert ("not compared", "public.users") in shop.reasons(*way)
    finally:
        shop.execute("REASSIGN OWNED BY shopkeeper TO CURRENT_USER", "DROP OWNED BY shopkeeper", "DROP ROLE shopkeeper")


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


def test_nothing_to_rehearse(shop: Shop) -> None:
    """The database is there already."""
    shop.open()
    for way in (ON_COPY, ROLLED_BACK):
        result = shop.rehearse(*way)
        assert (result.exit_code, result.stdout) == (0, "Nothing to rehearse: an upgrade to head would do nothing.\n")


def timeless(text: str) -> list[str]:
    """The lines of a report, with times and sizes left out."""
    return [re.sub(r" *\d+(\.\d+)? (ms|s|kB|MB)\b", " N", line) for line in text.splitlines()]


def test_the_report_as_text(shop: Shop) -> None:
    """Line by line what was done; then what was compared and proved, why, and the verdict."""
    shop.open(*DIRTY)
    shop.write("two", SETTLE, UNSETTLE)
    result = shop.rehearse(columns=80)
    assert result.exit_code == 0
    assert timeless(result.stdout) == [
        f"{shop.engine.url.database}, rehearsed on a copy of N",
        "",
        "upgrade N",
        " N  two:9   op.clean_orphans('posts', 'users', ['user_id'], ['id'], stra…",
        "                   public.posts: SHARE ROW EXCLUSIVE for N, 2 rows deleted,",
        "                   2 set aside",
        "                   public.users: SHARE ROW EXCLUSIVE for N",
        " N  two:10  op.create_foreign_key('posts_user_id_fkey', 'posts', 'users'…",
        "",
        "downgrade N",
        " N  two:14  op.drop_constraint('posts_user_id_fkey', 'posts', type_='for…",
        "                   public.posts: ACCESS EXCLUSIVE for N",
        "                   public.users: ACCESS EXCLUSIVE for N",
        " N  two:15  op.restore_orphans('posts', 'users', ['user_id'], ['id'], re…",
        "                   public.posts: 2 rows inserted",
        "",
        "upgrade again N",
        "",
        "compared after the downgrade: the schema, and 4 rows of 2 tables",
        "verified after the upgrade: 1 proved",
        "",
        "to be noted",
        "  rows quarantined",
        "    two:9: 2 rows or values of rows are set aside",
        "    See who they are: alembic-cascade orphans before the upgrade,",
        "    alembic-cascade quarantine after it.",
        "",
        "safe with notes: 1 note",
    ]


def test_the_report_as_markdown(shop: Shop) -> None:
    """The verdict first, and the lines folded away."""
    shop.open()
    shop.write("two", "op.execute(\"DELETE FROM posts WHERE title = 'a' OR title = 'a|b'\")")
    result = shop.rehearse("--format", "md")
    assert result.exit_code == 1
    lines = timeless(result.stdout)
    assert lines[:9] == [
        f"**Rehearsal of `{shop.engine.url.database}`: unsafe: 1 reason**",
        "",
        "Against it:",
        "",
        "- lost rows. Keep what the upgrade removes, as op.clean_orphans() does, and let the downgrade put it back.",
        "  - `public.posts`: 1 row there at the start is gone after the downgrade: 1",
        "",
        "Rehearsed on a copy of N.",
        "Compared after the downgrade: the schema, and 5 rows of 2 tables.",
    ]
    assert (
        "| two:9 | `op.execute(\"DELETE FROM posts WHERE title = 'a' OR title = 'a\\|b'\")` | N | "
        "public.posts: ROW EXCLUSIVE for N, 1 row deleted |"
    ) in lines


def test_what_could_not_be_verified_is_noted(shop: Shop) -> None:
    """Models of the head say nothing of a database before it, and without models nothing is promised."""
    shop.open()
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    shop.write("three", "op.execute('SELECT 1')")
    noted = [("not verified", "foreign keys and relationships")]
    assert shop.reasons("two") == noted
    assert shop.reasons("+1") == noted
    assert shop.reasons() == []
    shop.write_env(ENV)
    assert shop.reasons() == noted


def test_a_table_that_may_not_be_read_is_noted(shop: Shop) -> None:
    """Nobody knows whether its rows are the same."""
    shop.open(*TABLES, "CREATE TABLE secrets (id integer)")
    shop.write("two", ADD_COLUMN, DROP_COLUMN)
    shop.execute("CREATE ROLE clerk LOGIN", "GRANT ALL ON SCHEMA public TO clerk")
    shop.execute(*(f"ALTER TABLE {table} OWNER TO clerk" for table in ("users", "posts", "alembic_version")))
    shop.connect_to(shop.engine.url.set(username="clerk"))
    with (shop.path / "alembic.ini").open("a") as ini:
        ini.write("prepend_sys_path = .\n")
    try:
        found = shop.rehearsed("--rollback")
    finally:
        shop.execute("REASSIGN OWNED BY clerk TO CURRENT_USER", "DROP OWNED BY clerk", "DROP ROLE clerk")
    assert [(reason["kind"], reason["subject"]) for reason in found["reasons"]] == [("not compared", "public.secrets")]
    assert (found["verdict"], found["tables_compared"]) == ("safe with notes", 2)
