"""``impact``: what is printed, how it ends, and that nothing is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import NullPool, create_engine
from workplace import ENV, Workplace, shown

from alembic_cascade.cli.commands import cascade

TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY, boss integer REFERENCES users ON DELETE SET NULL)",
    "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users ON DELETE CASCADE)",
    "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE,"
    " parent_id integer REFERENCES comments ON DELETE CASCADE, author_id integer REFERENCES users ON DELETE CASCADE)",
    "CREATE TABLE likes (comment_id integer REFERENCES comments ON DELETE CASCADE)",
    "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users)",
    'CREATE TABLE "Audit Log" (id integer PRIMARY KEY, "User %" integer REFERENCES users ON DELETE SET DEFAULT)',
    "INSERT INTO users VALUES (1, NULL), (2, 1), (3, 1), (4, NULL)",
    "INSERT INTO posts SELECT n, 1 + n % 2 FROM generate_series(1, 10) AS n",
    "INSERT INTO comments SELECT n, n, nullif(n - 1, 0), 1 FROM generate_series(1, 10) AS n",
    "INSERT INTO likes SELECT 1 + n % 10 FROM generate_series(1, 100) AS n",
    "INSERT INTO orders VALUES (1, 1), (2, 2)",
    'INSERT INTO "Audit Log" VALUES (1, 1), (2, NULL)',
    "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "CREATE TRIGGER looks BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION look()",
)

IMPACT = """\
public.users  1 row deleted
├── public."Audit Log" ("User %")  SET DEFAULT: 1 row with "User %" set to the default
├── public.comments (author_id)  CASCADE: 10 rows removed
│   ├── public.comments (parent_id)  CASCADE: 9 rows removed
│   └── public.likes (comment_id)  CASCADE: 100 rows removed
├── public.orders (user_id)  NO ACTION: 1 row stands in the way
├── public.posts (user_id)  CASCADE: 5 rows removed
│   └── public.comments (post_id)  CASCADE: 5 rows removed, see above
└── public.users (boss)  SET NULL: 2 rows with boss set to NULL

table               removed  changed
public."Audit Log"        0        1
public.comments          10        0
public.likes            100        0
public.posts              5        0
public.users              1        2
total                   116        3

