"""``keys``: keys that don't do what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, reference
from sqlalchemy import text

from alembic_cascade import CascadeConfig, Waiver
from alembic_cascade.doctor.examination import examination
from doctor.looks import POSTS, examined, look, told

if TYPE_CHECKING:
    from project import Project

KEY = "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users"


@pytest.fixture
def posts(project: Project) -> Project:
    """The models' tables, without their key."""
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.execute("ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey")
    return project


def test_a_key_that_is_checked(posts: Project) -> None:
    """They are counted."""
    posts.execute(KEY)
    assert told(look(posts, "keys")) == [("ok", "all 1 foreign keys of the schemas are checked", "")]


def test_a_key_that_was_never_validated(posts: Project) -> None:
    """As the audit finds it, and with its waivers."""
    posts.execute(f"{KEY} NOT VALID")
    assert told(look(posts, "keys")) == [
        (
            "to do",
            "posts.user_id -> users.id: the key posts_user_id_fkey is NOT VALID",
            "The next autogenerate settles it.",
        )
    ]
    assert [one[2] for one in told(look(posts, "keys", metadata=None))] == [
        "ALTER TABLE posts VALIDATE CONSTRAINT posts_user_id_fkey;"
    ]
    meant = CascadeConfig(waivers=[Waiver("not-valid-foreign-key", "posts.*", "since 2020")])
    assert [one[0] for one in told(look(posts, "keys", config=meant))] == ["ok"]
    declared = models(users=[], posts=[reference("user_id", "users.id", postgresql_not_valid=True)])
    assert [one[0] for one in told(look(posts, "keys", metadata=declared))] == ["ok"]


def test_disabled_triggers(posts: Project) -> None:
    """Both sides of the key."""
    posts.execute(KEY, "ALTER TABLE posts DISABLE TRIGGER ALL")
    ((verdict, said, advice),) = told(look(posts, "keys"))
    assert verdict == "to do"
    assert said == "posts.user_id -> users.id: triggers of posts_user_id_fkey are disabled on posts"
    assert advice.startswith("ALTER TABLE posts ENABLE TRIGGER ")


def test_a_key_that_is_not_enforced(posts: Project) -> None:
    """Of PostgreSQL 18 on."""
    if posts.fetch("SELECT current_setting('server_version_num')::int < 180000")[0][0]:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    posts.execute(f"{KEY} NOT ENFORCED")
    assert told(look(posts, "keys")) == [
        (
            "to do",
            "posts.user_id -> users.id: the key posts_user_id_fkey is NOT ENFORCED, which no model asks for",
            "The next autogenerate settles it.",
        )
    ]
    ((_, _, advice),) = told(look(posts, "keys", metadata=None))
    posts.execute(advice)
    assert [one[0] for one in told(look(posts, "keys", metadata=None))] == ["ok"]


def test_a_session_in_which_no_key_is_checked(posts: Project) -> None:
    """As a role's own setting has it, or env.py."""
    with posts.engine.connect() as connection:
        connection.execute(text("SET session_replication_role TO replica"))
        found = examination(examined(connection, POSTS), set(), lambda _: None)
    ((said, advice),) = [(one.said, one.advice) for one in found if one.check == "keys"]
    assert said.startswith("session_replication_role is replica in the session that env.py opens")
    assert advice == "Take it out of env.py, or ALTER ROLE postgres RESET session_replication_role;"
