"""Seed 001: ``created_at`` and ``updated_at`` with triggers on every table, beside keys of UUIDs and many constraints."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from lifecycle.whole import run_there_and_back, whole
from sqlalchemy import Boolean, CheckConstraint, DateTime, ForeignKey, Integer, String, delete, func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from alembic_cascade import CascadeConfig, LifecycleColumn, LifecycleRefused, configure_options

if TYPE_CHECKING:
    from project import Project

TABLES = ["users", "boardrooms", "sessions", "threads"]
POLICIES = [
    LifecycleColumn("created_at", set_on="insert"),
    LifecycleColumn("updated_at", set_on="update"),
]


class Moments:
    """The columns as the seed's models have them."""

    created_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


class Undated:
    """Models that leave the columns to the settings."""


class NeverNull:
    """Models that promise a time for every row."""

    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


def board_models(mixin: type, *, cascading: bool = True) -> SimpleNamespace:
    """The seed's four models; without its work, keys have no rule, and two are not there."""

    class Base(DeclarativeBase):
        pass

    def reference(target: str, **options: Any) -> Any:
        return mapped_column(ForeignKey(target, ondelete="CASCADE" if cascading else None), **options)

    def forgotten(target: str, **options: Any) -> Any:
        return reference(target, **options) if cascading else mapped_column(**options)

    class User(mixin, Base):  # type: ignore[misc]
        __tablename__ = "users"
        __table_args__ = (
            CheckConstraint(r"email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'", name="users_email_format"),
            CheckConstraint("length(full_name) >= 2", name="users_name_length"),
        )

        id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
        email: Mapped[str] = mapped_column(String(320), unique=True)
        full_name: Mapped[str] = mapped_column(String(100))
        is_active: Mapped[bool] = mapped_column(Boolean, server_default="true")
        owned_boardrooms: Mapped[list[Boardroom]] = relationship(
            "Boardroom", primaryjoin="User.id == foreign(Boardroom.owner_id)", cascade="all, delete-orphan",
            passive_deletes=True,
        )  # fmt: skip

    class Boardroom(mixin, Base):  # type: ignore[misc]
        __tablename__ = "boardrooms"
        __table_args__ = (CheckConstraint("max_participants BETWEEN 2 AND 50", name="boardrooms_max_participants"),)

        id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
        owner_id: Mapped[UUID] = forgotten("users.id", index=True)
        name: Mapped[str] = mapped_column(String(200))
        max_participants: Mapped[int] = mapped_column(Integer, server_default="10")

    class BoardSession(mixin, Base):  # type: ignore[misc]
        __tablename__ = "sessions"
        __table_args__ = (
            CheckConstraint("status IN ('active', 'completed', 'paused', 'cancelled')", name="sessions_status"),
            CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="sessions_dates"),
        )

        id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
        boardroom_id: Mapped[UUID] = reference("boardrooms.id", index=True)
        user_id: Mapped[UUID] = reference("users.id", index=True)
        status: Mapped[str] = mapped_column(String(20), server_default="active")
        started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
        ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    class Thread(mixin, Base):  # type: ignore[misc]
        __tablename__ = "threads"
        __table_args__ = (
            CheckConstraint("priority BETWEEN 1 AND 5", name="threads_priority"),
            CheckConstraint("type IN ('discussion', 'decision', 'action_item', 'note')", name="threads_type"),
            CheckConstraint("status IN ('active', 'closed', 'archived')", name="threads_status"),
        )

        id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
        session_id: Mapped[UUID] = reference("sessions.id", index=True)
        user_id: Mapped[UUID] = forgotten("users.id", index=True)
        type: Mapped[str] = mapped_column(String(20), server_default="discussion")
        priority: Mapped[int] = mapped_column(Integer, server_default="3")
        status: Mapped[str] = mapped_column(String(20), server_default="active")

    return SimpleNamespace(Base=Base, User=User, Boardroom=Boardroom, BoardSession=BoardSession, Thread=Thread)


