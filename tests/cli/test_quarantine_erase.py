"""``quarantine erase``: a person who asks to be forgotten is in the quarantine, too."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from workplace import Workplace, cleaned


def posts(place: Workplace) -> list[tuple[int]]:
    return place.fetch("SELECT id FROM alembic_cascade.one_public_posts ORDER BY id")


def test_what_refers_to_the_person_goes_and_what_refers_to_that(blog: Workplace) -> None:
    """By the key of the quarantine first, then by the foreign keys of the database."""
    result = blog.run("erase", "users", "--key", "id=5", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Of public.users with id = 5, and of what refers to it, the quarantine holds:\n"
        "  2 rows of public.comments, revision one\n"
        "  2 rows of public.posts, revision one\n"
        "Erased 4 rows.\n"
    )
    assert blog.kept() == ["one_public_posts"]
    assert posts(blog) == [(40,)]
    assert blog.fetch("SELECT id FROM posts") == [(10,)]


def test_a_dry_run_says_it_and_erases_nothing(blog: Workplace) -> None:
    """No yes is needed, for nothing is lost."""
    result = blog.run("erase", "users", "--key", "id=5", "--dry-run")
    assert result.exit_code == 0
    assert "  2 rows of public.posts, revision one\n" in result.stdout
    assert "Erased" not in result.stdout
    assert len(posts(blog)) == 3


@pytest.mark.usefixtures("terminal")
def test_a_person_is_asked(blog: Workplace) -> None:
    """After the counts."""
    result = blog.run("erase", "users", "--key", "id=5", answer="n\n")
    assert (result.exit_code, len(posts(blog))) == (2, 3)
    assert result.stderr.startswith("Erase 4 rows from the quarantine for good? [y/N]: ")
    assert result.stdout.endswith("Nothing was changed.\n")
    assert blog.run("erase", "users", "--key", "id=5", answer="y\n").exit_code == 0
    assert posts(blog) == [(40,)]


def test_without_a_terminal_it_takes_a_yes(blog: Workplace) -> None:
    """The counts are said all the same."""
    result = blog.run("erase", "users", "--key", "id=5")
    assert result.exit_code == 2
    assert "  2 rows of public.posts, revision one\n" in result.stdout
    assert result.stderr == "error: There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.\n"
    assert len(posts(blog)) == 3


def test_rows_of_the_table_itself(blog: Workplace) -> None:
    """Found by any column; of several, all have to hold."""
    assert "1 row of public.posts" in blog.run("erase", "posts", "--key", "title=Other", "--dry-run").stdout
    both = ("--key", "user_id=5", "--key", "title=World")
    result = blog.run("erase", "public.posts", *both, "--yes")
    assert "  2 rows of public.comments, revision one\n  1 row of public.posts, revision one\n" in result.stdout
    assert posts(blog) == [(30,), (40,)]


def test_a_person_who_is_there_still_is_known_by_any_key(blog: Workplace) -> None:
    """Rows refer to the id, a request comes with an address; the row itself is the application's to delete."""
    blog.execute("INSERT INTO users VALUES (5, 'eve@example.org')")
    result = blog.run("erase", "users", "--key", "email=eve@example.org", "--yes")
    assert result.stdout == (
        "Of public.users with email = eve@example.org, and of what refers to it, the quarantine holds:\n"
        "  2 rows of public.comments, revision one\n"
        "  2 rows of public.posts, revision one\n"
        "1 row with that key is in public.users still, and not touched.\n"
        "Erased 4 rows.\n"
    )
    assert blog.fetch("SELECT id FROM users ORDER BY id") == [(1,), (5,)]


def test_a_person_in_the_quarantine_is_known_by_any_key(workplace: Workplace) -> None:
    """Her row was removed as well, by a rule or another revision."""
    workplace.execute(
        "CREATE TABLE teams (id integer PRIMARY KEY)",
        "CREATE TABLE users (id integer PRIMARY KEY, team_id integer, email text, boss_id integer REFERENCES users)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users ON DELETE CASCADE)",
        "INSERT INTO teams VALUES (1)",
        "INSERT INTO users VALUES (1, 1, 'a', NULL), (2, 9, 'b', NULL), (3, 9, 'c', NULL)",
        "INSERT INTO posts VALUES (10, 1), (20, 2), (30, 3)",
    )
    workplace.migrate(
        "one", "op.clean_orphans('users', 'teams', ['team_id'], ['id'], strategy='quarantine', revision=revision)"
    )
    result = workplace.run("erase", "users", "--key", "email=b", "--yes")
    assert "  1 row of public.posts, revision one\n  1 row of public.users, revision one\n" in result.stdout
    assert posts(workplace) == [(30,)]


