"""``quarantine show``: the rows, as they were."""

from __future__ import annotations

from workplace import KEY, Workplace, cleaned, shown


def test_rows_stand_below_the_reason(blog: Workplace) -> None:
    """Why a row is gone is the first thing that is asked."""
    result = blog.run("show", "one", "--table", "comments", columns=80)
    assert result.exit_code == 0
    assert shown(result.stdout) == [
        "public.comments, 2 rows, revision one",
        "kept in alembic_cascade.one_public_comments",
        "",
        "removed TIME UTC, ON DELETE CASCADE of comments_post_id_fkey",
        f"key {KEY}",
        " id  post_id  author_id",
        "200       20          1",
        "300       20          5",
        "",
    ]


def test_rows_too_wide_for_the_terminal_stand_upright(blog: Workplace) -> None:
    """A long text is folded below itself, not into the neighbouring column."""
    blog.execute(f"UPDATE alembic_cascade.one_public_posts SET title = '{'long ' * 20}' WHERE id = 20")
    lines = shown(blog.run("show", "one", "--table", "posts", columns=80).stdout)
    assert lines[5:10] == [
        "  id       20",
        "  user_id  5",
        "  title    " + " ".join(["long"] * 14),
        "           " + " ".join(["long"] * 6),
        "",
    ]
    assert max(map(len, lines)) <= 80


def test_all_tables_of_the_revision_are_shown(blog: Workplace) -> None:
    """What a removal took along belongs to it."""
    output = blog.run("show", "one").stdout
    assert "public.comments, 2 rows" in output
    assert "public.posts, 3 rows" in output


def test_the_limit_is_said(blog: Workplace) -> None:
    """Nobody takes the first rows for all of them."""
    result = blog.run("show", "one", "--table", "public.posts", "--limit", "2")
    assert "public.posts, 2 of 3 rows, revision one" in result.stdout
    assert "Other" not in result.stdout
    (posts,) = blog.json("show", "one", "--table", "public.posts", "--limit", "2")
    assert (posts["removed"], len(posts["rows"])) == (3, 2)


def test_json_has_the_values_exactly(workplace: Workplace) -> None:
    """A float between would cut a numeric; what JSON has no type for is PostgreSQL's own text."""
    workplace.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'so so')",
        "CREATE TABLE users (id bigint PRIMARY KEY)",
        "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (user_id bigint, price numeric, at timestamp, bytes bytea, doc jsonb, flag boolean, mood mood,"
        " words text[], rate double precision)",
        "INSERT INTO posts VALUES (9007199254740993, 0.10000000000000000000000000001, '2020-01-02 03:04:05.678901',"
        r""" '\x00ff', '{"a": 1.50}', true, 'so so', ARRAY['a', NULL], 'NaN')""",
    )
    workplace.migrate("one", cleaned())
    (posts,) = workplace.json("show", "one")
    (row,) = posts["rows"]
    assert row.pop("at") == posts["first"]
    assert row == {
        "id": 1,
        "key": KEY,
        "constraint": KEY,
        "reason": "orphan",
        "change": None,
        "values": {
            "user_id": 9007199254740993,
            "price": "0.10000000000000000000000000001",
            "at": "2020-01-02 03:04:05.678901",
            "bytes": r"\x00ff",
            "doc": '{"a": 1.50}',
            "flag": True,
            "mood": "so so",
            "words": "{a,NULL}",
            "rate": "NaN",
        },
    }
    assert [column["type"] for column in posts["columns"]] == [
        "bigint",
        "numeric",
        "timestamp without time zone",
        "bytea",
        "jsonb",
        "boolean",
        "mood",
        "text[]",
        "double precision",
    ]


def test_a_changed_row_says_what_it_lost(blog: Workplace) -> None:
    """Its old value is the one shown."""
    blog.execute("INSERT INTO posts VALUES (50, 7, NULL)")
    blog.migrate("two", cleaned("set_null"))
    lines = shown(blog.run("show", "two").stdout)
    assert "lost user_id TIME UTC, orphan" in lines
    assert "50        7  NULL" in lines
    (posts,) = blog.json("show", "two")
    assert posts["rows"][0]["change"] == {"found_by": ["id"], "set": ["user_id"], "left": {"user_id": None}}
    assert posts["rows"][0]["values"] == {"id": 50, "user_id": 7, "title": None}


def test_what_a_terminal_would_obey_is_escaped(blog: Workplace) -> None:
    """Rows are other people's text: it neither colours nor clears the screen, and looks like no markup of ours."""
    blog.execute(r"UPDATE alembic_cascade.one_public_posts SET title = E'\x1b[2J[bold]a\nb' WHERE id = 20")
    output = blog.run("show", "one").stdout
    assert r"\x1b[2J[bold]a\nb" in output
    assert "\x1b" not in output


def test_nothing_of_that_revision(blog: Workplace) -> None:
    """Nothing found is no failure."""
    result = blog.run("show", "two")
    assert (result.exit_code, result.stdout) == (0, "The quarantine holds nothing of the revision two.\n")
    result = blog.run("show", "one", "--table", "audit.posts")
    assert result.stdout == "The quarantine holds nothing of the revision one of the table audit.posts.\n"
    assert blog.json("show", "two") == []


def test_a_table_that_can_not_be_read_is_refused(blog: Workplace) -> None:
    """Whether the dot is in the name or before it can't be guessed."""
    result = blog.run("show", "one", "--table", "a.b.c")
    assert result.exit_code == 2
    assert "'a.b.c' is not of the form [schema.]table" in result.stderr