BEFORE = board_models(Undated, cascading=False)
MODELS = {"declared": board_models(Moments), "settings alone": board_models(Undated)}
STRICT = board_models(NeverNull)

USER, LOST, ROOM, LOST_ROOM = uuid4(), uuid4(), uuid4(), uuid4()
MEETING, LOST_MEETING, THREAD, LOST_THREAD, DEEP_THREAD = uuid4(), uuid4(), uuid4(), uuid4(), uuid4()
# A boardroom of nobody with a session and a thread in it, and a thread of nobody in a session of somebody.
ROWS = [
    f"INSERT INTO users (id, email, full_name) VALUES ('{USER}', 'ann@example.com', 'Ann')",
    f"INSERT INTO boardrooms (id, owner_id, name) VALUES ('{ROOM}', '{USER}', 'Board'), ('{LOST_ROOM}', '{LOST}', 'Lost')",
    f"INSERT INTO sessions (id, boardroom_id, user_id) VALUES ('{MEETING}', '{ROOM}', '{USER}'), ('{LOST_MEETING}', '{LOST_ROOM}', '{USER}')",
    f"INSERT INTO threads (id, session_id, user_id) VALUES ('{THREAD}', '{MEETING}', '{USER}'),"
    f" ('{LOST_THREAD}', '{MEETING}', '{LOST}'), ('{DEEP_THREAD}', '{LOST_MEETING}', '{USER}')",
]
LEFT = [("users", USER), ("boardrooms", ROOM), ("sessions", MEETING), ("threads", THREAD)]


def write_revision(project: Project, models: SimpleNamespace, policies: list[LifecycleColumn] = POLICIES) -> str:
    """The application as the seed found it, with rows, and its one revision."""
    project.create(BEFORE.Base.metadata)
    project.execute(*ROWS)
    project.metadata = models.Base.metadata
    project.options = configure_options(CascadeConfig(lifecycle=policies))
    return project.revision().upgrade


@pytest.fixture(params=MODELS)
def models(request: pytest.FixtureRequest) -> SimpleNamespace:
    """Both kinds of models."""
    return MODELS[request.param]


@pytest.fixture
def upgraded(project: Project, models: SimpleNamespace) -> Project:
    """The application after its revision."""
    write_revision(project, models)
    project.upgrade()
    return project


def test_one_revision_has_columns_triggers_and_keys(project: Project, models: SimpleNamespace) -> None:
    """Of each table both columns, a default after the column, and a trigger at the very end."""
    upgrade = write_revision(project, models)
    assert len(re.findall(r"^op\.add_column\(.*nullable=True\)\)$", upgrade, re.MULTILINE)) == 8
    defaults = re.findall(r"^op\.alter_column\('(\w+)', '(\w+)',", upgrade, re.MULTILINE)
    dated = ["created_at", "updated_at"] if models is MODELS["declared"] else ["created_at"]
    assert sorted(defaults) == sorted((table, column) for table in TABLES for column in dated)
    assert upgrade.count("op.alter_foreign_key(") == 3
    assert upgrade.count("op.create_foreign_key(") == 2
    assert upgrade.splitlines()[-4:] == [
        f"op.create_lifecycle_trigger('{table}', 'updated_at', set_on='update')" for table in sorted(TABLES)
    ]


def test_it_runs_up_and_down_and_up_over_dirty_rows(project: Project, models: SimpleNamespace) -> None:
    """No row of old gets a time, nor does what is cleaned away and comes back."""
    write_revision(project, models)
    run_there_and_back(project, TABLES)
    assert [(table, row) for table in TABLES for (row,) in project.fetch(f"SELECT id FROM {table}")] == LEFT
    for table in TABLES:
        assert project.fetch(f"SELECT created_at, updated_at FROM {table}") == [(None, None)], table


@pytest.mark.parametrize("compared", [False, True])
def test_the_next_autogenerate_finds_nothing(upgraded: Project, models: SimpleNamespace, compared: bool) -> None:
    """Whether or not defaults are compared."""
    upgraded.options = {**upgraded.options, "compare_server_default": compared, "compare_type": True}
    upgraded.check()
    assert upgraded.revision().upgrade == "pass\n"