def test_references_among_rows_of_one_table_are_followed(workplace: Workplace) -> None:
    """A thread hangs on its first message, in a circle at worst."""
    workplace.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer,"
        " reply_to integer REFERENCES posts ON DELETE CASCADE DEFERRABLE)",
        "INSERT INTO users VALUES (0)",
        "INSERT INTO posts VALUES (1, 5, NULL), (2, 6, 1), (3, 7, 2), (4, 6, NULL), (5, 6, 5)",
        "UPDATE posts SET reply_to = 3 WHERE id = 1",
    )
    workplace.migrate("one", cleaned())
    workplace.run("erase", "users", "--key", "id=5", "--yes")
    assert posts(workplace) == [(4,), (5,)]


def test_a_row_that_lost_a_value_is_not_followed(blog: Workplace) -> None:
    """The old value goes; the row lives on, and so do the comments on it."""
    blog.execute("INSERT INTO posts VALUES (50, 5, NULL)", "INSERT INTO comments VALUES (500, 50, 9)")
    author = "op.clean_orphans('comments', 'users', ['author_id'], ['id'], strategy='quarantine', revision=revision)"
    blog.migrate("two", cleaned("set_null"), author)
    result = blog.run("erase", "users", "--key", "id=5", "--yes")
    assert "  old values of 1 row of public.posts, revision two\n" in result.stdout
    assert blog.kept() == ["one_public_posts", "two_public_comments"]


def test_values_are_equal_as_their_types_have_it(workplace: Workplace) -> None:
    """Not as they happen to be written."""
    workplace.execute(
        "CREATE TABLE users (id uuid PRIMARY KEY, number numeric UNIQUE)",
        "INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000000', 0)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id uuid)",
        "CREATE TABLE files (id integer PRIMARY KEY, number numeric(10, 2), code varchar(3))",
        "INSERT INTO posts VALUES (1, 'ABCDEF00-0000-0000-0000-000000000000')",
        "INSERT INTO files VALUES (1, 5, 'abc')",
    )
    files = "op.clean_orphans('files', 'users', ['number'], ['number'], strategy='quarantine', revision=revision)"
    workplace.migrate("one", cleaned(), files)

    def found(*arguments: str) -> bool:
        return "the quarantine holds:\n" in workplace.run("erase", *arguments, "--dry-run").stdout

    assert found("users", "--key", "id=abcdef00000000000000000000000000")
    assert found("users", "--key", "number=05.000")
    assert not found("users", "--key", "number=5.001")
    # Nor are they cut to what fits.
    assert found("files", "--key", "code=abc")
    assert not found("files", "--key", "code=abcd")


def test_case_makes_no_difference_where_it_makes_none(workplace: Workplace) -> None:
    """A column of citext; its type is the user's, and the quarantine has its text."""
    # Not every server has the extension; a domain of that name is taken for its type.
    has_extension = workplace.fetch("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'")
    workplace.execute(
        "CREATE EXTENSION citext" if has_extension else "CREATE DOMAIN citext AS text",
        "CREATE TABLE users (email citext PRIMARY KEY)",
        "INSERT INTO users VALUES ('x')",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_email citext)",
        "INSERT INTO posts VALUES (1, 'Eve@example.org')",
    )
    workplace.migrate(
        "one",
        "op.clean_orphans('posts', 'users', ['user_email'], ['email'], strategy='quarantine', revision=revision)",
    )
    assert (
        "1 row of public.posts" in workplace.run("erase", "users", "--key", "email=eve@EXAMPLE.org", "--dry-run").stdout
    )
    assert (
        "1 row of public.posts"
        in workplace.run("erase", "posts", "--key", "user_email=EVE@example.org", "--dry-run").stdout
    )


