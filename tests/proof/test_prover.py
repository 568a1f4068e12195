"""Proofs from programs: of all, of one, on connections of all kinds, and nothing is left behind."""

from __future__ import annotations

import sys

import pytest
from models import models, reference
from sqlalchemy import Engine, ForeignKey, ForeignKeyConstraint, MetaData, create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from alembic_cascade import CascadeConfig, CascadeError
from alembic_cascade.proof import Prover, claims, proofs, prove
from alembic_cascade.proof.claims import KeyClaim
from proof.proved import all_proofs, execute, not_proved, rows_of, told

IDS = ["posts.user_id->users.id"]


def blog(schema: str | None = None) -> MetaData:
    """Users and their posts."""
    target = f"{schema}.users.id" if schema else "users.id"
    return models(schema=schema, users=[], posts=[reference("user_id", target, ondelete="CASCADE")])


def test_what_there_is_to_prove_is_known_without_a_database() -> None:
    """A test for each needs names before it needs a server; they are the same in every run."""
    found = claims([blog(), blog("other")])
    assert [claim.id for claim in found] == [*IDS, "other.posts.user_id->other.users.id"]


def test_what_is_promised_twice_is_told_apart(engine: Engine) -> None:
    """The same promise is one; another rule for the same key is another one, and none hides behind the first."""
    rules = [models(users=[], posts=[reference("user_id", "users.id", ondelete=rule)]) for rule in ("CASCADE", None)]
    assert [claim.id for claim in claims([blog(), blog()])] == IDS
    assert [claim.id for claim in claims(rules)] == [*IDS, f"{IDS[0]}#2"]
    rules[0].create_all(engine)
    assert [proof.outcome for proof in all_proofs(engine, *rules)] == ["not provable", "broken"]
    twice = models(users=[], posts=[reference("user_id", "users.id")])
    twice.tables["posts"].append_constraint(ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"))
    found = claims([twice])
    assert [(claim.id, str(claim.ondelete)) for claim in found if isinstance(claim, KeyClaim)] == [
        (IDS[0], "NO ACTION"),
        (f"{IDS[0]}#2", "SET NULL"),
    ]


def test_classes_of_one_name_in_one_module_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by functions, say: a test for one of them would be no test of the other."""

    def shop() -> type[DeclarativeBase]:
        class Base(DeclarativeBase):
            pass

        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            posts = relationship("Post")

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
            user = relationship(User, overlaps="posts")

        # Models are found in modules.
        monkeypatch.setattr(sys.modules[__name__], f"Post{id(Base)}", Post, raising=False)
        return Base

    found = claims([shop().metadata, shop().metadata])
    assert [claim.id.removeprefix(f"{__name__}.") for claim in found][1:] == [
        "Post.user",
        "Post.user#2",
        "User.posts",
        "User.posts#2",
    ]


def test_one_thing_alone(engine: Engine) -> None:
    """By its id; what is no id is refused."""
    metadata = blog()
    metadata.create_all(engine)
    with engine.connect() as connection:
        assert prove(connection, [metadata], IDS[0], config=CascadeConfig()).is_proved
        with pytest.raises(CascadeError, match=r"There is no key and no relationship posts\.user_id in the models"):
            prove(connection, [metadata], "posts.user_id", config=CascadeConfig())


def test_one_after_the_other_on_one_prover(engine: Engine) -> None:
    """The catalogue is read once; what one proof makes is not there for the next."""
    metadata = blog()
    metadata.create_all(engine)
    with engine.connect() as connection:
        prover = Prover(connection, [metadata], config=CascadeConfig())
        assert [prover.prove(claim).outcome for claim in prover.claims * 3] == ["proved"] * 3
        assert rows_of(connection) == [("public.posts", []), ("public.users", [])]


def test_the_work_of_the_caller_stays(engine: Engine) -> None:
    """Rows of a transaction that is not committed yet, its settings, and its savepoints."""
    metadata = blog()
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO users VALUES (1)"))
        connection.execute(text("SET LOCAL lock_timeout = '3s'"))
        with connection.begin_nested():
            connection.execute(text("INSERT INTO posts VALUES (1, 1)"))
            assert not_proved(list(proofs(connection, [metadata], config=CascadeConfig()))) == []
        assert connection.scalar(text("SELECT count(*) FROM posts")) == 1
        settings = "SELECT current_setting('lock_timeout'), current_setting('row_security')"
        assert tuple(connection.execute(text(settings)).one()) == ("3s", "on")
        connection.commit()
        assert connection.scalar(text("SELECT count(*) FROM posts")) == 1


def test_proofs_that_are_not_asked_for_to_the_end_leave_nothing(engine: Engine) -> None:
    """Who stops at the first broken promise has a transaction as before."""
    metadata = blog()
    metadata.create_all(engine)
    with engine.connect() as connection:
        begun = proofs(connection, [metadata], config=CascadeConfig())
        next(begun)
        begun.close()  # type: ignore[attr-defined]
        assert rows_of(connection) == [("public.posts", []), ("public.users", [])]


def test_a_connection_that_commits_each_statement(engine: Engine) -> None:
    """Proofs begin a transaction of their own there, and roll it back."""
    metadata = blog()
    metadata.create_all(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert not_proved(list(proofs(connection, [metadata], config=CascadeConfig()))) == []
        assert rows_of(connection) == [("public.posts", []), ("public.users", [])]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_any_driver(engine: Engine, driver: str) -> None:
    """Values go as text, so that no driver has to know their types."""
    metadata = blog()
    metadata.create_all(engine)
    execute(
        engine,
        "CREATE TABLE odd (id uuid PRIMARY KEY, user_id integer REFERENCES users ON DELETE SET NULL,"
        " tags text[] NOT NULL CHECK (tags <> '{}'), at timestamptz NOT NULL, data json NOT NULL, share numeric(5,2) NOT NULL,"
        " note text NOT NULL CHECK (note LIKE '%:a%'))",
    )
    other = create_engine(engine.url.set(drivername=f"postgresql+{driver}"))
    assert told(all_proofs(other, metadata)) == [
        ("posts.user_id -> users.id", "proved", "gone"),
        ("odd.user_id -> users.id", "proved", "user_id NULL"),
    ]
    other.dispose()


def test_schemas_that_are_translated(engine: Engine) -> None:
    """Tenants have the same tables in schemas of their own."""
    metadata = blog("tenant")
    execute(engine, "CREATE SCHEMA one", "CREATE SCHEMA two")
    for schema in ("one", "two"):
        metadata.create_all(engine.execution_options(schema_translate_map={"tenant": schema}))
    execute(engine, "ALTER TABLE two.posts DROP CONSTRAINT posts_user_id_fkey")
    outcomes = []
    for schema in ("one", "two"):
        with engine.connect().execution_options(schema_translate_map={"tenant": schema}) as connection:
            outcomes += [proof.outcome for proof in proofs(connection, [metadata], config=CascadeConfig())]
    assert outcomes == ["proved", "broken"]


def test_tables_that_a_deployment_may_lack(engine: Engine) -> None:
    """What the settings call optional is left out where it is not there; what they don't is missed."""
    metadata = blog()
    metadata.create_all(engine)
    execute(engine, "DROP TABLE posts")
    assert all_proofs(engine, metadata, config=CascadeConfig(optional_tables=["post*"])) == []
    assert [proof.outcome for proof in all_proofs(engine, metadata)] == ["broken"]


def test_keys_of_tables_without_models(engine: Engine) -> None:
    """The database's own word counts there; of a table of the models, only these promise anything."""
    metadata = blog()
    metadata.create_all(engine)
    execute(
        engine,
        "ALTER TABLE users ADD boss integer REFERENCES users",
        "CREATE TABLE legacy (id integer PRIMARY KEY, user_id integer REFERENCES users ON DELETE SET NULL)",
        "CREATE SCHEMA hidden",
        "CREATE TABLE hidden.more (id integer PRIMARY KEY, user_id integer REFERENCES users)",
    )
    assert told(all_proofs(engine, metadata)) == [
        ("posts.user_id -> users.id", "proved", "gone"),
        ("legacy.user_id -> users.id", "proved", "user_id NULL"),
    ]


def test_triggers_fire_and_what_they_write_is_undone(engine: Engine) -> None:
    """An audit trail of the user's must not tell of rows that never were."""
    metadata = blog()
    metadata.create_all(engine)
    execute(
        engine,
        "CREATE TABLE trail (said text)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trail VALUES (TG_OP); RETURN NULL; END $$",
        "CREATE TRIGGER note AFTER INSERT OR DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note()",
    )
    assert not_proved(all_proofs(engine, metadata)) == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM trail")) == 0
