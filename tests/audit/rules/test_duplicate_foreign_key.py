"""``duplicate-foreign-key``: two keys on the same columns, of which the older one's rule usually acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.databases import message_there, targets_there
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "duplicate-foreign-key"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Robot(Base):
    __tablename__ = "robots"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    __table_args__ = ({table})
"""
PLAIN = MODELS.format(table="")
TWICE = MODELS.format(table='ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user"),')
KEY = "posts.user_id -> users.id"
SAID = """\
warning duplicate-foreign-key posts.user_id -> users.id
the models declare it 2 times: fk_user (NO ACTION), one without a name (CASCADE).
Which rule acts first on a delete depends on which key is older: a restore can change it.
Take all but one out of the model."""
SAID_OF_THE_DATABASE = """\
warning duplicate-foreign-key posts.user_id -> users.id
the database has it 2 times: posts_user_id_fkey (CASCADE), again (NO ACTION).
Which rule acts first on a delete depends on which key is older: a restore can change it.
The next autogenerate settles it."""
SAID_OF_NOTES = """\
warning duplicate-foreign-key notes.user_id -> users.id
the database has it 2 times: notes_user_id_fkey (NO ACTION), notes_user_id_fkey1 (NO ACTION).
Every write of notes.user_id is checked 2 times.
ALTER TABLE notes DROP CONSTRAINT notes_user_id_fkey1;"""


def test_what_it_says(tmp_path: Path) -> None:
    """The column and the table declare it."""
    assert message(tmp_path, RULE, TWICE) == SAID


def test_what_it_says_of_the_database(tmp_path: Path, url: URL) -> None:
    """Each key of the database once more than the models have it."""
    change = "ALTER TABLE posts ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users"
    assert message_there(tmp_path, RULE, PLAIN, url, change) == SAID_OF_THE_DATABASE


def test_what_it_says_of_a_table_of_the_database(tmp_path: Path, url: URL) -> None:
    """Nothing but SQL settles it."""
    notes = "CREATE TABLE notes (user_id integer REFERENCES users REFERENCES users)"
    assert message_there(tmp_path, RULE, PLAIN, url, notes) == SAID_OF_NOTES


def test_the_near_miss(tmp_path: Path, url: URL) -> None:
    """The same column may refer to two tables, and the same key may be declared twice with one rule."""
    same = 'ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),'
    other = 'ForeignKeyConstraint(["user_id"], ["robots.id"]),'
    assert targets(tmp_path, RULE, PLAIN) == []
    assert targets(tmp_path, RULE, MODELS.format(table=same)) == []
    assert targets(tmp_path, RULE, MODELS.format(table=other)) == []
    assert targets_there(tmp_path, RULE, MODELS.format(table=other), url) == []


def test_the_clones_of_partitions_are_no_duplicates(tmp_path: Path, url: URL) -> None:
    """PostgreSQL makes them for itself."""
    change = (
        "CREATE TABLE notes (id integer, user_id integer REFERENCES users) PARTITION BY RANGE (id)",
        "CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE uses (part_id integer REFERENCES parts)",
    )
    assert targets_there(tmp_path, RULE, PLAIN, url, *change) == []