def test_a_type_of_the_users_that_is_gone(workplace: Workplace) -> None:
    """Its values are in the quarantine as text, and are found as text."""
    workplace.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'so so')",
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, mood mood)",
        "INSERT INTO posts VALUES (1, 5, 'sad'), (2, 5, 'so so')",
    )
    workplace.migrate("one", cleaned())
    assert "1 row of" in workplace.run("erase", "posts", "--key", "mood=so so", "--dry-run").stdout
    workplace.execute("DROP TABLE posts", "DROP TYPE mood")
    assert "1 row of" in workplace.run("erase", "posts", "--key", "mood=so so", "--dry-run").stdout


def test_composite_keys(workplace: Workplace) -> None:
    """In whatever order they are given."""
    workplace.execute(
        "CREATE TABLE orders (shop integer, number integer, PRIMARY KEY (shop, number))",
        "INSERT INTO orders VALUES (1, 1)",
        "CREATE TABLE lines (id integer PRIMARY KEY, order_number integer, order_shop integer)",
        "INSERT INTO lines VALUES (1, 7, 3), (2, 3, 7)",
    )
    workplace.migrate(
        "one",
        "op.clean_orphans('lines', 'orders', ['order_number', 'order_shop'], ['number', 'shop'],"
        " strategy='quarantine', revision=revision)",
    )
    workplace.run("erase", "orders", "--key", "shop=3", "--key", "number=7", "--yes")
    assert workplace.fetch("SELECT id FROM alembic_cascade.one_public_lines") == [(2,)]


def test_nasty_names(workplace: Workplace) -> None:
    """Quotes, spaces, percent signs, colons, dots, equals signs, upper case, and our own prefix."""
    workplace.execute(
        'CREATE SCHEMA "My %Schema"',
        'CREATE TABLE "My %Schema"."Us.ers""1" ("I=D :x" integer PRIMARY KEY)',
        'CREATE TABLE "My %Schema"."Po%(s)sts" ("cascade_id" integer PRIMARY KEY, "User :id%" integer, "a""b" text)',
        'INSERT INTO "My %Schema"."Us.ers""1" VALUES (1)',
        """INSERT INTO "My %Schema"."Po%(s)sts" VALUES (10, 5, '%s :x'), (20, 6, NULL)""",
    )
    workplace.migrate(
        "Rev% 1",
        """op.clean_orphans('Po%(s)sts', 'Us.ers"1', ['User :id%'], ['I=D :x'], strategy='quarantine',""",
        """    revision=revision, source_schema='My %Schema', referent_schema='My %Schema')""",
    )
    (kept,) = workplace.json("show", "Rev% 1", "--table", "My %Schema.Po%(s)sts")
    assert kept["rows"][0]["values"] == {"cascade_id": 10, "User :id%": 5, 'a"b': "%s :x"}
    key = kept["keys"][0]["key"]
    assert key == '"My %Schema"."Po%(s)sts"("User :id%") -> "My %Schema"."Us.ers""1"("I=D :x")'
    shown = workplace.run("list", columns=80).stdout
    assert '"My %Schema"."Po%(s)sts"' in shown
    assert "".join(key.split()) in "".join(shown.split())
    arguments = ("erase", '"My %Schema"."Us.ers""1"', "--key", '"I=D :x"=5', "--yes")
    result = workplace.run(*arguments)
    assert '  1 row of "My %Schema"."Po%(s)sts", revision Rev% 1\n' in result.stdout
    assert len(workplace.json("show", "Rev% 1")[0]["rows"]) == 1
    result = workplace.run("restore", "Rev% 1", "--key", key, "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert workplace.fetch('SELECT cascade_id FROM "My %Schema"."Po%(s)sts"') == [(20,)]


@pytest.fixture
def tenants(workplace: Workplace) -> Workplace:
    """Two schemas with the same tables."""
    lines = []
    for schema in ("red", "blue"):
        workplace.execute(
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.users (id integer PRIMARY KEY)",
            f"CREATE TABLE {schema}.posts (id integer PRIMARY KEY, user_id integer)",
            f"INSERT INTO {schema}.users VALUES (1)",
            f"INSERT INTO {schema}.posts VALUES (10, 5)",
        )
        lines.append(cleaned(more=f", source_schema='{schema}', referent_schema='{schema}'"))
    workplace.migrate("one", *lines)
    return workplace


def test_another_tenants_rows_stay(tenants: Workplace) -> None:
    """The same id is another person there."""
    result = tenants.run("erase", "red.users", "--key", "id=5", "--yes")
    assert "  1 row of red.posts, revision one\n" in result.stdout
    assert tenants.kept() == ["one_blue_posts"]


def test_a_name_that_several_schemas_have_is_asked_back(tenants: Workplace) -> None:
    """Whose person it is can't be guessed."""
    result = tenants.run("erase", "users", "--key", "id=5", "--yes")
    assert result.exit_code == 2
    assert (
        result.stderr == "error: Several schemas have a table users. Name the one you mean: blue.users or red.users.\n"
    )
    assert len(tenants.kept()) == 2


def test_rows_of_partitions_are_known_under_their_table(workplace: Workplace) -> None:
    """A key of a partitioned table is one key, whatever partition a row is in."""
    workplace.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_1 PARTITION OF posts FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (10, 5)",
        "INSERT INTO comments VALUES (100, 10)",
    )
    workplace.migrate("one", cleaned())
    result = workplace.run("erase", "users", "--key", "id=5", "--yes")
    assert result.stdout.endswith("Erased 2 rows.\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["user", "--key", "id=5"], "There is no table user, neither in the database nor in the quarantine."),
        (["users", "--key", "mail=5"], "public.users has no column mail. It has: email, id."),
        (["users", "--key", "id=eve"], "public.users.id is of the type integer, which has no value 'eve'."),
        (["a.b.c", "--key", "id=5"], "'a.b.c' is not of the form [schema.]table"),
        (["users", "--key", "id"], "'id' is not of the form COLUMN=VALUE."),
        (["users"], "Missing option '--key'"),
    ],
)
def test_what_makes_no_sense_is_refused(blog: Workplace, arguments: list[str], problem: str) -> None:
    """A misspelt request must not look like one that found nothing."""
    result = blog.run("erase", *arguments, "--yes")
    assert result.exit_code == 2
    assert problem.replace(" user,", ' "user",') in result.stderr
    assert len(posts(blog)) == 3


