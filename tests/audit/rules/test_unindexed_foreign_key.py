"""``unindexed-foreign-key``: measured on 5 million rows, a delete takes 0.22 s instead of 0.2 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.databases import message_there, targets_there
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "unindexed-foreign-key"
MODELS = """\
from sqlalchemy.dialects.postgresql import ExcludeConstraint

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"){arguments})
    __table_args__ = ({table}Index("ix_title", "title"),)
"""
PLAIN = MODELS.format(arguments="", table="")
COMPOSITE = """\
class Account(Base):
    __tablename__ = "accounts"
    tenant: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)

class Booking(Base):
    __tablename__ = "bookings"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[int | None]
    number: Mapped[int | None]
    day: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "number"], ["accounts.tenant", "accounts.number"]),
        Index("ix_bookings", {index}),
    )
"""
KEY = "posts.user_id -> users.id"
SAID = """\
warning unindexed-foreign-key posts.user_id -> users.id
no index begins with user_id.
Whatever the rule, each delete of a row of users reads all rows of posts.
-     user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
+     user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
Then the next autogenerate settles the index."""
SAID_OF_SEVERAL = """\
warning unindexed-foreign-key bookings.(tenant, number) -> accounts.(tenant, number)
no index begins with tenant, number.
Whatever the rule, each delete of a row of accounts reads all rows of bookings with the same tenant.
bookings: Index("ix_bookings_tenant_number", "tenant", "number")
Then the next autogenerate settles the index."""
SAID_OF_THE_DATABASE = """\
warning unindexed-foreign-key notes.user_id -> users.id
no index begins with user_id.
Whatever the rule, each delete of a row of users reads all rows of notes.
CREATE INDEX CONCURRENTLY ON notes (user_id);"""


def test_what_it_says(tmp_path: Path) -> None:
    """One column gets its index in its own line."""
    assert message(tmp_path, RULE, PLAIN) == SAID


def test_what_it_says_of_several_columns(tmp_path: Path) -> None:
    """They get an index of the table; an index on one of them narrows the search, and is not enough."""
    assert message(tmp_path, RULE, COMPOSITE.format(index='"tenant", "day"')) == SAID_OF_SEVERAL


@pytest.mark.parametrize(
    ("arguments", "table"),
    [
        ("", 'Index("ix", "title", "user_id"), '),
        ("", 'Index("ix", text("(user_id + 1)")), '),
        ("", 'Index("ix", "user_id", postgresql_using="brin"), '),
        ("", """Index("ix", "user_id", postgresql_where=text("title <> ''")), """),
        ("", """Index("ix", "user_id", postgresql_where=text("user_id IS NOT NULL AND title <> ''")), """),
        ("", 'Index("ix", "title", postgresql_include=["user_id"]), '),
        ("", 'UniqueConstraint("title", "user_id"), '),
    ],
)
def test_it_fires(tmp_path: Path, url: URL, arguments: str, table: str) -> None:
    """None of these finds the children of a parent: neither in the models nor, made from them, in the database."""
    models = MODELS.format(arguments=arguments, table=table)
    assert targets(tmp_path, RULE, models) == [KEY]
    assert targets_there(tmp_path, RULE, models, url) == [KEY]


@pytest.mark.parametrize(
    ("arguments", "table"),
    [
        (", index=True", ""),
        (", unique=True", ""),
        (", primary_key=True", ""),
        ("", 'Index("ix", "user_id", "title"), '),
        ("", 'Index("ix", text("user_id"), "title"), '),
        ("", 'Index("ix", text("user_id DESC NULLS LAST")), '),
        ("", 'Index("ix", desc("user_id")), '),
        ("", 'Index("ix", "user_id", postgresql_using="hash"), '),
        ("", 'Index("ix", "user_id", postgresql_where=text("user_id IS NOT NULL")), '),
        ("", 'Index("ix", "user_id", postgresql_where=column("user_id").is_not(None)), '),
        ("", 'UniqueConstraint("user_id", "title"), '),
    ],
)
def test_the_near_miss(tmp_path: Path, url: URL, arguments: str, table: str) -> None:
    """Each of these finds them: in the models, and in the database whose models don't say so."""
    models = MODELS.format(arguments=arguments, table=table)
    if "primary_key" in arguments:
        models = models.replace("mapped_column(primary_key=True)\n    title", "mapped_column()\n    title")
    assert targets(tmp_path, RULE, models) == []
    assert targets_there(tmp_path, RULE, models, url) == []
    assert targets_there(tmp_path, RULE, PLAIN, url, made=False) == []


def test_an_exclusion_constraint_is_an_index(tmp_path: Path) -> None:
    """By btree_gist, it finds equal numbers."""
    table = 'ExcludeConstraint(("user_id", "="), ("title", "="), using="gist"), '
    assert targets(tmp_path, RULE, MODELS.format(arguments="", table=table)) == []


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ('"tenant", "number"', 0),
        ('"number", "tenant", "day"', 0),
        ('"tenant", "day", "number"', 1),
        ('"tenant", "number", postgresql_where=text("tenant IS NOT NULL AND number IS NOT NULL")', 0),
        ('"tenant", "number", postgresql_where=text("number IS NOT NULL")', 0),
        ('"tenant", "number", postgresql_where=text("day IS NOT NULL")', 1),
    ],
)
def test_the_order_of_columns_makes_no_difference(tmp_path: Path, url: URL, index: str, expected: int) -> None:
    """All of them are asked for at once."""
    models = COMPOSITE.format(index=index)
    assert len(targets(tmp_path, RULE, models)) == expected
    assert len(targets_there(tmp_path, RULE, models, url)) == expected


def test_an_index_that_only_the_models_have_counts(tmp_path: Path, url: URL) -> None:
    """The next migration makes it."""
    indexed = MODELS.format(arguments=", index=True", table="")
    assert targets_there(tmp_path, RULE, indexed, url, "DROP INDEX ix_posts_user_id") == []


def test_an_index_that_was_not_finished_does_not_count(tmp_path: Path, url: URL) -> None:
    """CREATE INDEX CONCURRENTLY leaves one that is of no use when it fails."""
    broken = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix'::regclass"
    assert targets_there(tmp_path, RULE, PLAIN, url, "CREATE INDEX ix ON posts (user_id)", broken) == [KEY]


def test_names_that_need_quotes(tmp_path: Path, url: URL) -> None:
    """The catalogue tells a partial index's condition as SQL."""
    models = MODELS.format(arguments="", table="").replace("user_id:", "user:")
    models = models.replace('"users.id")', '"users.id"), name="User Id"').replace("mapped_column(F", "mapped_column(F")
    models = models.replace('ForeignKey("users.id"), name="User Id"', '"User Id", ForeignKey("users.id")')
    partial = 'CREATE INDEX ix ON posts ("User Id") WHERE "User Id" IS NOT NULL'
    assert targets_there(tmp_path, RULE, models, url) == ["posts.User Id -> users.id"]
    assert targets_there(tmp_path, RULE, models, url, partial, made=False) == []


def test_a_key_of_the_database_alone(tmp_path: Path, url: URL) -> None:
    """There is no model to change."""
    change = "CREATE TABLE notes (user_id integer REFERENCES users)"
    indexed = MODELS.format(arguments=", index=True", table="")
    assert message_there(tmp_path, RULE, indexed, url, change) == SAID_OF_THE_DATABASE
