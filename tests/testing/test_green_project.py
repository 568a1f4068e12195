"""A project in which all is well: what is added to a run of pytest, and what is not touched by it."""

from __future__ import annotations

from trial import Trial, outcomes

MODELS = """\
import enum

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


metadata = Base.metadata


class Mood(enum.Enum):
    good = "good"
    bad = "bad"


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, CheckConstraint("email LIKE '%@%'", name="email_check"), unique=True)
    mood: Mapped[Mood] = mapped_column(Enum(Mood, name="mood"))
    posts: Mapped[list["Post"]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True, foreign_keys="Post.user_id"
    )


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    title: Mapped[str | None]
    user: Mapped[User] = relationship(back_populates="posts", foreign_keys=user_id)


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
"""

# Two branches, of which the second one also needs the first; orphans are settled on the way.
REVISIONS = {
    "start": {
        "parent": None,
        "up": """\
CREATE TYPE mood AS ENUM ('good', 'bad')
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL CONSTRAINT email_check CHECK (email LIKE '%@%'))
CREATE TABLE posts (id serial PRIMARY KEY, user_id integer NOT NULL, editor_id integer, title varchar)
INSERT INTO users VALUES (1, 'ann@example.org')
INSERT INTO posts VALUES (1, 1, NULL, 'Hello')
""",
        "down": "DROP TABLE posts, users\nDROP TYPE mood",
    },
    "posts": {
        "parent": "start",
        "up": """\
op.clean_orphans("posts", "users", ["user_id"], ["id"], strategy="quarantine", revision=revision)
op.create_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"], ondelete="CASCADE")
op.clean_orphans("posts", "users", ["editor_id"], ["id"], strategy="set_null", revision=revision)
op.create_foreign_key("posts_editor_id_fkey", "posts", "users", ["editor_id"], ["id"], ondelete="SET NULL")
CREATE INDEX ix_posts_user_id ON posts (user_id)
CREATE INDEX ix_posts_editor_id ON posts (editor_id)
""",
        "down": """\
op.drop_index("ix_posts_editor_id")
op.drop_index("ix_posts_user_id")
op.drop_constraint("posts_editor_id_fkey", "posts")
op.restore_orphans("posts", "users", ["editor_id"], ["id"], revision=revision)
op.drop_constraint("posts_user_id_fkey", "posts")
op.restore_orphans("posts", "users", ["user_id"], ["id"], revision=revision)
""",
    },
    "moods": {
        "parent": "start",
        "up": "ALTER TABLE users ADD mood mood NOT NULL DEFAULT 'good'\nALTER TABLE users ALTER mood DROP DEFAULT",
        "down": "ALTER TABLE users DROP mood",
    },
    "invoices": {
        "parent": "moods",
        "depends_on": "posts",
        "up": """\
CREATE TABLE invoices (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users ON DELETE RESTRICT)
CREATE INDEX ix_invoices_user_id ON invoices (user_id)
""",
        "down": "DROP TABLE invoices",
    },
    "end": {
        "parent": ("posts", "invoices"),
        "up": "ALTER TABLE users ADD UNIQUE (email)",
        "down": "ALTER TABLE users DROP CONSTRAINT users_email_key",
    },
}

OWN = """\
import pytest
from models import Invoice, Mood, Post, User
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError


def test_a_user_takes_posts_along(make_row, assert_cascades):
    user = make_row(User, email="bob@example.org", mood=Mood.bad)
    post = make_row(Post, user=user, title="Mine")
    other = make_row(Post, editor_id=user.id)
    assert (user.email, user.mood, user.posts, other.user.id != user.id) == ("bob@example.org", Mood.bad, [post], True)
    assert_cascades(user, gone=[post], nulled=[other])


@pytest.mark.parametrize("by", ["session", "sql"])
def test_an_invoice_keeps_its_user(cascade_database, make_row, assert_cascades, by):
    invoice = make_row(Invoice)
    user = cascade_database.session.get(User, invoice.user_id)
    assert_cascades(user, refused=True, by=by)
    assert cascade_database.session.get(User, invoice.user_id) is user


def test_what_is_committed_and_rolled_back_stays_in_the_test(cascade_database, make_row):
    session = cascade_database.session
    assert session.scalars(select(User.email)).all() == ["ann@example.org"]
    user = make_row(User)
    session.add(User(id=user.id + 1, email=user.email, mood=Mood.good))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    user.email = "new@example.org"
    session.commit()
    assert cascade_database.connection.scalar(select(func.count()).select_from(User)) == 2


def test_nothing_is_there_of_other_tests(cascade_database):
    assert cascade_database.session.scalars(select(User.email)).all() == ["ann@example.org"]
"""


