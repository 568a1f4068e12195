"""The schema that is compared: each thing that a migration could leave changed is seen, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.rehearsal.schemas import Schema, exact_text, schema_differences, schema_of

START = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (one integer, two integer);
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, mood mood, born date);
CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, rank positive DEFAULT 1, title varchar(50),
    twice integer GENERATED ALWAYS AS (id * 2) STORED, CONSTRAINT has_title CHECK (title <> ''),
    CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users);
CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE INDEX posts_title ON posts (title);
CREATE VIEW titles AS SELECT title FROM posts;
CREATE MATERIALIZED VIEW names AS SELECT name FROM users;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON users USING (id > 0);
CREATE STATISTICS spread ON id, name FROM users;
CREATE RULE quiet AS ON DELETE TO titles DO INSTEAD NOTHING;
CREATE SCHEMA other;
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
"""

VERSION = TableName("public", "alembic_version")


def run(connection: Connection, script: str) -> None:
    """Each statement of a script."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement.replace("%", "%%"))


def seen(connection: Connection) -> Schema:
    with exact_text(connection):
        return schema_of(connection, VERSION)


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey", "foreign key public.posts.posts_user_id_fkey is gone"),
        ("ALTER TABLE posts RENAME CONSTRAINT has_title TO titled", "constraint public.posts.has_title is gone"),
        ("ALTER TABLE posts DISABLE TRIGGER ALL", "foreign key public.posts.posts_user_id_fkey was less, and is"),
        ("ALTER TABLE users DISABLE TRIGGER ALL", "foreign key public.posts.posts_user_id_fkey was less, and is"),
        ("ALTER TABLE users ALTER born TYPE timestamp", "column public.users.born was date, and is timestamp"),
        ("ALTER TABLE users ALTER name DROP NOT NULL", "column public.users.name was not null, and is less"),
        ("ALTER TABLE posts ALTER rank DROP DEFAULT", "column public.posts.rank was default 1, and is less"),
        ("ALTER TABLE users ALTER name SET STATISTICS 10", "column public.users.name was less, and is statistics 10"),
        ("ALTER TABLE users ALTER name SET STORAGE EXTERNAL", "column public.users.name was less, and is storage e"),
        ("ALTER TABLE users ALTER id ADD GENERATED ALWAYS AS IDENTITY", "column public.users.id was less, and is identity a"),
        ("COMMENT ON COLUMN users.name IS 'full'", "column public.users.name was less, and is comment full"),
        ("COMMENT ON TABLE users IS 'people'", "table public.users was less, and is comment people"),
        ("COMMENT ON CONSTRAINT has_title ON posts IS 'so'", "constraint public.posts.has_title was less, and is comment so"),
        ("GRANT SELECT ON users TO PUBLIC", "table public.users was less, and is privileges"),
        ("GRANT SELECT (name) ON users TO PUBLIC", "column public.users.name was less, and is privileges"),
        ("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "table public.users was less, and is row security"),
        ("ALTER TABLE users SET UNLOGGED", None),
        ("ALTER TABLE users SET (fillfactor = 50)", "table public.users was less, and is options {fillfactor=50}"),
        ("ALTER TABLE parts DETACH PARTITION part_one", "table public.part_one was "),
        ("DROP TABLE part_one", "table public.part_one is gone"),
        ("DROP INDEX posts_title", "index public.posts.posts_title is gone"),
        ("CREATE INDEX more ON posts (rank)", "index public.posts.more is new"),
        ("ALTER TABLE posts DISABLE TRIGGER touched", "trigger public.posts.touched was enabled O, and is enabled D"),
        ("DROP TRIGGER touched ON posts", "trigger public.posts.touched is gone"),
        ("ALTER POLICY own ON users USING (id > 1)", "policy public.users.own was using (id > 0), and is using (id > 1)"),
        ("CREATE OR REPLACE VIEW titles AS SELECT title FROM posts WHERE id > 1", "view public.titles was"),
        ("DROP MATERIALIZED VIEW names", "materialized view public.names is gone"),
        ("DROP RULE quiet ON titles", "rule public.titles.quiet is gone"),
        ("ALTER SEQUENCE posts_id_seq INCREMENT 2", "sequence public.posts.posts_id_seq was integer start 1"),
        ("ALTER SEQUENCE posts_id_seq OWNED BY NONE", "sequence public.posts.posts_id_seq is gone"),
        ("DROP FUNCTION touch CASCADE", "function public.touch() is gone"),
        ("ALTER TYPE mood RENAME VALUE 'bad' TO 'sad'", "enum public.mood was 'good', 'bad', and is 'good', 'sad'"),
        ("ALTER DOMAIN positive SET NOT NULL", "domain public.positive was less, and is not null"),
        ("ALTER DOMAIN positive DROP CONSTRAINT positive_check", "domain public.positive was positive_check"),
        ("ALTER TYPE pair DROP ATTRIBUTE two", "type public.pair was one integer, two integer, and is one integer"),
        ("DROP STATISTICS spread", "statistics public.spread is gone"),
        ("DROP SCHEMA other", "schema other is gone"),
        ("CREATE TABLE more (id integer PRIMARY KEY)", "table public.more is new"),
    ],
)  # fmt: skip
def test_each_change_is_a_difference(engine: Engine, statement: str, difference: str | None) -> None:
    """In words that say what was, and what is."""
    with engine.begin() as connection:
        run(connection, START)
        before = seen(connection)
        if difference is None:
            connection.exec_driver_sql("ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey")
            before = seen(connection)
            difference = "table public.users was kind rp, and is kind ru"
        connection.exec_driver_sql(statement)
        told = [str(each) for each in schema_differences(before, seen(connection))]
    assert any(line.startswith(difference) for line in told), told


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE users DROP COLUMN born", "ALTER TABLE users ADD COLUMN born date"),
        ("ALTER TABLE posts ADD COLUMN slug text", "ALTER TABLE posts DROP COLUMN slug"),
        ("INSERT INTO users VALUES (1, 'ann')", "SELECT nextval('posts_id_seq')", "ANALYZE users"),
        ("DROP TABLE alembic_version",),
        ("CREATE TEMPORARY TABLE scratch (id integer)",),
        ("ALTER TABLE users RENAME TO people", "ALTER TABLE people RENAME TO users"),
        ("DROP INDEX posts_title", "CREATE INDEX posts_title ON posts (title)"),
        ("SET LOCAL search_path TO other",),
    ],
)
def test_what_was_taken_back_is_no_difference(engine: Engine, statements: tuple[str, ...]) -> None:
    """Nor are rows, sequences that went on, the place of a column, and Alembic's own table."""
    with engine.begin() as connection:
        run(connection, START)
        before = seen(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
        assert schema_differences(before, seen(connection)) == []


def test_of_a_table_that_is_new_nothing_else_is_told(engine: Engine) -> None:
    """Its columns go without saying."""
    with engine.begin() as connection:
        before = seen(connection)
        connection.exec_driver_sql("CREATE TABLE more (id serial PRIMARY KEY, name text UNIQUE)")
        told = [str(each) for each in schema_differences(before, seen(connection))]
    assert told == ["table public.more is new"]


def test_the_session_is_left_as_it_was(engine: Engine) -> None:
    """In a transaction that goes on, settings are the migration's."""
    names = ("search_path", "datestyle", "row_security", "timezone")
    with engine.begin() as connection:
        connection.exec_driver_sql('SET LOCAL search_path TO pg_catalog, "$user"')
        before = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
        seen(connection)
        assert [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names] == before
