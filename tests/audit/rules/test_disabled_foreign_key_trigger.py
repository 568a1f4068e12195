"""``disabled-foreign-key-trigger``: what a bulk load leaves behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

from audit.databases import message_there, targets_there
from audit.models import targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "disabled-foreign-key-trigger"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
"""
KEY = "posts.user_id -> users.id"
SAID = """\
warning disabled-foreign-key-trigger posts.user_id -> users.id
triggers of posts_user_id_fkey are disabled on posts.
PostgreSQL calls the key valid, and yet rows that refer to nothing are taken.
ALTER TABLE posts ENABLE TRIGGER "RI_ConstraintTrigger_c_N";
ALTER TABLE posts ENABLE TRIGGER "RI_ConstraintTrigger_c_N";
Then look for rows that came to refer to nothing meanwhile."""


def test_what_it_says(tmp_path: Path, url: URL) -> None:
    """The statements bring back these triggers, and no others."""
    said = message_there(tmp_path, RULE, MODELS, url, "ALTER TABLE posts DISABLE TRIGGER ALL")
    assert re.sub(r"_\d+", "_N", said) == SAID


def test_the_other_side(tmp_path: Path, url: URL) -> None:
    """The parent's triggers are what the rule is made of."""
    change = "ALTER TABLE users DISABLE TRIGGER ALL", "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)"
    said = message_there(tmp_path, RULE, MODELS, url, *change)
    assert "yet a delete in users leaves its children behind, whatever the rule.\n" in said
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM users")
        assert connection.exec_driver_sql("SELECT user_id FROM posts").scalars().all() == [1]
    engine.dispose()


def test_its_own_advice_settles_it(tmp_path: Path, url: URL) -> None:
    """Run as it stands."""
    said = message_there(tmp_path, RULE, MODELS, url, "ALTER TABLE posts DISABLE TRIGGER ALL")
    statements = [line for line in said.splitlines() if line.startswith("ALTER")]
    assert targets_there(tmp_path, RULE, MODELS, url, *statements, made=False) == []


def test_it_fires_on_those_of_replicas(tmp_path: Path, url: URL) -> None:
    """They do not fire in an ordinary session."""
    change = """DO $$ DECLARE name text; BEGIN FOR name IN
        SELECT tgname FROM pg_trigger WHERE tgrelid = 'posts'::regclass LOOP
        EXECUTE format('ALTER TABLE posts ENABLE REPLICA TRIGGER %I', name); END LOOP; END $$"""
    assert targets_there(tmp_path, RULE, MODELS, url, change.replace("%", "%%")) == [KEY]
    always = change.replace("REPLICA", "ALWAYS").replace("%", "%%")
    assert targets_there(tmp_path, RULE, MODELS, url, always, made=False) == []


@pytest.mark.parametrize("partition", ["posts_1", "users_1"])
def test_those_of_a_partition(tmp_path: Path, url: URL, partition: str) -> None:
    """The finding is of the key that the partitioned table has."""
    change = (
        "CREATE TABLE users (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE posts (id integer, user_id integer REFERENCES users) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_1 PARTITION OF posts FOR VALUES FROM (0) TO (9)",
        f"ALTER TABLE {partition} DISABLE TRIGGER ALL",
    )
    assert targets_there(tmp_path, RULE, MODELS, url, *change, made=False) == [KEY]


def test_the_near_miss(tmp_path: Path, url: URL) -> None:
    """A user's own trigger may be switched off."""
    change = (
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER own BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION nothing()",
        "ALTER TABLE posts DISABLE TRIGGER own",
    )
    assert targets_there(tmp_path, RULE, MODELS, url, *change) == []


def test_models_alone_have_no_triggers(tmp_path: Path) -> None:
    """The rule is not asked."""
    assert targets(tmp_path, RULE, MODELS) == []