def written(project: Project, by: str, statement: str, orm: Any) -> datetime:
    """Write by SQL or by the models; returns a moment before it."""
    ((before,),) = project.fetch("SELECT clock_timestamp()")
    if by == "SQL":
        project.execute(statement)
    else:
        with Session(project.engine) as session, session.begin():
            orm(session)
    assert isinstance(before, datetime)
    return before


def moved(project: Project, before: datetime, column: str = "updated_at") -> set[tuple[str, UUID]]:
    """The rows whose column is not older than ``before``."""
    return {
        (table, row)
        for table in TABLES
        for row, moment in project.fetch(f"SELECT id, {column} FROM {table}")
        if moment is not None and moment >= before
    }


@pytest.mark.parametrize("by", ["SQL", "ORM"])
def test_inserted_rows_have_their_times(upgraded: Project, models: SimpleNamespace, by: str) -> None:
    """In every table, by the database's clock; ``updated_at`` as the model says."""
    new = {table: uuid4() for table in TABLES}
    values = {
        "users": {"email": "new@example.com", "full_name": "New"},
        "boardrooms": {"owner_id": new["users"], "name": "New"},
        "sessions": {"boardroom_id": new["boardrooms"], "user_id": new["users"]},
        "threads": {"session_id": new["sessions"], "user_id": new["users"]},
    }
    classes = dict(zip(TABLES, (models.User, models.Boardroom, models.BoardSession, models.Thread), strict=True))

    def add(session: Session) -> None:
        for table in TABLES:
            session.add(classes[table](id=new[table], **values[table]))
            session.flush()

    statement = ";".join(
        f"INSERT INTO {table} (id, {', '.join(values[table])}) "
        f"VALUES ('{new[table]}', {', '.join(repr(str(value)) for value in values[table].values())})"
        for table in TABLES
    )
    before = written(upgraded, by, statement, add)
    assert moved(upgraded, before, "created_at") == set(new.items())
    assert moved(upgraded, before) == (set(new.items()) if models is MODELS["declared"] else set())


@pytest.mark.parametrize("by", ["SQL", "ORM"])
def test_updated_rows_have_their_times(upgraded: Project, models: SimpleNamespace, by: str) -> None:
    """One row, all rows of a table, and none where the value was there before."""
    change = "UPDATE users SET full_name = 'Ann B.'"

    def rename(session: Session) -> None:
        session.get_one(models.User, USER).full_name = "Ann B."

    def close(session: Session) -> None:
        session.execute(update(models.Thread).values(status="closed"))

    before = written(upgraded, by, change, rename)
    assert moved(upgraded, before) == {("users", USER)}
    # What is the same in the same transaction is no other time.
    assert moved(upgraded, before, "created_at") == set()
    assert moved(upgraded, written(upgraded, by, change, rename)) == set()
    before = written(upgraded, by, "UPDATE threads SET status = 'closed'", close)
    assert moved(upgraded, before) == {("threads", THREAD)}
    upgraded.execute("UPDATE threads SET status = 'closed'")
    assert moved(upgraded, written(upgraded, "SQL", "UPDATE threads SET priority = priority", None)) == set()


@pytest.mark.parametrize("by", ["SQL", "ORM"])
def test_a_deleted_user_takes_everything_along(upgraded: Project, models: SimpleNamespace, by: str) -> None:
    """No trigger is in the way of a cascade."""
    if by == "SQL":
        upgraded.execute(f"DELETE FROM users WHERE id = '{USER}'")
    else:
        with Session(upgraded.engine) as session, session.begin():
            session.delete(session.get_one(models.User, USER))
    for table in TABLES:
        assert upgraded.fetch(f"SELECT id FROM {table}") == [], table


