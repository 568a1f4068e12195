"""``alembic-cascade verify``: what it prints and exits with, and what it refuses to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from orphaned import failure

if TYPE_CHECKING:
    from click.testing import Result
    from orphaned import Site

BLOG = """
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list["Post"]] = relationship(back_populates="user", cascade="all, delete-orphan", passive_deletes=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship(back_populates="posts")

class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"))
"""
TABLES = [
    "CREATE TABLE users (id serial PRIMARY KEY)",
    "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users ON DELETE CASCADE)",
    "CREATE TABLE comments (id serial PRIMARY KEY, post_id integer REFERENCES posts ON DELETE SET NULL)",
    "INSERT INTO users DEFAULT VALUES",
    "INSERT INTO posts (user_id) VALUES (1)",
]
NO_RULE = (
    "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey,"
    " ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users"
)


@pytest.fixture
def verified(site: Site) -> Site:
    """A project whose keys all keep their promises."""
    site.model(BLOG)
    site.execute(*TABLES)
    return site


def verify(site: Site, *arguments: str, columns: int | None = None) -> Result:
    return site.run(*arguments, command="verify", columns=columns)


def document(site: Site, *arguments: str) -> dict[str, Any]:
    result = verify(site, *arguments, "--format", "json")
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)


def lines(result: Result) -> list[str]:
    return [line.rstrip() for line in result.stdout.splitlines()]


def test_all_is_proved(verified: Site) -> None:
    """A line for each key and relationship; nothing is changed."""
    before = verified.written()
    result = verify(verified)
    assert lines(result) == [
        "outcome  foreign key                   promised      happened",
        "proved   comments.post_id -> posts.id  post_id NULL  post_id NULL",
        "proved   posts.user_id -> users.id     gone          gone",
        "",
        "outcome  relationship  promised  happened",
        "proved   Post.user     stays     stays",
        "proved   User.posts    gone      gone",
        "",
        "all 4 proved",
    ]
    assert result.exit_code == 0
    assert verified.written() == before


def test_a_broken_promise(verified: Site) -> None:
    """What was promised, what happened, and exit status 1."""
    verified.execute(NO_RULE)
    result = verify(verified)
    said = "the delete is refused: update or delete on table"
    assert [line[:80].rstrip() for line in lines(result) if line.startswith("broken")] == [
        f"broken   posts.user_id -> users.id     gone          refused       {said}"[:80],
        f"broken   User.posts    gone      refused   the delete is stopped: {said[23:]}"[:80],
    ]
    assert lines(result)[-1] == "2 proved, 2 broken, of 4 promises"
    assert result.exit_code == 1


def test_a_narrow_terminal(verified: Site) -> None:
    """What does not fit into a line has a few."""
    verified.execute(NO_RULE)
    shown = lines(verify(verified, columns=60))
    assert "proved  comments.post_id -> posts.id  promised post_id NULL," in shown
    assert all(len(line) <= 60 for line in shown)


def test_json(verified: Site) -> None:
    """All fields of a proof."""
    written = document(verified, "--table", "posts")
    (key, _, _) = written["proofs"]
    assert key == {
        "database": verified.engine.url.database,
        "id": "posts.user_id->users.id",
        "subject": "posts.user_id -> users.id",
        "kind": "foreign key",
        "schema": None,
        "table": "posts",
        "outcome": "proved",
        "promised": "gone",
        "happened": "gone",
        "reason": None,
    }
    assert (written["version"], written["totals"]) == (1, {"proved": 3, "broken": 0, "not provable": 0})


def test_tables_are_chosen_by_patterns(verified: Site) -> None:
    """Those that refer are meant; a pattern that means none is most likely mistyped."""
    assert [proof["id"] for proof in document(verified, "--table", "comm*")["proofs"]] == ["comments.post_id->posts.id"]
    assert failure(verify(verified, "--table", "user")) == "No key and no relationship is of a table user."
    result = verify(verified, "--table", "a.b.c")
    assert result.exit_code == 2
    assert "'a.b.c' is no table pattern" in result.stderr


def test_what_is_not_provable_is_not_passed(verified: Site) -> None:
    """A row that can't be made shows nothing."""
    verified.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no comments'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    result = verify(verified, "--table", "comments")
    assert result.exit_code == 1
    assert "not provable" in result.stdout
    assert "no comments" in result.stdout


@pytest.mark.parametrize("pattern", ["{name}", "{name}*", "*/{name}", "*"])
def test_a_protected_database_is_refused(verified: Site, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an option or the environment, unless it is allowed."""
    name = str(verified.engine.url.database)
    wanted = pattern.format(name=name)
    said = failure(verify(verified, "--protect", "other", "--protect", wanted.upper()))
    assert f"is protected by {wanted.upper()!r}. Nothing was done." in said
    monkeypatch.setenv("ALEMBIC_CASCADE_PROTECT", f"other {wanted}")
    assert "is protected by" in failure(verify(verified))
    assert "is protected by" in failure(verify(verified, "--protect", "another"))
    assert verify(verified, "--allow-protected").exit_code == 0
    monkeypatch.setenv("ALEMBIC_CASCADE_PROTECT", "production prod*/shop")
    assert verify(verified).exit_code == 0


def test_a_project_without_models(verified: Site) -> None:
    """The database's own keys are tried."""
    verified.write_env(
        (verified.path / "migrations" / "env.py").read_text().replace(", target_metadata=Base.metadata", "")
    )
    proofs = document(verified)["proofs"]
    assert [(proof["id"], proof["outcome"]) for proof in proofs] == [
        ("comments.post_id->posts.id", "proved"),
        ("posts.user_id->users.id", "proved"),
    ]


def test_a_session_that_can_not_write(verified: Site) -> None:
    """It would fail at the first row; said at once, in one line."""
    name = verified.engine.url.database
    verified.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert failure(verify(verified)).startswith("This session is read-only, and a proof makes rows")


def test_a_session_in_which_keys_do_nothing(verified: Site) -> None:
    """All would be broken, in this session alone."""
    name = verified.engine.url.database
    verified.execute(f"ALTER DATABASE \"{name}\" SET session_replication_role = 'replica'")
    assert failure(verify(verified)).startswith("session_replication_role is replica in this session")


def test_another_database_than_postgresql(verified: Site) -> None:
    """What SQLite does says nothing of PostgreSQL."""
    (verified.path / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\nprepend_sys_path = .\nsqlalchemy.url = sqlite://\n"
    )
    assert failure(verify(verified)) == (
        "A proof can't be done on sqlite. What its keys do can only be tried on PostgreSQL."
    )
