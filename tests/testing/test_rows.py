"""Rows of a whole database: they refer to each other, differ, and leave no column without a value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Engine, ForeignKey, Integer, MetaData, Table, Text

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.testing.rows import Filled, Filling, fill

TABLES = """
CREATE TABLE alembic_version (version_num text);
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL, note text, boss_id integer REFERENCES users);
CREATE TABLE profiles (user_id integer PRIMARY KEY REFERENCES users);
CREATE TABLE posts (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id integer, editor_id integer REFERENCES users);
CREATE TABLE logs (day date NOT NULL, user_id integer REFERENCES users) PARTITION BY RANGE (day);
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE hens (id integer PRIMARY KEY, egg_id integer NOT NULL);
CREATE TABLE eggs (id integer PRIMARY KEY, hen_id integer NOT NULL REFERENCES hens DEFERRABLE);
ALTER TABLE hens ADD FOREIGN KEY (egg_id) REFERENCES eggs DEFERRABLE;
CREATE TABLE nothing (id integer CHECK (id > 1 AND id < 1));
ALTER TABLE nothing ALTER id SET NOT NULL;
"""


def models() -> MetaData:
    """What the head is to be: an e-mail that is unique, and a key that is not there yet."""
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True), Column("email", Text, unique=True))
    Table("posts", metadata, Column("id", Integer, primary_key=True), Column("user_id", ForeignKey("users.id")))
    return metadata


def filled(engine: Engine, filling: Filling) -> tuple[Filled, dict[str, list[tuple[Any, ...]]]]:
    """What was done, and the rows of each table."""
    with engine.connect() as connection:
        connection.exec_driver_sql(TABLES)
        connection.commit()
        done = fill(connection, [models()], TableName("public", "alembic_version"), filling)
    names = ("alembic_version", "users", "profiles", "posts", "logs", "hens", "eggs", "nothing")
    with engine.connect() as connection:
        return done, {
            name: sorted((tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")), key=str)
            for name in names
        }


def test_rows_refer_to_each_other_and_each_column_has_a_value(engine: Engine) -> None:
    """But for the last, which refers to nothing as far as it may, by what is no key yet to a row that there is not."""
    done, rows = filled(engine, Filling())
    ids = [30000, 30001, 30002]
    assert [row[0] for row in rows["users"]] == ids
    assert len({row[1] for row in rows["users"]}) == 3
    assert [row[2] is None for row in rows["users"]] == [False, False, True]
    assert rows["profiles"] == [(30000,), (30001,), (30002,)]
    assert [row[2] for row in rows["posts"]] == [30000, 30001, None]
    assert [row[1] in ids for row in rows["posts"]] == [True, True, False]
    assert [len(rows[name]) for name in ("logs", "alembic_version", "nothing")] == [3, 0, 0]
    # In a circle each comes with the other.
    assert {len(rows["hens"]), len(rows["eggs"])} == {5}
    assert done.has_strays
    assert [why.partition(":")[0] for why in done.empty] == ["nothing"]


def test_without_strays_each_row_has_the_parent_that_it_is_going_to_need(engine: Engine) -> None:
    """An upgrade that makes the key has nothing to settle."""
    done, rows = filled(engine, Filling(strays=False, left_out=frozenset({TableName("public", "logs")})))
    assert [row[1] for row in rows["posts"]] == [30000, 30001, 30002]
    assert not done.has_strays
    assert rows["logs"] == []
