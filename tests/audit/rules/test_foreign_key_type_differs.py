"""``foreign-key-type-differs``: a key that PostgreSQL takes, and pays for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.databases import targets_there
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "foreign-key-type-differs"
MODELS = """\
from sqlalchemy.dialects.postgresql import CITEXT, DOMAIN

class User(Base):
    __tablename__ = "users"
    id = mapped_column({parent}, primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id = mapped_column({child}ForeignKey("users.id"), index=True)
"""
KEY = "posts.user_id -> users.id"
SAID = """\
warning foreign-key-type-differs posts.user_id -> users.id
its columns differ: posts.user_id is INTEGER, users.id is BIGINT.
A row whose users.id is 2^31 or more can't be referred to: posts.user_id is out of range.
Give both the same type: BIGINT for posts.user_id, if users.id is right."""


def test_what_it_says(tmp_path: Path) -> None:
    """The day on which it hurts is told."""
    assert message(tmp_path, RULE, MODELS.format(parent="BigInteger", child="Integer, ")) == SAID


@pytest.mark.parametrize(
    ("parent", "child", "said"),
    [
        ("Integer", "BigInteger, ", "posts.user_id takes room for numbers that users.id never has."),
        ("SmallInteger", "Integer, ", "takes room"),
        ("Numeric(12)", "Integer, ", "each delete of a parent reads all children."),
        ("String(20)", "CHAR(20), ", "each delete of a parent reads all children."),
        ("Double", "Integer, ", "each delete of a parent reads all children."),
        ("DateTime(timezone=True)", "DateTime, ", "never finds its counterpart."),
        ("Double", "REAL, ", "never finds its counterpart."),
    ],
)
def test_it_fires(tmp_path: Path, url: URL, parent: str, child: str, said: str) -> None:
    """PostgreSQL takes each of these keys."""
    models = MODELS.format(parent=parent, child=child)
    assert said in message(tmp_path, RULE, models)
    assert targets_there(tmp_path, RULE, models, url) == [KEY]


def test_what_postgresql_refuses(tmp_path: Path) -> None:
    """It is known before the migration is run."""
    assert targets(tmp_path, RULE, MODELS.format(parent="Uuid", child="String(36), ")) == [KEY]


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("Integer", "Integer, "),
        ("BigInteger", ""),
        ("String(20)", "String(40), "),
        ("String(20)", "Text, "),
        ("String", "String(20, collation='C'), "),
        ("Numeric(12)", "DECIMAL(10, 2), "),
        ("Float", "Double, "),
        ("DateTime", "TIMESTAMP, "),
        ("Uuid", "UUID(as_uuid=False), "),
        ("Integer", "DOMAIN('number', Integer), "),
        ("DOMAIN('number', Integer)", "DOMAIN('other', DOMAIN('number', Integer)), "),
        ("Enum('a', 'b', name='letter')", "Enum('a', 'b', name='letter'), "),
    ],
)
def test_the_near_miss(tmp_path: Path, url: URL, parent: str, child: str) -> None:
    """The same type, whatever its name and its limits."""
    models = MODELS.format(parent=parent, child=child)
    assert targets(tmp_path, RULE, models) == []
    if "other" in child:
        return
    assert targets_there(tmp_path, RULE, models, url) == []


def test_a_domain_over_another_type(tmp_path: Path) -> None:
    """What is below it counts."""
    assert targets(tmp_path, RULE, MODELS.format(parent="BigInteger", child="DOMAIN('number', Integer), ")) == [KEY]


def test_the_database_counts_where_it_has_both(tmp_path: Path, url: URL) -> None:
    """Domains over domains as well."""
    same, wide = (MODELS.format(parent=parent, child="Integer, ") for parent in ("Integer", "BigInteger"))
    assert targets_there(tmp_path, RULE, same, url, "ALTER TABLE users ALTER id TYPE bigint") == [KEY]
    assert targets_there(tmp_path, RULE, wide, url, "ALTER TABLE users ALTER id TYPE integer", made=False) == []
    domains = (
        "CREATE DOMAIN number AS integer",
        "CREATE DOMAIN named AS number",
        "ALTER TABLE posts ALTER user_id TYPE named",
    )
    assert targets_there(tmp_path, RULE, same, url, *domains, made=False) == []
