"""``set-null-not-null``: PostgreSQL takes the key, and refuses the delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from audit.databases import audited, targets_there
from audit.models import findings_of, message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "set-null-not-null"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[{type}] = mapped_column(ForeignKey("users.id", ondelete="{rule}"), index=True)
"""
FIRES = MODELS.format(type="int", rule="SET NULL")
NULLABLE = MODELS.format(type="int | None", rule="SET NULL")
COMPOSITE = """\
class Account(Base):
    __tablename__ = "accounts"
    tenant: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)

class Booking(Base):
    __tablename__ = "bookings"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[int]
    number: Mapped[int | None]
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "number"], ["accounts.tenant", "accounts.number"], ondelete="{rule}"),
        Index("ix_bookings", "tenant", "number"),
    )
"""
SAID = """\
error set-null-not-null posts.user_id -> users.id
it is to SET NULL, and user_id takes no NULL.
The delete of a row of users that posts refers to fails: null value in column "user_id" violates not-null constraint.
Let user_id take NULL, or give the key another rule: CASCADE, or RESTRICT if that is meant."""


def test_what_it_says(tmp_path: Path) -> None:
    """The words of the database with it."""
    assert message(tmp_path, RULE, FIRES) == SAID


@pytest.mark.parametrize(("kind", "rule"), [("int | None", "SET NULL"), ("int", "CASCADE"), ("int", "SET DEFAULT")])
def test_the_near_miss(tmp_path: Path, kind: str, rule: str) -> None:
    """The column takes NULL, or none is set."""
    assert targets(tmp_path, RULE, MODELS.format(type=kind, rule=rule)) == []


def test_one_column_of_several_is_enough(tmp_path: Path) -> None:
    """All of them are set to NULL."""
    found = ["bookings.(number, tenant) -> accounts.(number, tenant)"]
    assert [sorted_label(one) for one in targets(tmp_path, RULE, COMPOSITE.format(rule="SET NULL"))] == found
    assert len(targets(tmp_path, RULE, COMPOSITE.format(rule="SET NULL (tenant)"))) == 1


def sorted_label(label: str) -> str:
    """The columns of a label in their order by name."""
    return label.replace("tenant, number", "number, tenant")


def test_the_columns_that_are_named_count(tmp_path: Path) -> None:
    """PostgreSQL 15 and later leave the others alone."""
    assert targets(tmp_path, RULE, COMPOSITE.format(rule="SET NULL (number)")) == []


def test_a_part_of_the_primary_key_takes_no_null(tmp_path: Path) -> None:
    """Whatever the annotation says."""
    models = NULLABLE.replace("index=True", "primary_key=True")
    assert targets(tmp_path, RULE, models) == ["posts.user_id -> users.id"]


@pytest.mark.parametrize(
    ("models", "change", "expected"),
    [
        (FIRES, "SELECT 1", 1),
        (FIRES, "ALTER TABLE posts ALTER user_id DROP NOT NULL", 0),
        (NULLABLE, "SELECT 1", 0),
        (NULLABLE, "ALTER TABLE posts ALTER user_id SET NOT NULL", 1),
        (NULLABLE, "CREATE DOMAIN present AS integer NOT NULL; ALTER TABLE posts ALTER user_id TYPE present", 1),
        (
            NULLABLE,
            "CREATE DOMAIN present AS integer NOT NULL; CREATE DOMAIN named AS present;"
            " ALTER TABLE posts ALTER user_id TYPE named",
            1,
        ),
        (NULLABLE, "CREATE DOMAIN number AS integer; ALTER TABLE posts ALTER user_id TYPE number", 0),
    ],
)
def test_what_the_catalogue_says_is_what_happens(
    tmp_path: Path, url: URL, models: str, change: str, expected: int
) -> None:
    """The delete fails where there is a finding, and passes where there is none."""
    found = audited(tmp_path, models, url, change, "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)")
    assert len(findings_of(RULE, found)) == expected
    engine = create_engine(url)
    with engine.connect() as connection:
        if expected:
            with pytest.raises(IntegrityError, match="null"):
                connection.exec_driver_sql("DELETE FROM users")
        else:
            connection.exec_driver_sql("DELETE FROM users")
    engine.dispose()


def test_a_key_of_the_database_alone(tmp_path: Path, url: URL) -> None:
    """Nobody declared it, and it fails all the same."""
    change = "CREATE TABLE notes (user_id integer NOT NULL REFERENCES users ON DELETE SET NULL)"
    assert targets_there(tmp_path, RULE, NULLABLE, url, change) == ["notes.user_id -> users.id"]