REFUSED = {
    "an e-mail without a domain": ("UPDATE users SET email = 'ann@example'", "users_email_format"),
    "an e-mail twice": ("INSERT INTO users (email, full_name) VALUES ('ann@example.com', 'Bob')", "users_email_key"),
    "a short name": ("UPDATE users SET full_name = 'A'", "users_name_length"),
    "too many participants": ("UPDATE boardrooms SET max_participants = 51", "boardrooms_max_participants"),
    "an unknown status": ("UPDATE sessions SET status = 'gone'", "sessions_status"),
    "an end before the start": ("UPDATE sessions SET started_at = now(), ended_at = '2000-01-01Z'", "sessions_dates"),
    "a priority of 0": ("UPDATE threads SET priority = 0", "threads_priority"),
    "a priority of 6": ("UPDATE threads SET priority = 6", "threads_priority"),
    "an unknown type": ("UPDATE threads SET type = 'rumour'", "threads_type"),
    "another unknown status": ("UPDATE threads SET status = 'paused'", "threads_status"),
    "a boardroom of nobody": (f"UPDATE boardrooms SET owner_id = '{LOST}'", "boardrooms_owner_id_fkey"),
    "a thread of nobody": (f"UPDATE threads SET user_id = '{LOST}'", "threads_user_id_fkey"),
}


def test_constraints_are_unharmed_and_hold(project: Project, models: SimpleNamespace) -> None:
    """As they are in the catalogue; a row that one refuses has the time that it had."""
    standing = (
        "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
        "WHERE contype IN ('c', 'u', 'p') AND connamespace = 'public'::regnamespace ORDER BY 1"
    )
    write_revision(project, models)
    constraints = [row for row in project.fetch(standing) if "alembic_version" not in row[0]]
    project.upgrade()
    assert [row for row in project.fetch(standing) if "alembic_version" not in row[0]] == constraints
    before = project.fetch("SELECT clock_timestamp()")[0][0]
    for statement, constraint in REFUSED.values():
        with pytest.raises(IntegrityError, match=f'"{constraint}"'):
            project.execute(statement)
    assert moved(project, before) == set()


def test_after_some_life_the_way_down_takes_the_columns_alone(project: Project, models: SimpleNamespace) -> None:
    """What was cleaned away is there again, beside what came since."""
    write_revision(project, models)
    start = run_there_and_back(project, TABLES)
    with Session(project.engine) as session, session.begin():
        session.add(models.User(id=uuid4(), email="new@example.com", full_name="New"))
        session.execute(update(models.Boardroom).values(max_participants=5))
    with Session(project.engine) as session, session.begin():
        session.execute(update(models.Boardroom).values(max_participants=10))
        session.execute(delete(models.User).where(models.User.email == "new@example.com"))
    project.downgrade()
    assert whole(project, TABLES) == start


def test_a_promise_of_a_time_for_every_row_needs_times_for_the_old_ones(project: Project) -> None:
    """Without them the revision changes nothing, and says what to give."""
    write_revision(project, STRICT)
    start = whole(project, TABLES)
    with pytest.raises(LifecycleRefused, match=r"boardrooms\.created_at: 1 row of boardrooms has no value.*backfill="):
        project.upgrade()
    assert whole(project, TABLES) == start


def test_a_promise_of_a_time_for_every_row_is_kept(project: Project) -> None:
    """Where the settings have a time for the old ones."""
    policies = [
        LifecycleColumn("created_at", set_on="insert", backfill="timestamptz '2024-01-01 00:00Z'"),
        LifecycleColumn("updated_at", set_on="update", backfill="timestamptz '2024-01-01 00:00Z'"),
    ]
    upgrade = write_revision(project, STRICT, policies)
    assert upgrade.count("op.backfill_lifecycle_column(") == 8
    run_there_and_back(project, TABLES)
    opened = datetime(2024, 1, 1, tzinfo=UTC)
    for table in TABLES:
        assert project.fetch(f"SELECT created_at, updated_at FROM {table}") == [(opened, opened)], table
        with pytest.raises(IntegrityError, match="not-null"):
            project.execute(f"UPDATE {table} SET created_at = NULL")
    assert moved(project, written(project, "SQL", "UPDATE users SET full_name = 'Ann B.'", None)) == {("users", USER)}
