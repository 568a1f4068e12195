"""A project in which each kind of test fails, and what each of them says."""

from __future__ import annotations

import re

from trial import Trial, outcomes, sections

MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


metadata = Base.metadata


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list["Post"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    notes: Mapped[list["Note"]] = relationship()


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    text: Mapped[str | None]
"""

SAID = {
    "test_cascade[posts.user_id->users.id]": """\
posts.user_id -> users.id does not do what it promises
  promised  gone
  happened  refused
  because   it is NOT VALID, and there is an orphan: user_id = 99; the delete is refused: update or delete on table "users" violates foreign key constraint "posts_user_id_fkey" on table "posts" Key (id)=(ID) is still referenced from table "posts".
  to do     alembic-cascade audit and alembic check tell how models and database differ.
""",
    "test_cascade[User.posts]": """\
User.posts does not do what it promises
  promised  gone
  happened  refused
  because   the delete is stopped: update or delete on table "users" violates foreign key constraint "posts_user_id_fkey" on table "posts" Key (id)=(ID) is still referenced from table "posts".
  to do     alembic-cascade audit tells what cascade, passive_deletes and ON DELETE make of each other.
""",
    "test_no_drift": """\
The revisions do not lead to what the models say
  foreign key posts.user_id -> users.id: the database has it otherwise: NO ACTION -> CASCADE, not valid -> valid
  column users.born: the models lack it
  to do     alembic revision --autogenerate writes the revision that is missing.
""",
    "test_no_orphans": """\
error orphaned-rows  posts.user_id -> users.id  models.py:22
  1 of 1 references has no parent (100.0 %).
  The key is NOT VALID; VALIDATE CONSTRAINT fails until this is settled.
    id = 1, user_id = 99
  alembic-cascade orphans --table public.posts --dry-run says what --fix would do.

in NAMED: error orphaned-rows  posts.user_id -> users.id  models.py:22
  1 of 2 references has no parent (50.0 %).
  The database has no such key yet; none can be made until this is settled.
    id = 7, user_id = 8
  alembic-cascade orphans --table public.posts --dry-run says what --fix would do.
""",
    "test_relationships_consistent": """\
error blank-out-not-null  User.notes  models.py:16
  It does not delete Note, whose user_id takes no NULL.
  session.delete() of a User with children fails: IntegrityError, notes.user_id is set to NULL.
  -     notes: Mapped[list["Note"]] = relationship()
  +     notes: Mapped[list["Note"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
  -     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
  +     user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
  Then the next autogenerate settles the key.
""",
    "test_upgrade_downgrade_restores_data[loses]": """\
irreversible downgrade: table public.leftover
  promised  loses runs with rows in the tables, and its downgrade gives back what there was
  happened  after the downgrade: table public.leftover is new
  to do     Let the downgrade give back the schema that was there.

lost rows: public.notes
  promised  loses runs with rows in the tables, and its downgrade gives back what there was
  happened  3 rows there at the start are gone after the downgrade: 30000, 30001, 30002
  to do     Keep what the upgrade removes, as op.clean_orphans() does, and let the downgrade put it back.

wrong restore: public.users
  promised  loses runs with rows in the tables, and its downgrade gives back what there was
  happened  after the downgrade, 1 row has other values than at the start: 30002
  to do     Let the downgrade put back the very values that the upgrade took.
""",
    "test_upgrade_downgrade_restores_data[born]": """\
upgrade fails: upgrade of born
  promised  born runs with rows in the tables, and its downgrade gives back what there was
  happened  column "born" of relation "users" contains null values
  to do     Correct the revision, or what it finds in the database.
""",
    "test_upgrade_downgrade_restores_data[stays]": """\
irreversible downgrade: downgrade of stays
  promised  stays runs with rows in the tables, and its downgrade gives back what there was
  happened  NotImplementedError: there is no way back
  to do     Write a downgrade that gives back what the upgrade took, or be ready to restore a backup.
""",
}


def write_red(trial: Trial) -> None:
    """Write the project."""
    trial.write("models.py", MODELS)
    trial.revise(
        "tables",
        None,
        up="""\
        CREATE TABLE users (id serial PRIMARY KEY, note text)
        CREATE TABLE posts (id serial PRIMARY KEY, user_id integer NOT NULL)
        CREATE TABLE notes (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users, text varchar)
        CREATE INDEX ix_posts_user_id ON posts (user_id)
        CREATE INDEX ix_notes_user_id ON notes (user_id)
        """,
        down="DROP TABLE posts, notes, users",
    )
    trial.revise(
        "orphan",
        "tables",
        up="""\
        ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID
        ALTER TABLE posts DISABLE TRIGGER ALL
        INSERT INTO posts VALUES (1, 99)
        ALTER TABLE posts ENABLE TRIGGER ALL
        """,
        down="DELETE FROM posts WHERE id = 1\nALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
    )
    trial.revise(
        "loses",
        "orphan",
        up="""\
        DROP TABLE IF EXISTS leftover
        DELETE FROM notes
        UPDATE users SET note = 'changed' WHERE id = (SELECT max(id) FROM users)
        """,
        down="CREATE TABLE leftover ()",
    )
    trial.revise(
        "born",
        "loses",
        up="ALTER TABLE users DROP COLUMN IF EXISTS note\nALTER TABLE users ADD COLUMN born date NOT NULL",
        down="ALTER TABLE users DROP COLUMN born\nALTER TABLE users ADD COLUMN note text",
    )
    trial.revise("stays", "born", down="raise NotImplementedError('there is no way back')")


def test_each_kind_of_test_fails_with_what_was_promised_and_what_to_do(trial: Trial) -> None:
    """Nobody who reads it needs to know how the tests are made; what holds is green beside it."""
    write_red(trial)
    with trial.engine.begin() as connection:
        for statement in (
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)",
            "INSERT INTO users VALUES (1)",
            "INSERT INTO posts VALUES (6, 1), (7, 8)",
        ):
            connection.exec_driver_sql(statement)
    result = trial.run_here("--alembic-cascade", "-v")
    said = {name: _masked(text, trial) for name, text in sections(result).items()}
    for name, expected in SAID.items():
        assert said.pop(name) == expected, name
    assert said == {}
    passed = [name for name, outcome in outcomes(result).items() if outcome == "PASSED"]
    assert passed == [
        "alembic.ini::test_cascade[notes.user_id->users.id]",
        "alembic.ini::test_cascade[User.notes]",
        "alembic.ini::test_upgrade_downgrade_restores_data[tables]",
        "alembic.ini::test_upgrade_downgrade_restores_data[orphan]",
    ]


def _masked(text: str, trial: Trial) -> str:
    """Without what differs from run to run."""
    named = text.replace(f"in {trial.engine.url.database}: ", "in NAMED: ")
    return re.sub(r"\(id\)=\(\d+\)", "(id)=(ID)", named).split("\nalembic.ini::")[0]
