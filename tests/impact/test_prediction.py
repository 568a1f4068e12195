"""What is foreseen of single schemas, each beside what the DELETE does."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact.prediction import KeyImpact, Prediction, predict

USERS = "CREATE TABLE users (id integer PRIMARY KEY)"
TWO_USERS = "INSERT INTO users VALUES (1), (2)"


def foreseen(engine: Engine, *statements: str, table: str = "users", where: str = "id = 1") -> Prediction:
    """The prediction for a database that is made so."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    with engine.connect() as connection:
        found = predict(connection, TableName(None, table), where)
    assert found is not None
    return found


def refusal(engine: Engine, table: str = "users", where: str = "id = 1") -> str | None:
    """What the DELETE is refused with, if it is; rolled back."""
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {where}")
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        except DBAPIError as error:
            return str(error.orig).partition("\n")[0]
        finally:
            connection.rollback()
    return None


def removed(found: Prediction) -> dict[str, int]:
    return {each.table.name: each.removed for each in found.tables if each.removed}


def only(found: Prediction) -> KeyImpact:
    (key,) = found.keys
    return key


def remarks(found: Prediction) -> list[tuple[str, str, str | None]]:
    return [(remark.kind, remark.table.name, remark.name) for remark in found.remarks]


@pytest.mark.parametrize("rule", ["NO ACTION", "RESTRICT"])
@pytest.mark.parametrize("order", [("author", "editor"), ("editor", "author")])
def test_a_row_that_goes_by_another_key_stands_in_the_way_by_the_order_of_triggers(
    engine: Engine, rule: str, order: tuple[str, str]
) -> None:
    """Of one row the triggers fire in the order of their names: neither rule waits for the end of the statement."""
    keys = {"author": "ON DELETE CASCADE", "editor": f"ON DELETE {rule}"}
    found = foreseen(
        engine, USERS, TWO_USERS,
        "CREATE TABLE posts (id integer PRIMARY KEY, author integer, editor integer)",
        *(f"ALTER TABLE posts ADD FOREIGN KEY ({column}) REFERENCES users {keys[column]}" for column in order),
        "INSERT INTO posts VALUES (1, 1, 1)",
    )  # fmt: skip
    assert found.is_blocked == (order[0] == "editor") == (refusal(engine) is not None)


def test_a_row_that_goes_two_keys_further_on_stands_in_the_way(engine: Engine) -> None:
    """It is still there when the first key's trigger looks; a key that is deferred looks at the end."""
    found = foreseen(
        engine, USERS, TWO_USERS,
        "CREATE TABLE posts (id integer PRIMARY KEY, author integer REFERENCES users ON DELETE CASCADE)",
        "CREATE TABLE comments (post integer REFERENCES posts ON DELETE CASCADE, author integer REFERENCES users)",
        "INSERT INTO posts VALUES (1, 1)", "INSERT INTO comments VALUES (1, 1)",
    )  # fmt: skip
    assert [key.blocked for key in found.keys] == [1, 0, 0]
    assert refusal(engine) is not None
    found = foreseen(engine, "ALTER TABLE comments ALTER CONSTRAINT comments_author_fkey DEFERRABLE INITIALLY DEFERRED")
    assert not found.is_blocked
    assert refusal(engine) is None


def test_rows_of_which_the_order_decides(engine: Engine) -> None:
    """Two rows are deleted by one statement: nobody knows which comes first."""
    found = foreseen(
        engine, USERS, TWO_USERS,
        "CREATE TABLE posts (author integer REFERENCES users ON DELETE CASCADE, editor integer REFERENCES users)",
        "INSERT INTO posts VALUES (1, 2)", where="true",
    )  # fmt: skip
    assert [(key.blocked, key.perhaps_blocked) for key in found.keys] == [(0, 0), (0, 1)]
    assert found.is_blocked


def test_a_key_that_is_changed_first_removes_nothing(engine: Engine) -> None:
    """Two keys on one column, of which the older one acts first."""
    found = foreseen(
        engine, USERS, TWO_USERS,
        "CREATE TABLE posts (author integer CONSTRAINT a REFERENCES users ON DELETE SET NULL"
        " CONSTRAINT b REFERENCES users ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (1)",
    )  # fmt: skip
    assert {key.name: (key.effect, key.rows) for key in found.keys} == {"a": ("set_null", 1)}
    assert removed(found) == {"users": 1}
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM users WHERE id = 1")
        assert connection.exec_driver_sql("SELECT author FROM posts").all() == [(None,)]


