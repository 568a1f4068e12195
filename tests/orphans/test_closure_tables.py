"""Orphans and what hangs from them in tables and columns of every kind: partitions, inheritance, types, states of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orphans.settling import kept, needs_release, rows, state, there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
PARTITIONED = (
    "CREATE TABLE posts (gone int, id int, user_id int, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
    "ALTER TABLE posts DROP COLUMN gone",
    "CREATE TABLE posts_low (user_id int, extra int, id int NOT NULL)",
    "ALTER TABLE posts_low DROP COLUMN extra",
    "ALTER TABLE posts ATTACH PARTITION posts_low FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (id)",
    "CREATE TABLE posts_highest PARTITION OF posts_high FOR VALUES FROM (50) TO (100)",
    "CREATE TABLE posts_middle PARTITION OF posts_high FOR VALUES FROM (10) TO (50)",
    "INSERT INTO posts VALUES (1, 1), (2, 9), (3, NULL), (11, 1), (12, 9), (51, 8), (52, 1)",
)


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
def test_orphans_of_a_partitioned_table_go_and_come_back(project: Project, strategy: str) -> None:
    """Their places are told apart by the partition that each is in, whose columns have other numbers."""
    project.execute(
        *USERS,
        *PARTITIONED,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO comments VALUES (1, 1), (2, 2), (12, 12), (52, 52)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    upgraded = there_and_back(project)
    if strategy == "set_null":
        assert upgraded["posts"] == ["(1,1)", "(11,1)", "(12,)", "(2,)", "(3,)", "(51,)", "(52,1)"]
    else:
        assert upgraded["posts"] == ["(1,1)", "(11,1)", "(3,)", "(52,1)"]
        assert upgraded["comments"] == ["(1,1)", "(52,52)"]


def test_a_key_of_one_partition_settles_that_partition(project: Project) -> None:
    """Orphans of its siblings are nobody's business."""
    project.execute(*USERS, *PARTITIONED)
    write_key(project, "posts_low", "users", ["user_id"], ["id"])
    assert there_and_back(project)["posts"] == ["(1,1)", "(11,1)", "(12,9)", "(3,)", "(51,8)", "(52,1)"]


@pytest.mark.parametrize("rule", ["ON DELETE CASCADE", "ON DELETE SET NULL"])
def test_dependents_of_one_partition_are_found(project: Project, rule: str) -> None:
    """A key may refer to a partition alone."""
    project.execute(
        *USERS,
        *PARTITIONED,
        f"CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts_low (id) {rule})",
        "INSERT INTO comments VALUES (1, 1), (2, 2)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"])
    assert there_and_back(project)["comments"] == (["(1,1)"] if "CASCADE" in rule else ["(1,1)", "(2,)"])


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_dependents_of_a_value_of_one_partition_follow_it(project: Project, rule: str) -> None:
    """The numbers of columns differ between the partitioned table and its partition."""
    project.execute(
        *USERS,
        *PARTITIONED,
        "ALTER TABLE posts_low ADD UNIQUE (user_id)",
        f"CREATE TABLE comments (id int PRIMARY KEY, who int REFERENCES posts_low (user_id) ON UPDATE {rule})",
        "INSERT INTO comments VALUES (1, 1), (2, 9)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy="set_null")
    assert there_and_back(project)["comments"] == ["(1,1)", "(2,)"]


def test_dependents_in_a_partitioned_table_go_and_come_back(project: Project) -> None:
    """The closure leads into partitions, too."""
    project.execute(
        *USERS,
        "CREATE TABLE authors (id int PRIMARY KEY, user_id int)",
        *PARTITIONED,
        "INSERT INTO authors VALUES (1, 1), (9, 9), (8, 1)",
        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES authors ON DELETE CASCADE",
    )
    write_key(project, "authors", "users", ["user_id"], ["id"])
    assert there_and_back(project)["posts"] == ["(1,1)", "(11,1)", "(3,)", "(51,8)", "(52,1)"]


def test_a_partitioned_parent_is_looked_at_whole(project: Project) -> None:
    """A row may have its parent in any partition."""
    project.execute(
        *USERS, *PARTITIONED,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int)",
        "INSERT INTO comments VALUES (1, 1), (2, 52), (3, 99), (4, 12)",
    )  # fmt: skip
    write_key(project, "comments", "posts", ["post_id"], ["id"])
    assert there_and_back(project)["comments"] == ["(1,1)", "(2,52)", "(4,12)"]


