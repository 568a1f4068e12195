"""``foreign-key-drift``: what autogenerate would find, without writing a revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.databases import message_there, targets_there
from audit.models import targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "foreign-key-drift"
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
DROPPED = "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey"
SAID_OF_A_RULE = """\
warning foreign-key-drift posts.user_id -> users.id
the database has it otherwise than the models: NO ACTION -> CASCADE.
Deletes do what the database says, not what the models say.
The next autogenerate settles it."""
SAID_OF_A_MISSING_KEY = """\
warning foreign-key-drift posts.user_id -> users.id
the database lacks it.
Nothing keeps its rows from referring to nothing.
The next autogenerate settles it."""
SAID_OF_ANOTHER_KEY = """\
warning foreign-key-drift posts.editor_id -> users.id
the database alone has it: posts_editor_id_fkey (SET NULL).
It acts on deletes that the models know nothing of.
The next autogenerate settles it."""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([DROPPED, "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users"], SAID_OF_A_RULE),
        ([DROPPED], SAID_OF_A_MISSING_KEY),
        (["ALTER TABLE posts ADD editor_id integer REFERENCES users ON DELETE SET NULL"], SAID_OF_ANOTHER_KEY),
    ],
)
def test_what_it_says(tmp_path: Path, url: URL, changes: list[str], said: str) -> None:
    """Another rule, none, or one too many."""
    assert message_there(tmp_path, RULE, MODELS, url, *changes) == said


def test_another_referent(tmp_path: Path, url: URL) -> None:
    """It is one key that leads elsewhere, not two."""
    change = (
        "CREATE TABLE robots (id integer PRIMARY KEY)",
        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES robots",
    )
    said = message_there(tmp_path, RULE, MODELS, url, DROPPED, *change)
    assert "otherwise than the models: from robots.id to users.id, NO ACTION -> CASCADE.\n" in said


@pytest.mark.parametrize(
    "changes",
    [
        ["SELECT 1"],
        ["ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO fk"],
        ["CREATE TABLE notes (user_id integer REFERENCES users)"],
        ["DROP TABLE posts"],
        ["DROP TABLE users CASCADE"],
        # Of what is there twice, or not valid, other rules speak.
        ["ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users"],
        [DROPPED, "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID"],
    ],
)
def test_the_near_miss(tmp_path: Path, url: URL, changes: list[str]) -> None:
    """Names make no difference; tables that one side lacks are another matter."""
    assert targets_there(tmp_path, RULE, MODELS, url, *changes) == []


def test_a_partition_has_the_keys_of_its_table(tmp_path: Path, url: URL) -> None:
    """Declared or not, it is no drift."""
    change = (
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE all_posts (id integer, user_id integer REFERENCES users ON DELETE CASCADE) PARTITION BY RANGE (id)",
        "CREATE TABLE posts PARTITION OF all_posts FOR VALUES FROM (0) TO (9)",
    )
    assert targets_there(tmp_path, RULE, MODELS, url, *change, made=False) == []


@pytest.mark.parametrize("spelled", ["public", "other"])
def test_schemas_that_are_spelled_out(tmp_path: Path, url: URL, spelled: str) -> None:
    """The default one is the same with its name and without."""
    models = MODELS.replace('"users.id"', f'"{spelled}.users.id"').replace(
        'class User(Base):\n    __tablename__ = "users"\n',
        f'class User(Base):\n    __tablename__ = "users"\n    __table_args__ = {{"schema": "{spelled}"}}\n',
    )
    assert targets_there(tmp_path, RULE, models, url, "CREATE SCHEMA IF NOT EXISTS other", made=False) == []
    assert targets_there(tmp_path, RULE, models, url) == []
    dropped = targets_there(tmp_path, RULE, models, url, DROPPED, made=False)
    assert dropped == [f"posts.user_id -> {spelled}.users.id"]


def test_models_alone_have_no_drift(tmp_path: Path) -> None:
    """The rule is not asked."""
    assert targets(tmp_path, RULE, MODELS) == []