def test_a_self_reference_of_any_depth(engine: Engine) -> None:
    """Each round of triggers is one level."""
    found = foreseen(
        engine, "CREATE TABLE nodes (id integer PRIMARY KEY, parent integer REFERENCES nodes ON DELETE CASCADE)",
        "INSERT INTO nodes SELECT n, nullif(n - 1, 0) FROM generate_series(1, 300) AS n", table="nodes",
    )  # fmt: skip
    assert (only(found).rows, removed(found)) == (299, {"nodes": 300})


def test_a_cycle_ends(engine: Engine) -> None:
    """Rows that refer to each other go once."""
    found = foreseen(
        engine, USERS, "CREATE TABLE teams (id integer PRIMARY KEY, lead integer REFERENCES users ON DELETE CASCADE)",
        "ALTER TABLE users ADD team integer REFERENCES teams ON DELETE CASCADE",
        "INSERT INTO users VALUES (1), (2)", "INSERT INTO teams VALUES (1, 1), (2, 2)",
        "UPDATE users SET team = 3 - id",
    )  # fmt: skip
    assert removed(found) == {"users": 2, "teams": 2}
    assert [key.rows for key in found.keys] == [2, 2]


def test_a_diamond_counts_a_row_once_in_the_totals(engine: Engine) -> None:
    """And at each key by which it refers to what goes."""
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE a (id integer PRIMARY KEY, u integer REFERENCES users ON DELETE CASCADE)",
        "CREATE TABLE b (id integer PRIMARY KEY, u integer REFERENCES users ON DELETE CASCADE)",
        "CREATE TABLE c (a integer REFERENCES a ON DELETE CASCADE, b integer REFERENCES b ON DELETE CASCADE)",
        "INSERT INTO a VALUES (1, 1)", "INSERT INTO b VALUES (1, 1)", "INSERT INTO c VALUES (1, 1), (1, NULL)",
    )  # fmt: skip
    assert removed(found) == {"a": 1, "b": 1, "c": 2, "users": 1}
    assert {key.name: key.rows for key in found.keys} == {"a_u_fkey": 1, "b_u_fkey": 1, "c_a_fkey": 2, "c_b_fkey": 1}


def test_partitions_stand_under_their_table(engine: Engine) -> None:
    """As parent and as child, the rows of each partition found."""
    found = foreseen(
        engine, "CREATE TABLE users (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE users_2 PARTITION OF users FOR VALUES FROM (10) TO (20)",
        "CREATE TABLE posts (id integer, author integer REFERENCES users ON DELETE CASCADE) PARTITION BY HASH (id)",
        "CREATE TABLE posts_0 PARTITION OF posts FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE posts_1 PARTITION OF posts FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "INSERT INTO users VALUES (1), (11)", "INSERT INTO posts SELECT n, 1 + 10 * (n % 2) FROM generate_series(1, 9) AS n",
        where="true",
    )  # fmt: skip
    assert removed(found) == {"users": 2, "posts": 9}
    assert (only(found).table.name, only(found).parent.name, only(found).rows) == ("posts", "users", 9)
    assert removed(foreseen(engine, table="users_2", where="true")) == {"users": 1, "posts": 5}


def test_rows_of_tables_that_inherit_are_deleted_too(engine: Engine) -> None:
    """They are not what a key refers to, nor what it removes."""
    found = foreseen(
        engine, USERS, "CREATE TABLE staff () INHERITS (users)", "INSERT INTO users VALUES (1)",
        "INSERT INTO staff VALUES (1)",
        "CREATE TABLE posts (author integer REFERENCES users ON DELETE CASCADE)", "CREATE TABLE notes () INHERITS (posts)",
        "INSERT INTO posts VALUES (1)", "INSERT INTO notes VALUES (1)",
    )  # fmt: skip
    assert removed(found) == {"users": 1, "staff": 1, "posts": 1}
    assert {each.table.name: each.deleted for each in found.tables} == {"users": 1, "staff": 1, "posts": 0}