Not foreseen: public.posts: the trigger looks fires on DELETE.
1 row stands in the way: PostgreSQL would refuse.
"""

ALL_ROWS = """SELECT 'users', u::text FROM users AS u UNION ALL SELECT 'posts', p::text FROM posts AS p
    UNION ALL SELECT 'comments', c::text FROM comments AS c UNION ALL SELECT 'likes', l::text FROM likes AS l ORDER BY 1, 2"""


@pytest.fixture
def shop(workplace: Workplace) -> Workplace:
    """Users, what is theirs, and what is kept of them."""
    workplace.execute(*TABLES)
    return workplace


def impact(*arguments: str, columns: int | None = None) -> Result:
    environment = {"COLUMNS": None if columns is None else str(columns)}
    return CliRunner(env=environment).invoke(
        cascade, ["impact", *arguments], catch_exceptions=False, prog_name="alembic-cascade"
    )


def document(*arguments: str, status: int = 0) -> dict[str, Any]:
    result = impact(*arguments, "--format", "json")
    assert result.exit_code == status, result.output
    found = json.loads(result.stdout)
    assert found.pop("version") == 1
    (one,) = found["impacts"]
    return dict(one)


def removed(found: dict[str, Any]) -> dict[str, int]:
    return {table["table"]: table["removed"] for table in found["tables"]}


def effects(found: dict[str, Any]) -> dict[str, tuple[str, int, int, int]]:
    return {
        key["key"]: (key["effect"], key["rows"], key["in_the_way"], key["perhaps_in_the_way"]) for key in found["keys"]
    }


def test_the_tree_of_a_row(shop: Workplace) -> None:
    """Each key with its rows, a row once in the totals; nothing is changed."""
    before = shop.fetch(ALL_ROWS)
    result = impact("users", "--pk", "1")
    assert result.output == IMPACT
    assert result.exit_code == 1
    assert shop.fetch(ALL_ROWS) == before
    assert shop.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'cascade%'") == []


def test_the_tree_fits_into_a_terminal(shop: Workplace) -> None:
    """Of eighty columns, with the marks of the tree before a line that is broken."""
    lines = shown(impact("users", "--pk", "1", columns=60).stdout)
    assert max(map(len, lines)) <= 60
    assert lines[1] == '├── public."Audit Log" ("User %")  SET DEFAULT: 1 row with'
    assert lines[2] == '│   "User %" set to the default'


def test_the_document_of_a_row(shop: Workplace) -> None:
    """With the path to each key, and all that text says."""
    found = document("users", "--pk", "1", status=1)
    assert removed(found) == {"Audit Log": 0, "comments": 10, "likes": 100, "posts": 5, "users": 1}
    assert {key["key"]: key["path"] for key in found["keys"]}["likes_comment_id_fkey"] == [
        "comments_author_id_fkey",
        "likes_comment_id_fkey",
    ]
    assert found["not_foreseen"] == [
        {"kind": "trigger", "schema": "public", "table": "posts", "name": "looks", "event": "DELETE"}
    ]
    assert found["in_the_way"] is True
    assert effects(found)["orders_user_id_fkey"] == ("checked", 0, 1, 0)


def test_rows_that_nothing_refers_to(shop: Workplace) -> None:
    """Nothing stands in the way, so that the status is 0."""
    result = impact("users", "--pk", "4", "--pk", "4")
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "public.users  1 row deleted")
    assert result.output.endswith("\nNothing stands in the way.\n")


def test_no_row_at_all(shop: Workplace) -> None:
    """A condition may hold for nothing, a key has to be there."""
    result = impact("users", "--where", "id > 100")
    assert (result.exit_code, result.output) == (0, "No row of users fulfils that condition.\n")
    result = impact("users", "--pk", "1", "--pk", "77")
    assert (result.exit_code, result.output) == (2, "error: users has no row with the primary key 77.\n")


def test_a_condition_is_what_follows_where(shop: Workplace) -> None:
    """Of the table by its name, with subqueries, comments, percent signs and colons."""
    condition = "users.id = (SELECT max(user_id) FROM orders) AND 'a:b%s' LIKE 'a%' -- all of it"
    assert removed(document("users", "--where", condition, status=1))["posts"] == 5


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("id =", 'syntax error at or near ")"'),
        ("true) OR (true", 'syntax error at or near ")"'),
        ("true); DROP TABLE likes; SELECT (true", "must be one expression"),
        ("true] || ARRAY[true", 'syntax error at or near "]"'),
        ("true; SELECT 1", 'syntax error at or near ";"'),
        ("nope = 1", 'column "nope" does not exist'),
        ("id", "must be type boolean"),
        ("1 / (id - 1) = 1", "division by zero"),
        ("removes()", "cannot execute DELETE in a read-only transaction"),
        ("set_config('transaction_read_only', 'off', true) = 'off'", "cannot set transaction read-write mode"),
    ],
)
def test_conditions_that_can_not_be(shop: Workplace, condition: str, problem: str) -> None:
    """One line, and the database as it was: not even a function that writes gets through."""
    shop.execute(
        "CREATE FUNCTION removes() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN DELETE FROM likes; RETURN true; END'"
    )
    result = impact("users", "--where", condition)
    assert result.exit_code == 2
    assert problem in result.output
    assert len(result.output.splitlines()) == 1
    assert shop.fetch("SELECT count(*) FROM likes") == [(100,)]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nope", "--pk", "1"), "There is no table nope in the database."),
        (("users",), "Say which rows: by --pk or by --where, not by both."),
        (("users", "--pk", "1", "--where", "true"), "Say which rows: by --pk or by --where, not by both."),
        (("users", "--pk", "x"), 'invalid input syntax for type integer: "x"'),
        (("users", "--pk", "1,2"), "The primary key of users is (id), which 2 value(s) can't be."),
        (("users", "--pk", '1,"2'), "can't be read"),
        (("likes", "--pk", "1"), "likes has no primary key."),
        (("seen", "--pk", "1"), "seen is no table"),
        (("a.b.c", "--pk", "1"), "is not of the form [schema.]table"),
    ],
)
def test_bad_input(shop: Workplace, arguments: tuple[str, ...], problem: str) -> None:
    """Said in one line, with status 2."""
    shop.execute("CREATE VIEW seen AS SELECT * FROM users")
    result = impact(*arguments)
    assert result.exit_code == 2
    assert problem in result.output


@pytest.mark.parametrize(
    "arguments", [("users", "--pk", "\udcff"), ("users", "--where", "'\udcff' = ''"), ("\udcff", "--pk", "1")]
)
def test_bytes_that_are_no_text(shop: Workplace, arguments: tuple[str, ...]) -> None:
    """As a shell gives them, and Python takes them."""
    before = shop.fetch(ALL_ROWS)
    result = impact(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: An argument has bytes that are no UTF-8, and PostgreSQL can't be asked for them.\n"
    assert shop.fetch(ALL_ROWS) == before


def test_keys_of_several_columns(workplace: Workplace) -> None:
    """In the order of the primary key, which is not that of the table; a value with a comma stands in quotes."""
    workplace.execute(
        'CREATE TABLE lines (number integer, "order" text, PRIMARY KEY ("order", number))',
        'CREATE TABLE parts (o text, n integer, FOREIGN KEY (o, n) REFERENCES lines ("order", number) ON DELETE SET NULL (n))',
        "INSERT INTO lines VALUES (1, 'a,b'), (2, 'a,b'), (1, 'say \"x\"')",
        "INSERT INTO parts VALUES ('a,b', 1), ('a,b', 2), ('a,b', NULL), ('say \"x\"', 1)",
    )
    found = document("lines", "--pk", '"a,b",1', "--pk", '"say ""x""", 1')
    assert removed(found) == {"lines": 2, "parts": 0}
    assert effects(found) == {"parts_o_n_fkey": ("set_null", 2, 0, 0)}
    assert found["keys"][0]["changes"] == ["n"]


