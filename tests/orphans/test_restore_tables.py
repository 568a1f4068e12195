"""Tables of every shape, the rows of which are set aside on the way up and given back on the way down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import rows
from scenario import run_up_down_up

from alembic_cascade import OrphansNotSettled
from orphans.posts import key_revision, make, quarantined

if TYPE_CHECKING:
    from project import Project

RULES = ("CASCADE", "SET NULL", "SET DEFAULT")
FILL = "INSERT INTO posts (id, user_id) SELECT n, CASE WHEN n % 3 = 0 THEN 1 ELSE n + 100 END FROM generate_series(1, 60) n"


def with_generated(project: Project, kind: str) -> str:
    """VIRTUAL columns came with PostgreSQL 18."""
    version = project.fetch("SELECT current_setting('server_version_num')::int / 10000")[0][0]
    if kind == "VIRTUAL" and version < 18:
        pytest.skip("VIRTUAL columns came with PostgreSQL 18")
    return kind


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("identity", ["ALWAYS", "BY DEFAULT"])
@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_identity_and_generated_columns_hold_what_they_held(
    project: Project, rule: str, identity: str, kind: str
) -> None:
    """Neither can be written by an ordinary INSERT."""
    make(
        project,
        f"CREATE TABLE posts (n int GENERATED {identity} AS IDENTITY, twice int GENERATED ALWAYS AS (user_id * 2) "
        f"{with_generated(project, kind)}, id int PRIMARY KEY, user_id int DEFAULT 1)",
        FILL,
    )
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts"])
    project.downgrade()
    project.execute("INSERT INTO posts (id) VALUES (1000)")
    assert project.fetch("SELECT n FROM posts WHERE id = 1000") == [(61,)]


@pytest.mark.parametrize("rule", RULES)
def test_dropped_columns_are_no_part_of_a_row(project: Project, rule: str) -> None:
    """PostgreSQL keeps their places."""
    make(
        project,
        "CREATE TABLE posts (gone text, id int PRIMARY KEY, went int DEFAULT 5, user_id int DEFAULT 1, last text DEFAULT 'x')",
        FILL,
        "ALTER TABLE posts DROP COLUMN gone, DROP COLUMN went, ADD COLUMN came int DEFAULT 7",
    )
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts"])


@pytest.mark.parametrize("rule", RULES)
def test_long_values_come_back(project: Project, rule: str) -> None:
    """They are stored beside the row, compressed or not."""
    make(
        project,
        "CREATE DOMAIN story AS text",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1, a text, b bytea, c story, d jsonb)",
        "ALTER TABLE posts ALTER a SET STORAGE EXTERNAL",
        FILL,
        "UPDATE posts SET a = repeat('é🐘', 50000), b = decode(repeat('00ff', 40000), 'hex'), "
        "c = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 3000) n), "
        "d = (SELECT jsonb_object_agg(n, md5(n::text)) FROM generate_series(1, 2000) n) WHERE id < 5",
    )
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts"])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["text", "numeric"])
def test_rows_of_a_thousand_columns_come_back(project: Project, rule: str, kind: str) -> None:
    """Our own columns come on top, and an expression has an entry for each."""
    columns = ", ".join(f"c{number} {kind}" for number in range(998))
    make(project, f"CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1, {columns})", FILL)
    project.execute("UPDATE posts SET c0 = 5, c997 = 7")
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts"])


def test_a_row_that_fills_its_page_is_kept_or_refused_in_words(project: Project) -> None:
    """Our columns come on top of what a page can just hold."""
    columns = ", ".join(f"c{number} bigint DEFAULT {number}" for number in range(1000))
    make(project, f"CREATE TABLE posts (id int PRIMARY KEY, user_id int, {columns})", FILL)
    key_revision(project, ondelete="CASCADE")
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    try:
        project.upgrade()
    except OrphansNotSettled:
        pass
    else:
        project.downgrade()
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start


def test_a_table_of_nothing_but_its_key_comes_back_row_by_row(project: Project) -> None:
    """Rows that are all alike are rows nevertheless."""
    project.metadata = None
    make(project, "CREATE TABLE posts (user_id int)", "INSERT INTO posts VALUES (1), (NULL), (9), (9), (9)")
    project.write_revision(
        "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)",
        "op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)",
    )
    with project.engine.connect() as connection:
        start = dict(rows(connection, ["posts"]))
    project.upgrade()
    assert project.fetch("SELECT count(*) FROM posts") == [(2,)]
    assert quarantined(project) == 3
    project.downgrade()
    with project.engine.connect() as connection:
        assert dict(rows(connection, ["posts"])) == start


@pytest.mark.parametrize("rule", RULES)
def test_rows_of_an_inheriting_table_are_left_alone(project: Project, rule: str) -> None:
    """A foreign key does not look at them, whatever their parent."""
    make(
        project,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1)",
        "CREATE TABLE old_posts (note text, PRIMARY KEY (id)) INHERITS (posts)",
        "CREATE TABLE old_users () INHERITS (users)",
        FILL,
        "INSERT INTO old_posts SELECT n, 900 + n, 'old' FROM generate_series(1, 60) n",
        "INSERT INTO old_users VALUES (101), (102)",
    )
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["ONLY posts", "old_posts", "users"])
    assert project.fetch("SELECT count(*), min(user_id) FROM old_posts") == [(60, 901)]
    assert project.fetch("SELECT count(*) FROM ONLY posts WHERE user_id > 100") == [(0,)]


PARTITIONS = {
    "list": (
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1, t text DEFAULT 't') PARTITION BY LIST (id)",
        "CREATE TABLE posts_few PARTITION OF posts FOR VALUES IN (1, 2, 3, 4)",
        "CREATE TABLE posts_rest PARTITION OF posts DEFAULT",
    ),
    "range, two levels": (
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1, t text DEFAULT 't') PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (30) PARTITION BY HASH (id)",
        "CREATE TABLE posts_low_0 PARTITION OF posts_low FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE posts_low_1 PARTITION OF posts_low FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (30) TO (MAXVALUE)",
    ),
    "another column order": (
        "CREATE TABLE posts (gone int, id int PRIMARY KEY, user_id int DEFAULT 1, t text DEFAULT 't') PARTITION BY RANGE (id)",
        "ALTER TABLE posts DROP COLUMN gone",
        "CREATE TABLE posts_low (t text, a int, b int, user_id int, id int PRIMARY KEY)",
        "ALTER TABLE posts_low DROP COLUMN a, DROP COLUMN b",
        "ALTER TABLE posts ATTACH PARTITION posts_low FOR VALUES FROM (0) TO (30)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (30) TO (MAXVALUE)",
        "ALTER TABLE posts_high ADD CONSTRAINT own CHECK (id > 29), ADD FOREIGN KEY (user_id) REFERENCES shadows",
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("partitions", PARTITIONS)
def test_rows_of_partitions_come_back_where_they_were(project: Project, rule: str, partitions: str) -> None:
    """They are kept under the name of the whole, and found by their places in the parts."""
    make(
        project,
        "CREATE TABLE shadows (id int PRIMARY KEY)",
        "INSERT INTO shadows SELECT n FROM generate_series(1, 200) n",
        *PARTITIONS[partitions],
        FILL,
    )
    project.options["include_object"] = lambda _item, name, kind, reflected, counterpart: (
        not (reflected and counterpart is None)
        or (kind == "foreign_key_constraint" and "low" not in name and "high" not in name)
    )
    key_revision(project, ondelete=rule)
    run_up_down_up(project, ["posts", "(SELECT tableoid::regclass, * FROM posts)"])


@pytest.mark.parametrize("partitions", PARTITIONS)
def test_a_key_of_one_partition_alone_settles_its_rows_alone(project: Project, partitions: str) -> None:
    """The others have no such key; the rows are known as the whole table's."""
    make(
        project,
        "CREATE TABLE shadows (id int PRIMARY KEY)",
        "INSERT INTO shadows SELECT n FROM generate_series(1, 200) n",
        *PARTITIONS[partitions],
        FILL,
    )
    (leaf,) = project.fetch("SELECT min(tableoid::regclass::text) FROM posts")[0]
    project.metadata = None
    project.write_revision(
        f"op.clean_orphans({leaf!r}, 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)\n"
        f"op.create_foreign_key('own_key', {leaf!r}, 'users', ['user_id'], ['id'])",
        f"op.drop_constraint('own_key', {leaf!r})\n"
        f"op.restore_orphans({leaf!r}, 'users', ['user_id'], ['id'], revision=revision)",
    )
    start = project.fetch("SELECT tableoid::regclass::text, * FROM posts ORDER BY id")
    project.upgrade()
    left = project.fetch("SELECT tableoid::regclass::text, * FROM posts ORDER BY id")
    assert left == [row for row in start if row[0] != leaf or row[2] == 1]
    project.downgrade()
    assert project.fetch("SELECT tableoid::regclass::text, * FROM posts ORDER BY id") == start