def test_other_schemas_and_names_of_all_kinds(engine: Engine) -> None:
    """Quoted where they have to be."""
    found = foreseen(
        engine, 'CREATE SCHEMA "a.b"', 'CREATE TABLE "a.b"."user""s %" ("select" text PRIMARY KEY)',
        'CREATE TABLE "Order" ("By :x" text REFERENCES "a.b"."user""s %" ON UPDATE CASCADE ON DELETE CASCADE)',
        """INSERT INTO "a.b"."user""s %" VALUES ('it''s')""", """INSERT INTO "Order" VALUES ('it''s')""",
        "CREATE TABLE users (id integer)",
    )  # fmt: skip
    with engine.connect() as connection:
        given = predict(connection, TableName("a.b", 'user"s %'), [("it's",), ("it is",)])
    assert found.tables == ()
    assert given is not None
    assert (removed(given), given.missing) == ({'user"s %': 1, "Order": 1}, (("it is",),))


@pytest.mark.parametrize("switched_off", [True, False])
def test_a_trigger_of_a_key_that_is_switched_off(engine: Engine, *, switched_off: bool) -> None:
    """The key does nothing, and rows are left that refer to nothing."""
    state = "DISABLE" if switched_off else "ENABLE"
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE posts (author integer REFERENCES users ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (1), (1), (2)", f"ALTER TABLE users {state} TRIGGER ALL",
    )  # fmt: skip
    assert (only(found).effect, only(found).rows) == ("ignored" if switched_off else "removed", 2)
    assert removed(found).get("posts", 0) == (0 if switched_off else 2)


def test_a_key_that_is_not_enforced(engine: Engine) -> None:
    """Nothing is removed, nothing stands in the way; NOT VALID makes no difference to a DELETE."""
    with engine.connect() as connection:
        if connection.dialect.server_version_info < (18,):  # type: ignore[operator]
            pytest.skip("needs PostgreSQL 18")
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE posts (author integer)", "INSERT INTO posts VALUES (1), (7)",
        "ALTER TABLE posts ADD CONSTRAINT loose FOREIGN KEY (author) REFERENCES users ON DELETE CASCADE NOT ENFORCED",
        "ALTER TABLE posts ADD CONSTRAINT late FOREIGN KEY (author) REFERENCES users NOT VALID",
    )  # fmt: skip
    assert {key.name: (key.effect, key.enforced, key.rows, key.blocked) for key in found.keys} == {
        "late": ("checked", True, 0, 1),
        "loose": ("ignored", False, 1, 0),
    }


@pytest.mark.parametrize(
    ("column", "rule", "problem"),
    [
        ("author integer NOT NULL", "SET NULL", "NOT NULL (author)"),
        ("author integer NOT NULL", "SET DEFAULT", "NOT NULL (author)"),
        ("author integer NOT NULL DEFAULT 2", "SET DEFAULT", None),
        ("author integer DEFAULT 1", "SET DEFAULT", "default"),
        ("author integer DEFAULT 3", "SET DEFAULT", "default"),
        ("author integer", "SET DEFAULT", None),
    ],
)
def test_values_that_can_not_be_set(engine: Engine, column: str, rule: str, problem: str | None) -> None:
    """NULL in a column that is NOT NULL, and a default that refers to nothing that is left."""
    found = foreseen(
        engine, USERS, TWO_USERS, f"CREATE TABLE posts ({column} REFERENCES users ON DELETE {rule})",
        "INSERT INTO posts VALUES (1)",
    )  # fmt: skip
    key = only(found)
    assert (key.rows, key.blocked, key.problem) == (1, int(problem is not None), problem)
    assert (refusal(engine) is None) == (problem is None)


@pytest.mark.parametrize(("columns", "blocked"), [("(x)", 1), ("(x, y)", 0), ("", 0)])
def test_a_part_of_a_key_that_is_match_full(engine: Engine, columns: str, blocked: int) -> None:
    """It must be NULL as a whole."""
    found = foreseen(
        engine, "CREATE TABLE users (id integer, n integer, PRIMARY KEY (id, n))", "INSERT INTO users VALUES (1, 1)",
        "CREATE TABLE posts (x integer, y integer, FOREIGN KEY (x, y) REFERENCES users MATCH FULL ON DELETE SET NULL"
        f" {columns})", "INSERT INTO posts VALUES (1, 1)",
    )  # fmt: skip
    assert (only(found).blocked, only(found).problem) == (blocked, "MATCH FULL" if blocked else None)
    assert (refusal(engine) is None) == (not blocked)


