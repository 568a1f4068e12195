"""Seed 003: "tried to blank-out primary key column", and what CASCADE on a hundred keys does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alembic_cascade.audit.auditing import audit
from audit.models import imported, subject

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

# One table of each kind that the seed has: a user's one row (sync status), rows of days, rows that may be nobody's.
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    sync_status: Mapped[VitalsSyncStatus] = relationship(back_populates="user"{cascade})
    aggregates: Mapped[list[VitalsDailyAggregate]] = relationship(back_populates="user"{cascade})
    feedback: Mapped[list[Feedback]] = relationship(back_populates="user"{cascade})

class VitalsSyncStatus(Base):
    __tablename__ = "vitals_sync_status"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"{rule}), primary_key=True)
    user: Mapped[User] = relationship(back_populates="sync_status")

class VitalsDailyAggregate(Base):
    __tablename__ = "vitals_daily_aggregates"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"{rule}))
    date: Mapped[str]
    user: Mapped[User] = relationship(back_populates="aggregates")

class Feedback(Base):
    __tablename__ = "feedback"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"{rule}))
    user: Mapped[User | None] = relationship(back_populates="feedback")
"""
RULE = ', ondelete="CASCADE"'
CASCADE = ', cascade="all, delete-orphan", passive_deletes=True'

# SQLAlchemy sets the children's reference to NULL; a primary key and a NOT NULL column take none. Feedback takes it.
BEFORE = [("blank-out-not-null", "User.aggregates"), ("blank-out-primary-key", "User.sync_status")]
# PostgreSQL, too, has to look for the children.
UNINDEXED = [
    ("unindexed-foreign-key", "feedback.user_id -> users.id"),
    ("unindexed-foreign-key", "vitals_daily_aggregates.user_id -> users.id"),
]
# The migration changes keys, and no relationship: SQLAlchemy does just the same, and now feedback outlives a CASCADE.
MIGRATED = [*BEFORE, ("cascade-never-fires", "User.feedback")]


def found_in(directory: Path, **written: str) -> list[tuple[str, str]]:
    """What is found: rules and what they are about."""
    found = audit(subject(imported(directory, MODELS.format(**written))))
    return [(finding.rule, finding.target) for finding in found.findings]


def test_before(tmp_path: Path) -> None:
    """The error that the seed begins with."""
    assert found_in(tmp_path, rule="", cascade="") == BEFORE + UNINDEXED


def test_after_the_migration(tmp_path: Path) -> None:
    """What the seed calls fixed."""
    assert found_in(tmp_path, rule=RULE, cascade="") == MIGRATED + UNINDEXED


def test_after_the_fixes_of_the_audit(tmp_path: Path) -> None:
    """The relationships leave the children to the keys; once these have an index, nothing is found."""
    assert found_in(tmp_path, rule=RULE, cascade=CASCADE) == UNINDEXED
    assert found_in(tmp_path, rule=f"{RULE}), index=(True", cascade=CASCADE) == []


@pytest.mark.parametrize(("rule", "cascade", "refused"), [("", "", True), (RULE, "", True), (RULE, CASCADE, False)])
def test_the_user_is_deleted_or_not(tmp_path: Path, engine: Engine, rule: str, cascade: str, *, refused: bool) -> None:
    """``db.delete(user); db.commit()``, which the seed says works after the migration."""
    module = imported(tmp_path, MODELS.format(rule=rule, cascade=cascade))
    module.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(module.User(id=1, email="test_cascade_delete@example.com"))
        session.flush()
        session.add(module.VitalsSyncStatus(user_id=1))
        session.add(module.VitalsDailyAggregate(user_id=1, date="2025-10-20"))
        session.add(module.Feedback(user_id=1))
        session.commit()
        session.delete(session.get_one(module.User, 1))
        if refused:
            with pytest.raises((AssertionError, IntegrityError), match=r"blank-out primary key|null value"):
                session.flush()
        else:
            session.flush()