def test_one_row_is_settled_for_two_keys_and_has_another_that_never_held(project: Project) -> None:
    """Changed twice in one transaction, it is checked against NOT VALID keys of old that it breaks."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, a int, b int, c int, d int CHECK (d > 0))",
        "INSERT INTO posts VALUES (1, 1, 1, 1, 1), (2, 9, 9, 9, 1), (3, 9, 1, 9, 1), (4, 1, 9, 9, 1)",
        "ALTER TABLE posts ADD CONSTRAINT old FOREIGN KEY (c) REFERENCES users ON DELETE CASCADE NOT VALID",
        "COMMENT ON CONSTRAINT old ON posts IS 'it''s old'",
        "ALTER TABLE posts ADD CONSTRAINT few CHECK (id < 3) NOT VALID",
    )
    key = "'posts', 'users', [{0!r}], ['id']"
    up, down = "", ""
    for column in ("a", "b"):
        written = key.format(column)
        up += f"op.clean_orphans({written}, strategy='set_null', revision=revision)\n"
        up += f"op.add_foreign_key('key_{column}', {written})\n"
        down = (
            f"op.drop_foreign_key('key_{column}', {written})\nop.restore_orphans({written}, revision=revision)\n{down}"
        )
    project.write_revision(up, down)
    assert there_and_back(project)["posts"] == ["(1,1,1,1,1)", "(2,,,9,1)", "(3,,1,9,1)", "(4,1,,9,1)"]


def test_a_row_is_changed_for_one_key_and_removed_for_the_next(project: Project) -> None:
    """What is put back first is what was taken last."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, a int, b int)",
        "INSERT INTO posts VALUES (1, 1, 1), (2, 9, 9), (3, 9, 1), (4, 1, 9)",
    )
    up, down = "", ""
    for column, strategy in (("a", "set_null"), ("b", "quarantine")):
        written = f"'posts', 'users', [{column!r}], ['id']"
        up += f"op.clean_orphans({written}, strategy={strategy!r}, revision=revision)\n"
        up += f"op.add_foreign_key('key_{column}', {written})\n"
        down = (
            f"op.drop_foreign_key('key_{column}', {written})\nop.restore_orphans({written}, revision=revision)\n{down}"
        )
    project.write_revision(up, down)
    assert there_and_back(project)["posts"] == ["(1,1,1)", "(3,,1)"]