def test_a_default_beside_a_null_in_a_key_that_is_match_full(engine: Engine) -> None:
    """Another key on the same columns is broken by what SET DEFAULT sets: found on random rows."""
    found = foreseen(
        engine, "CREATE TABLE users (id integer, n integer, PRIMARY KEY (id, n))", "INSERT INTO users VALUES (1, 1)",
        "CREATE TABLE posts (x integer, y integer DEFAULT 1,"
        " CONSTRAINT a FOREIGN KEY (x, y) REFERENCES users ON DELETE SET DEFAULT,"
        " CONSTRAINT b FOREIGN KEY (x, y) REFERENCES users MATCH FULL DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO posts VALUES (1, 1)",
    )  # fmt: skip
    assert {key.name: (key.blocked, key.problem) for key in found.keys} == {"a": (1, "MATCH FULL")}
    assert refusal(engine) is not None


def test_two_keys_that_change_the_same_row_in_one_round(engine: Engine) -> None:
    """The one that comes first keeps the other from what would be refused: found on random rows."""
    found = foreseen(
        engine, "CREATE TABLE users (id integer, n integer, PRIMARY KEY (id, n))", "INSERT INTO users VALUES (1, 1), (2, 2)",
        "CREATE TABLE posts (x integer, y integer NOT NULL,"
        " CONSTRAINT a FOREIGN KEY (x, y) REFERENCES users ON DELETE SET NULL (x),"
        " CONSTRAINT b FOREIGN KEY (x, y) REFERENCES users ON DELETE SET NULL (y))",
        "INSERT INTO posts VALUES (1, 1)", where="true",
    )  # fmt: skip
    assert {key.name: (key.blocked, key.perhaps_blocked) for key in found.keys} == {"a": (0, 0), "b": (0, 1)}
    assert refusal(engine, where="true") is None


def test_what_refers_to_a_value_that_is_set(engine: Engine) -> None:
    """ON UPDATE acts where the column is part of another key's referent."""
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE posts (author integer UNIQUE REFERENCES users ON DELETE SET NULL)",
        "CREATE TABLE likes (author integer REFERENCES posts (author) ON UPDATE CASCADE)",
        "CREATE TABLE seen (author integer REFERENCES posts (author) ON UPDATE RESTRICT)",
        "INSERT INTO posts VALUES (1)", "INSERT INTO likes VALUES (1), (1)",
    )  # fmt: skip
    assert {key.name: (key.effect, key.rows) for key in found.keys} == {
        "posts_author_fkey": ("set_null", 1),
        "likes_author_fkey": ("updated", 2),
    }
    assert refusal(engine) is None
    found = foreseen(engine, "INSERT INTO seen VALUES (1)")
    assert found.is_blocked
    assert refusal(engine) is not None


def test_what_can_not_be_foreseen_is_said(engine: Engine) -> None:
    """Triggers and rules of the user's, constraints on what changes, defaults that would be used up."""
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE SEQUENCE numbers",
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER looks AFTER DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION look()",
        "CREATE TRIGGER is_off AFTER DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION look()",
        "ALTER TABLE users DISABLE TRIGGER is_off",
        "CREATE TABLE posts (author integer DEFAULT nextval('numbers') REFERENCES users ON DELETE SET DEFAULT,"
        " CONSTRAINT early CHECK (author < 100), CONSTRAINT once UNIQUE (author))",
        "CREATE RULE late AS ON UPDATE TO posts DO ALSO SELECT 1",
        "INSERT INTO posts VALUES (1)",
    )  # fmt: skip
    assert remarks(found) == [
        ("check", "posts", "early"),
        ("default", "posts", "posts_author_fkey"),
        ("rule", "posts", "late"),
        ("trigger", "users", "looks"),
        ("unique", "posts", "once"),
    ]


def test_rows_that_would_move_to_another_partition(engine: Engine) -> None:
    """Where the value that changes is what they are parted by."""
    found = foreseen(
        engine, USERS, TWO_USERS,
        "CREATE TABLE posts (author integer REFERENCES users ON DELETE SET NULL) PARTITION BY LIST (author)",
        "CREATE TABLE posts_1 PARTITION OF posts FOR VALUES IN (1)", "CREATE TABLE posts_x PARTITION OF posts DEFAULT",
        "INSERT INTO posts VALUES (1)",
    )  # fmt: skip
    assert remarks(found) == [("partition", "posts", None)]