def test_a_value_with_a_comma_of_a_single_column(workplace: Workplace) -> None:
    """In quotes, and without a comma as it is."""
    workplace.execute("CREATE TABLE tags (name text PRIMARY KEY)", "INSERT INTO tags VALUES ('a,b'), (''), (' c d')")
    for key in ('"a,b"', "", " c d"):
        assert removed(document("tags", "--pk", key)) == {"tags": 1}


def test_a_transaction_that_env_py_does_not_begin(shop: Workplace) -> None:
    """Each statement by itself: then one is begun for what is looked at."""
    shop.write_env(ENV.replace("poolclass=pool.NullPool", "poolclass=pool.NullPool, isolation_level='AUTOCOMMIT'"))
    assert impact("users", "--pk", "1").output == IMPACT


def test_a_session_that_is_read_only(shop: Workplace) -> None:
    """It can't keep what is found."""
    address = shop.engine.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    shop.connect_to(address)
    result = impact("users", "--pk", "1")
    assert result.exit_code == 2
    assert "in a session whose default_transaction_read_only is off" in result.output


def test_another_database_is_refused(shop: Workplace) -> None:
    """Its catalogue is another one."""
    engine = create_engine("sqlite:///other.db", poolclass=NullPool)
    shop.connect_to(engine.url)
    result = impact("users", "--pk", "1")
    assert (result.exit_code, result.output.split(".")[0]) == (2, "error: An impact can't be done on sqlite")


def test_several_databases(shop: Workplace) -> None:
    """Each is told under its name; a table need not be in all of them."""
    twice = ENV.replace("with engine.connect()", "for _ in 'ab':\n  with engine.connect()").replace(
        "\n    ", "\n      "
    )
    shop.write_env(twice)
    lines = impact("users", "--pk", "4").output.splitlines()
    named = f"Database {shop.engine.url.database}"
    assert [line for line in lines if line.startswith("Database ")] == [named, named]