TYPES = {
    "int and bigint": ("bigint", "int", "1", "9"),
    "bigint and int": ("int", "bigint", "1", "9000000000"),
    "numeric and int": ("numeric(20, 5)", "int", "1", "9"),
    "smallint and bigint": ("smallint", "bigint", "1", "99999"),
    "text and varchar": ("text", "varchar(10)", "'a'", "'b%s'"),
    "char": ("char(5)", "char(5)", "'a'", "'b '"),
    "uuid": ("uuid", "uuid", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000009'"),
    "date": ("date", "date", "'2020-01-02'", "'2020-03-04'"),
    "timestamptz": ("timestamptz", "timestamptz", "'2020-01-02 10:00+01'", "'2020-03-04 12:34:56.789012+05'"),
    "float": ("float8", "float8", "0.1", "1e-300::float8 / 3"),
    "array": ("int[]", "int[]", "'{1,2}'", "'{9,NULL}'"),
    "jsonb": ("jsonb", "jsonb", """'{"a": 1}'""", """'{"b": [1, null]}'"""),
    "range": ("int4range", "int4range", "'[1,2]'", "'(,9]'"),
    "enum": ("mood", "mood", "'glad'", "'so, so \"%s\"'"),
    "domain": ("positive", "positive", "1", "9"),
    "domain and base": ("positive", "int", "1", "9"),
    "domain of a domain": ("even", "even", "2", "8"),
    "array of enums": ("mood[]", "mood[]", "'{glad}'", "ARRAY['so, so \"%s\"', NULL]::mood[]"),
    "composite": ("pair", "pair", "'(1,a)'", "'(9,\"b, c\")'"),
    "own operator": ("shop.folded", "shop.folded", "ROW('A')::shop.folded", "ROW('b')::shop.folded"),
    "nondeterministic": ("text COLLATE nocase", "text COLLATE nocase", "'a'", "'b'"),
    "collations": ('text COLLATE "C"', 'text COLLATE "POSIX"', "'a'", "'b'"),
    "bytea": ("bytea", "bytea", r"'\x01'", r"'\x09ff'"),
    "interval": ("interval", "interval", "'1 day'", "'-1 mon 3 days 04:05:06.7'"),
}
MADE = (
    "CREATE TYPE mood AS ENUM ('glad', 'so, so \"%s\"')",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE DOMAIN even AS positive CHECK (VALUE % 2 = 0)",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE SCHEMA shop",
    # A type that compares by operators of its own, which no search path shows: as citext in a schema for extensions.
    "CREATE TYPE shop.folded AS (v text)",
    *(
        f"CREATE FUNCTION shop.{name}(a shop.folded, b shop.folded) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT "
        f"AS 'SELECT lower((a).v) {sign} lower((b).v)'"
        for name, sign in (("lt", "<"), ("le", "<="), ("eq", "="), ("ge", ">="), ("gt", ">"))
    ),
    "CREATE FUNCTION shop.cmp(a shop.folded, b shop.folded) RETURNS int LANGUAGE sql IMMUTABLE STRICT "
    "AS 'SELECT bttextcmp(lower((a).v), lower((b).v))'",
    *(
        f"CREATE OPERATOR shop.{sign} (LEFTARG = shop.folded, RIGHTARG = shop.folded, FUNCTION = shop.{name})"
        for name, sign in (("lt", "<"), ("le", "<="), ("eq", "="), ("ge", ">="), ("gt", ">"))
    ),
    "CREATE OPERATOR CLASS shop.folded_ops DEFAULT FOR TYPE shop.folded USING btree AS "
    "OPERATOR 1 shop.<, OPERATOR 2 shop.<=, OPERATOR 3 shop.=, OPERATOR 4 shop.>=, OPERATOR 5 shop.>, FUNCTION 1 shop.cmp",
)


NOCASE = "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
@pytest.mark.parametrize("types", TYPES.values(), ids=TYPES)
def test_values_are_compared_and_kept_as_their_types_are(
    project: Project, types: tuple[str, str, str, str], strategy: str
) -> None:
    """The comparison is the key's own, and what comes back is what was there."""
    parent, child, present, absent = types
    if "nocase" in parent:
        if not project.fetch("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'"):
            pytest.skip("this server is built without ICU")
        project.execute(NOCASE)
    project.execute(
        *MADE,
        f"CREATE TABLE parents (id {parent} PRIMARY KEY)",
        f"CREATE TABLE children (id {child} PRIMARY KEY, ref {child})",
        f"INSERT INTO parents VALUES ({present})",
        f"INSERT INTO children VALUES ({present}, {present}), ({absent}, {absent})",
    )
    if "nocase" in parent or "folded" in parent:
        project.execute(
            "UPDATE children SET ref = upper(ref) WHERE ref = 'a'"
            if "nocase" in parent
            else "UPDATE children SET ref = ROW('a')::shop.folded WHERE (ref).v = 'A'"
        )
    start = rows(project)["children"]
    write_key(project, "children", "parents", ["ref"], ["id"], strategy=strategy)
    upgraded = there_and_back(project)["children"]
    settled = [row for row in start if row not in upgraded]
    assert len(settled) == 1
    assert len(upgraded) == (1 if strategy == "quarantine" else 2)


def test_types_of_the_users_can_be_dropped_while_rows_are_set_aside(project: Project) -> None:
    """No later DDL is blocked by what the quarantine keeps."""
    project.execute(
        *USERS, *MADE,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int, m mood, moods mood[], p positive)",
        "INSERT INTO posts VALUES (1, 9, 'glad', '{glad}', 4)",
    )  # fmt: skip
    write_key(project, "posts", "users", ["user_id"], ["id"])
    project.upgrade()
    start = kept(project)
    project.execute("DROP TABLE posts", "DROP TYPE mood", "DROP DOMAIN positive CASCADE")
    assert kept(project) == start
    assert len(start["alembic_cascade.r1_public_posts"]) == 1


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
def test_a_not_null_that_is_not_valid_refuses_no_row_that_comes_back(project: Project, strategy: str) -> None:
    """It holds for no row of old, as a NOT VALID check does not."""
    needs_release(project, 18, "NOT VALID of NOT NULL")
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text)",
        "INSERT INTO posts VALUES (1, 9, NULL), (2, 1, 'x')",
        "ALTER TABLE posts ADD CONSTRAINT titled NOT NULL title NOT VALID",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    there_and_back(project)


def test_keys_put_off_to_the_end_are_no_obstacle(project: Project) -> None:
    """ALTER TABLE after a change of rows fails on pending trigger events."""
    project.execute(
        *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int, up int REFERENCES posts DEFERRABLE INITIALLY DEFERRED)",
        """CREATE TABLE comments (id int PRIMARY KEY,
            post_id int REFERENCES posts ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)""",
        "INSERT INTO posts VALUES (1, 1, NULL), (2, 9, 1), (3, 9, 2)",
        "INSERT INTO comments VALUES (1, 1), (2, 2)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], rule="deferrable=True, initially='DEFERRED'")
    start = state(project)
    upgraded = there_and_back(project)
    assert upgraded["comments"] == ["(1,1)"]
    assert state(project) == start