def test_rows_that_row_security_hides(engine: Engine) -> None:
    """Half of the truth would be none."""
    foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE posts (author integer REFERENCES users ON DELETE CASCADE)",
        "ALTER TABLE posts ENABLE ROW LEVEL SECURITY", "DROP ROLE IF EXISTS impact_reader", "CREATE ROLE impact_reader",
        "GRANT SELECT ON users, posts TO impact_reader",
    )  # fmt: skip
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET ROLE impact_reader")
            with pytest.raises(DBAPIError, match="affected by row-level security policy"):
                predict(connection, TableName(None, "users"), "true")
        foreseen(engine, "ALTER TABLE posts DISABLE ROW LEVEL SECURITY", "REVOKE SELECT ON users FROM impact_reader")
        with engine.connect() as connection:
            connection.exec_driver_sql("SET ROLE impact_reader")
            with pytest.raises(CascadeError, match="permission denied for table users"):
                predict(connection, TableName(None, "users"), "true")
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY impact_reader")
            connection.exec_driver_sql("DROP ROLE impact_reader")


def test_a_key_with_a_period_is_named(engine: Engine) -> None:
    """Its ranges are not looked at."""
    with engine.connect() as connection:
        if connection.dialect.server_version_info < (18,):  # type: ignore[operator]
            pytest.skip("needs PostgreSQL 18")
    found = foreseen(
        engine,
        "CREATE TABLE users (id int4range, held daterange, PRIMARY KEY (id, held WITHOUT OVERLAPS))",
        "CREATE TABLE posts (author int4range, seen daterange,"
        " FOREIGN KEY (author, PERIOD seen) REFERENCES users (id, PERIOD held))",
        "INSERT INTO users VALUES ('[1,1]', '[2024-01-01,2025-01-01)')", where="true",
    )  # fmt: skip
    assert remarks(found) == [("temporal", "posts", "posts_author_seen_fkey")]


def test_many_rows_are_found_by_one_look_at_a_table_without_an_index(engine: Engine) -> None:
    """Where nested loops would read the table for each of them."""
    found = foreseen(
        engine, USERS, "INSERT INTO users SELECT generate_series(1, 20000)",
        "CREATE TABLE posts (author integer REFERENCES users ON DELETE CASCADE)",
        "INSERT INTO posts SELECT generate_series(1, 20000)", where="true",
    )  # fmt: skip
    assert removed(found) == {"users": 20000, "posts": 20000}


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_rows_that_another_session_changes_meanwhile(engine: Engine, isolation: str) -> None:
    """They have another place by then, and nobody finds what refers to them: nothing is said but that."""
    foreseen(
        engine, USERS, TWO_USERS, "CREATE TABLE posts (id integer PRIMARY KEY, author integer REFERENCES users ON DELETE CASCADE)",
        "CREATE TABLE likes (post integer REFERENCES posts)", "INSERT INTO posts VALUES (1, 1)",
        "INSERT INTO likes VALUES (1)",
    )  # fmt: skip

    def write(_round: str) -> None:
        with engine.begin() as other:
            other.exec_driver_sql("UPDATE posts SET author = author")

    with engine.connect().execution_options(isolation_level=isolation) as connection:
        if isolation == "READ COMMITTED":
            with pytest.raises(CascadeError, match=r"^Other sessions changed rows of public\.posts while"):
                predict(connection, TableName(None, "users"), "id = 1", write)
            return
        found = predict(connection, TableName(None, "users"), "id = 1", write)
    assert found is not None
    assert {key.table.name: key.blocked for key in found.keys} == {"posts": 0, "likes": 1}


@pytest.mark.parametrize("default", ["nextval('numbers')", "current_setting('app.tenant')::integer", "1 / 0"])
def test_a_default_that_can_not_be_taken(engine: Engine, default: str) -> None:
    """It is said, and the rest is foreseen."""
    found = foreseen(
        engine, USERS, TWO_USERS, "CREATE SEQUENCE numbers",
        f"CREATE TABLE posts (author integer DEFAULT {default} REFERENCES users ON DELETE SET DEFAULT)",
        "INSERT INTO posts VALUES (1)",
    )  # fmt: skip
    assert only(found).rows == 1
    assert remarks(found) == [("default", "posts", "posts_author_fkey")]