KEYS = {
    "numeric": ["'NaN'", "1.10", "'-Infinity'", "1e300"],
    "float8": ["'NaN'", "'-0'", "0.1::float8 + 0.2", "'Infinity'"],
    "timestamptz": ["'infinity'", "'2024-03-04 05:06:07.000001+00'", "'0044-03-15 BC'"],
    "text": ["''", "' '", "E'\\\\'", "'%s'"],
    "char(4)": ["'a'", "''"],
    "bytea": ["''", "'\\x00ff'"],
    "int4range": ["'empty'", "'[1,5)'"],
    "int[]": ["'{}'", "'{1,NULL}'"],
    "mood": ["'so, so'", "'NULL'"],
    "mood[]": ["'{NULL}'"],
    "small": ["1", "99"],
    "pair": ["ROW(1, NULL)", "ROW(NULL, '')"],
    "inet": ["'10.0.0.1/8'"],
    "jsonb": ["'null'", "'{\"a\": 1.10}'"],
}  # fmt: skip


@pytest.mark.parametrize("strategy", ["quarantine", "set_null", "set_default"])
@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_type_come_back(project: Project, strategy: str, kind: str) -> None:
    """They are compared by the equality of their type, under which NaN equals NaN."""
    project.metadata = None
    project.execute(
        "CREATE TYPE mood AS ENUM ('so, so', 'it''s', 'NULL', '')",
        "CREATE DOMAIN small AS int CHECK (VALUE < 100)",
        "CREATE TYPE pair AS (a int, b text)",
        f"CREATE TABLE users (code {kind} PRIMARY KEY)",
        f"CREATE TABLE posts (id {kind} PRIMARY KEY, user_code {kind} DEFAULT {KEYS[kind][0]})",
        f"INSERT INTO users VALUES ({KEYS[kind][0]})",
        *(f"INSERT INTO posts VALUES ({value}, {value})" for value in KEYS[kind]),
        f"ALTER TABLE posts ADD copy {kind}",
        "UPDATE posts SET copy = id",
    )
    project.write_revision(
        "op.clean_orphans('posts', 'users', ['user_code'], ['code'], "
        f"strategy={strategy!r}, revision=revision, max_orphans=None)\n"
        "op.create_foreign_key('k', 'posts', 'users', ['user_code'], ['code'])",
        "op.drop_constraint('k', 'posts')\n"
        "op.restore_orphans('posts', 'users', ['user_code'], ['code'], revision=revision)",
    )
    run_up_down_up_by_hand(project)


def run_up_down_up_by_hand(project: Project) -> None:
    """Up, down and up without a comparison of models."""
    states = []
    for move in (lambda: None, project.upgrade, project.downgrade, project.upgrade):
        move()
        with project.engine.connect() as connection:
            states.append(dict(rows(connection, ["posts", "users"])))
    assert states[2] == states[0]
    assert states[3] == states[1]
