"""Boardrooms: who owns them, the sessions that are held in them, and the threads of these. Models of SQLModel.

Moments are kept by the database: env.py says which tables are to have which.
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, DateTime, FetchedValue, func
from sqlmodel import Field, Relationship, SQLModel

EMAIL = r"email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'"
OWNED = {"cascade": "all, delete-orphan", "passive_deletes": True}


class Moments(SQLModel):
    """What all tables have."""

    created_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    updated_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_onupdate": FetchedValue()}
    )


class User(Moments, table=True):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(EMAIL, name="users_email_format"),
        CheckConstraint("length(full_name) >= 2", name="users_full_name_length"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email: str = Field(max_length=320, unique=True)
    hashed_password: str = Field(max_length=100)
    full_name: str = Field(max_length=100)
    is_active: bool = Field(default=True)
    is_verified: bool = Field(default=False)

    owned_boardrooms: list["Boardroom"] = Relationship(back_populates="owner", sa_relationship_kwargs=OWNED)
    sessions: list["BoardSession"] = Relationship(back_populates="user", sa_relationship_kwargs=OWNED)
    threads: list["Thread"] = Relationship(back_populates="user", sa_relationship_kwargs=OWNED)


class Boardroom(Moments, table=True):
    __tablename__ = "boardrooms"
    __table_args__ = (
        CheckConstraint("max_participants BETWEEN 2 AND 50", name="boardrooms_max_participants"),
        CheckConstraint("length(name) >= 1", name="boardrooms_name_length"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    name: str = Field(max_length=200)
    max_participants: int = Field(default=10)
    is_active: bool = Field(default=True)

    owner: User = Relationship(back_populates="owned_boardrooms")
    sessions: list["BoardSession"] = Relationship(back_populates="boardroom", sa_relationship_kwargs=OWNED)


class BoardSession(Moments, table=True):
    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'completed', 'paused', 'cancelled')", name="sessions_status"),
        CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="sessions_dates"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    boardroom_id: UUID = Field(foreign_key="boardrooms.id", ondelete="CASCADE", index=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    title: str = Field(max_length=200)
    status: str = Field(default="active", max_length=20)
    started_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

    boardroom: Boardroom = Relationship(back_populates="sessions")
    user: User = Relationship(back_populates="sessions")
    threads: list["Thread"] = Relationship(back_populates="session", sa_relationship_kwargs=OWNED)


class Thread(Moments, table=True):
    __tablename__ = "threads"
    __table_args__ = (
        CheckConstraint("type IN ('discussion', 'decision', 'action_item', 'note')", name="threads_type"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="threads_priority"),
        CheckConstraint("status IN ('active', 'closed', 'archived')", name="threads_status"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    session_id: UUID = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    type: str = Field(default="discussion", max_length=20)
    priority: int = Field(default=3)
    status: str = Field(default="active", max_length=20)

    session: BoardSession = Relationship(back_populates="threads")
    user: User = Relationship(back_populates="threads")
