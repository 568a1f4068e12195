"""``rehearse``: its report, and what is only noted in it."""

from __future__ import annotations

import re

from rehearsed import ADD_COLUMN, DIRTY, DROP_COLUMN, SETTLE, TABLES, UNSETTLE, Shop
from workplace import ENV


def test_nothing_to_rehearse(shop: Shop) -> None:
    """The database is there already."""
    shop.open()
    for way in ((), ("--rollback",)):
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
