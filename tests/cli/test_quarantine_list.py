"""``quarantine list``: a line for each revision and table, wherever it is kept."""

from __future__ import annotations

import re

from workplace import ENV, KEY, Workplace, cleaned, shown


def fields(text: str) -> list[str]:
    """The lines of a table, with a bar between its columns."""
    return [re.sub(" {2,}", " | ", line) for line in shown(text)]


def test_an_empty_quarantine_says_so(workplace: Workplace) -> None:
    """Nobody wonders whether the command looked at all."""
    result = workplace.run("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "The quarantine is empty.\n", "")
    assert workplace.json("list") == []


def test_a_file_has_one_line_for_each_table(blog: Workplace) -> None:
    """What is piped is cut at no width."""
    result = blog.run("list")
    assert result.exit_code == 0
    assert fields(result.stdout) == [
        "revision | table | removed | changed | set aside | kept in | key",
        f"one | public.comments | 2 | 0 | TIME UTC | alembic_cascade.one_public_comments | {KEY}",
        f"one | public.posts | 3 | 0 | TIME UTC | alembic_cascade.one_public_posts | {KEY}",
    ]


def test_a_narrow_terminal_gets_a_few_lines_for_each_table(blog: Workplace) -> None:
    """Eighty columns are not enough for names as long as these, and a folded name can't be copied."""
    result = blog.run("list", columns=80)
    assert shown(result.stdout) == [
        "one  public.comments",
        "  rows       2 removed, 0 changed",
        "  set aside  TIME UTC",
        "  kept in    alembic_cascade.one_public_comments",
        f"  key        {KEY}",
        "",
        "one  public.posts",
        "  rows       3 removed, 0 changed",
        "  set aside  TIME UTC",
        "  kept in    alembic_cascade.one_public_posts",
        f"  key        {KEY}",
    ]


def test_json_has_the_same_and_the_names_apart(blog: Workplace) -> None:
    """A program that reads it has no names to take apart."""
    comments, posts = blog.json("list")
    times = {posts.pop("first"), posts.pop("last"), comments.pop("first")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", time) for time in times)
    assert posts == {
        "database": blog.engine.url.database,
        "revision": "one",
        "unknown_revision": False,
        "schema": "public",
        "table": "posts",
        "removed": 3,
        "changed": 0,
        "quarantine": {"schema": "alembic_cascade", "table": "one_public_posts"},
        "keys": [{"key": KEY, "removed": 3, "changed": 0}],
    }
    assert comments["table"] == "comments"


def test_a_revision_that_the_scripts_lack_is_unknown(blog: Workplace) -> None:
    """A revision that was squashed or deleted restores nothing any more: somebody has to decide."""
    (blog.path / "migrations" / "versions" / "1.py").unlink()
    assert fields(blog.run("list").stdout)[1].startswith("one (unknown revision) | public.comments")
    assert "one (unknown revision)  public.posts" in blog.run("list", columns=80).stdout
    assert [table["unknown_revision"] for table in blog.json("list")] == [True, True]


def test_rows_that_lost_a_value_are_counted_apart(blog: Workplace) -> None:
    """They are in their table still."""
    blog.execute("INSERT INTO posts VALUES (50, 7, 'Lost'), (60, 8, 'Lost, too')")
    blog.migrate("two", cleaned("set_null"))
    assert fields(blog.run("list").stdout)[-1] == (
        f"two | public.posts | 0 | 2 | TIME UTC | alembic_cascade.two_public_posts | {KEY}"
    )
    assert blog.json("list")[-1]["keys"] == [{"key": KEY, "removed": 0, "changed": 2}]


def test_every_schema_of_the_database_is_looked_at(blog: Workplace) -> None:
    """Each revision may keep its rows elsewhere: in a schema of another name, or among the user's own tables."""
    blog.execute("INSERT INTO posts VALUES (50, 7, 'Lost')")
    blog.migrate("two", cleaned("quarantine", ", quarantine_schema='aside'"))
    blog.execute("INSERT INTO posts VALUES (60, 8, 'Lost')")
    blog.migrate("three", cleaned("quarantine", ", quarantine_schema=None"))
    assert {(table["revision"], table["quarantine"]["schema"]) for table in blog.json("list")} == {
        ("one", "alembic_cascade"),
        ("two", "aside"),
        ("three", "public"),
    }


def test_other_tables_with_comments_are_not_listed(blog: Workplace) -> None:
    """A comment that looks like JSON is nobody's quarantine."""
    before = blog.json("list")
    blog.execute(
        """COMMENT ON TABLE users IS '{"alembic_cascade": "something else"}'""",
        "COMMENT ON TABLE posts IS '{no json'",
    )
    assert blog.json("list") == before


def test_a_time_span_and_several_keys(blog: Workplace) -> None:
    """A revision may settle more than one key of a table, at different times."""
    blog.execute(
        """INSERT INTO alembic_cascade.one_public_posts (cascade_key, cascade_constraint, cascade_reason, cascade_at, id)
           VALUES ('public.posts(other) -> public.users(id)', 'c', 'orphan', '2001-02-03 04:05:06+00', 99)"""
    )
    posts = blog.json("list")[1]
    assert posts["first"].startswith("2001-02-03T")
    assert posts["last"] > "2020"
    assert [key["key"] for key in posts["keys"]] == ["public.posts(other) -> public.users(id)", KEY]
    line = fields(blog.run("list").stdout)[2]
    assert "TIME .. TIME UTC" in line
    assert line.endswith(f"public.posts(other) -> public.users(id); {KEY}")


def test_a_table_that_somebody_emptied(blog: Workplace) -> None:
    """It is there still, and a purge takes it away."""
    blog.execute("DELETE FROM alembic_cascade.one_public_posts")
    assert fields(blog.run("list").stdout)[2] == (
        "one | public.posts | 0 | 0 | never | alembic_cascade.one_public_posts"
    )
    posts = blog.json("list")[1]
    assert (posts["first"], posts["last"], posts["keys"]) == (None, None, [])
    assert "  0 rows of public.posts, revision one\n" in blog.run("purge", "--older-than", "1", "--yes").stdout


def test_another_tenants_quarantine_is_left_out(blog: Workplace) -> None:
    """A role sees its own, and is not stopped by what is none of its business."""
    blog.execute(
        "DROP ROLE IF EXISTS cascade_guest",
        "CREATE ROLE cascade_guest",
        "GRANT SELECT ON alembic_version TO cascade_guest",
        "REVOKE USAGE ON SCHEMA public FROM public",
        "CREATE SCHEMA tenant AUTHORIZATION cascade_guest",
        "SET ROLE cascade_guest",
        "CREATE TABLE tenant.kept (cascade_id bigint PRIMARY KEY, cascade_key text, cascade_constraint text,"
        " cascade_reason text, cascade_at timestamptz, cascade_change jsonb, id integer)",
        """COMMENT ON TABLE tenant.kept IS
           '{"alembic_cascade" : "quarantine", "revision" : "one", "schema" : "tenant", "table" : "posts"}'""",
        "INSERT INTO tenant.kept VALUES (1, 'no key', 'c', 'orphan', now(), NULL, 7)",
        "RESET ROLE",
    )
    try:
        assert len(blog.json("list")) == 3
        blog.write_env(
            ENV.replace(
                "    context.configure",
                "    connection.exec_driver_sql('SET ROLE cascade_guest')\n    connection.commit()\n    context.configure",
            )
        )
        (kept,) = blog.json("list")
        assert kept["schema"] == "tenant"
        # A key that nobody can read refers to nothing.
        result = blog.run("erase", "tenant.posts", "--key", "id=7", "--yes")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.endswith("  1 row of tenant.posts, revision one\nErased 1 row.\n")
        assert blog.json("list") == []
    finally:
        blog.execute("DROP OWNED BY cascade_guest", "DROP ROLE cascade_guest")
