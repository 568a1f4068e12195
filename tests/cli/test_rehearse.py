"""``rehearse``: what it says of migrations that are right, and of those that are wrong in each way."""

from __future__ import annotations

import pytest
from rehearsed import ADD_COLUMN, DIRTY, DROP_COLUMN, SETTLE, TABLES, UNSETTLE, Shop

ON_COPY = ()
ROLLED_BACK = ("--rollback",)
WAYS = pytest.mark.parametrize("way", [ON_COPY, ROLLED_BACK], ids=["copy", "rollback"])


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