def test_a_person_of_whom_nothing_is_there(blog: Workplace) -> None:
    """Nothing found is done, and says so."""
    result = blog.run("erase", "users", "--key", "id=99")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Of public.users with id = 99 the quarantine holds nothing.\n"


def test_rows_that_came_meanwhile_are_not_erased(blog: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost is what was shown."""

    def asked(*_: object, **__: object) -> None:
        blog.execute("UPDATE alembic_cascade.one_public_posts SET user_id = 5")

    monkeypatch.setattr("alembic_cascade.cli.quarantine.confirm", asked)
    result = blog.run("erase", "users", "--key", "id=5")
    assert result.exit_code == 2
    assert result.stderr == "error: The quarantine was changed meanwhile. Nothing was erased.\n"
    assert len(posts(blog)) == 3


def test_a_table_that_is_gone_is_known_by_the_quarantine(blog: Workplace) -> None:
    """The key for which the rows were set aside says what they referred to."""
    blog.execute("DROP TABLE users")
    result = blog.run("erase", "users", "--key", "id=5", "--yes")
    assert result.stdout.endswith("Erased 4 rows.\n")
    result = blog.run("erase", "users", "--key", "email=x", "--yes")
    assert result.stderr == "error: public.users has no column email. It has: id.\n"


def test_nothing_of_the_search_is_left(blog: Workplace, engine: Engine) -> None:
    """One session may ask twice."""
    from alembic_cascade.foreign_keys import TableName  # noqa: PLC0415
    from alembic_cascade.orphans.erasure import subject  # noqa: PLC0415

    with engine.begin() as connection:
        once = subject(connection, TableName(None, "users"), {"id": "5"})
        assert once == subject(connection, TableName("public", "users"), {"id": "5"})
        assert once is not None
        assert once.counts
