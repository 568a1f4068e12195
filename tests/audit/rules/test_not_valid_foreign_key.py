"""``not-valid-foreign-key``: what a migration began, and nobody finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.databases import message_there, targets_there
from audit.models import targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "not-valid-foreign-key"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user"{arguments}),)
"""
PLAIN = MODELS.format(arguments="")
CHANGES = (
    "ALTER TABLE posts DROP CONSTRAINT fk_user",
    "ALTER TABLE posts ADD CONSTRAINT fk_user FOREIGN KEY (user_id) REFERENCES users NOT VALID",
)
SAID = """\
warning not-valid-foreign-key posts.user_id -> users.id
the key fk_user is NOT VALID.
Rows from before it was made have never been checked: they may refer to nothing.
The next autogenerate settles it."""


def test_what_it_says(tmp_path: Path, url: URL) -> None:
    """The plugin validates what the models have as valid."""
    assert message_there(tmp_path, RULE, PLAIN, url, *CHANGES) == SAID


def test_a_key_of_the_database_alone(tmp_path: Path, url: URL) -> None:
    """One statement validates it."""
    notes = (
        'CREATE TABLE notes ("user" integer)',
        'ALTER TABLE notes ADD CONSTRAINT "Fk" FOREIGN KEY ("user") REFERENCES users NOT VALID',
    )
    said = message_there(tmp_path, RULE, PLAIN, url, *notes)
    assert said.splitlines()[-1] == 'ALTER TABLE notes VALIDATE CONSTRAINT "Fk";'


def test_the_near_miss(tmp_path: Path, url: URL) -> None:
    """It is valid, or declared as it is."""
    validated = "ALTER TABLE posts VALIDATE CONSTRAINT fk_user"
    assert targets_there(tmp_path, RULE, PLAIN, url, *CHANGES, validated) == []
    on_purpose = MODELS.format(arguments=", postgresql_not_valid=True")
    assert targets_there(tmp_path, RULE, on_purpose, url, *CHANGES, made=False) == []


def test_models_alone_have_no_such_key(tmp_path: Path) -> None:
    """The rule is not asked."""
    assert targets(tmp_path, RULE, PLAIN) == []