def write_green(trial: Trial) -> None:
    """Write the project, without tests of its own."""
    trial.write("models.py", MODELS)
    for revision, said in REVISIONS.items():
        trial.revise(revision, **said)


ADDED = [
    "test_cascade[invoices.user_id->users.id]",
    "test_cascade[posts.editor_id->users.id]",
    "test_cascade[posts.user_id->users.id]",
    "test_cascade[Post.user]",
    "test_cascade[User.posts]",
    "test_no_drift",
    "test_no_orphans",
    "test_relationships_consistent",
    "test_upgrade_downgrade_restores_data[start]",
    "test_upgrade_downgrade_restores_data[posts]",
    "test_upgrade_downgrade_restores_data[moods]",
    "test_upgrade_downgrade_restores_data[invoices]",
    "test_upgrade_downgrade_restores_data[end]",
]


def test_each_key_relationship_and_revision_has_a_test_that_passes(trial: Trial) -> None:
    """The whole of it, beside the project's own tests; the named database is read, and nothing stays on the server."""
    write_green(trial)
    trial.write("test_own.py", OWN)
    result = trial.run_here("--alembic-cascade", "-v", "-rA")
    found = outcomes(result)
    assert list(found) == [f"alembic.ini::{name}" for name in ADDED] + [
        "test_own.py::test_a_user_takes_posts_along",
        "test_own.py::test_an_invoice_keeps_its_user[session]",
        "test_own.py::test_an_invoice_keeps_its_user[sql]",
        "test_own.py::test_what_is_committed_and_rolled_back_stays_in_the_test",
        "test_own.py::test_nothing_is_there_of_other_tests",
    ]
    assert set(found.values()) == {"PASSED"}
    # Every revision ran with rows in all tables.
    assert "no rows in" not in result.stdout.str()
    with trial.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").scalar() == 0


def test_tests_are_collected_and_chosen_without_a_database(trial: Trial) -> None:
    """An editor collects at each change of a file; ids are those of a file of tests."""
    write_green(trial)
    collected = trial.run_here("--alembic-cascade", "--collect-only", "-q", url="postgresql://127.0.0.1:1/never")
    assert [line for line in collected.outlines if "::" in line] == [f"alembic.ini::{name}" for name in ADDED]
    chosen = trial.run_here("--alembic-cascade", "--collect-only", "-q", "-k", "cascade and posts and not User.posts")
    assert [line for line in chosen.outlines if "::" in line] == [f"alembic.ini::{name}" for name in ADDED[1:3]]
    single = f"alembic.ini::{ADDED[2]}"
    assert outcomes(trial.run_here("--alembic-cascade", "-v", single, "alembic.ini::test_no_drift")) == {
        single: "PASSED",
        "alembic.ini::test_no_drift": "PASSED",
    }


def test_workers_share_one_server_and_no_database(trial: Trial) -> None:
    """Without a URL there is an embedded server, one for all of xdist's workers; it ends with the run."""
    write_green(trial)
    trial.write(
        "test_own.py",
        """\
        import os
        from pathlib import Path

        import pytest


        @pytest.mark.parametrize("number", range(4))
        def test_place(cascade_database, number):
            query = "SELECT current_setting('data_directory'), current_database()"
            server, database = cascade_database.connection.exec_driver_sql(query).one()
            Path(f"{os.environ['PYTEST_XDIST_WORKER']}-{number}.seen").write_text(f"{server} {database}")
        """,
    )
    result = trial.run("--alembic-cascade", "-v", "-n2", "--dist=each", "-knot restores", plugins=("xdist",), url=None)
    result.assert_outcomes(passed=2 * 12)
    seen = {file.name.split("-")[0]: file.read_text().split() for file in trial.pytester.path.glob("*.seen")}
    assert sorted(seen) == ["gw0", "gw1"]
    (server, database), (same, other) = seen.values()
    assert (server == same, database == other) == (True, False)
    assert not trial.pytester.path.joinpath(server).exists()
