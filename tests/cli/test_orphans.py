"""``orphans``: what is counted, what is said of it, and how it ends."""

from __future__ import annotations

import json
from time import sleep

import pytest
from orphaned import Site, failure
from sqlalchemy import URL, NullPool, create_engine
from workplace import ENV, shown

MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    editor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    author: Mapped[str | None]
    by_mail: Mapped[User] = relationship(primaryjoin=lambda: foreign(Post.author) == User.email)


class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))


class Legacy(Base):
    __tablename__ = "legacy"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
"""
TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY, email text)",
    "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, editor_id integer, author text)",
    "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer NOT NULL REFERENCES posts ON DELETE CASCADE)",
)
DIRTY = (
    "INSERT INTO users VALUES (1, 'ann'), (2, 'bob'), (3, 'bob')",
    "INSERT INTO posts VALUES (10, 1, 1, 'ann'), (20, 7, 1, 'eve'), (30, 8, NULL, 'bob'), (40, NULL, 9, NULL)",
    "INSERT INTO comments VALUES (1, 10), (2, 20), (3, 20)",
)
SAID = """\
orphans  references    rate  NULL  key
      1           3  33.3 %     1  posts.editor_id -> users.id
      2           3  66.7 %     1  posts.user_id -> users.id
      1           3  33.3 %     1  posts.author -> users.email

error null-link  posts.editor_id  app_models.py:19
  1 row has NULL, though the models want it filled.
  The column can't be made NOT NULL until this is settled.
    id
    30
  Fill it, remove these rows, or let the model say nullable=True.

error orphaned-rows  posts.editor_id -> users.id  app_models.py:19
  1 of 3 references has no parent (33.3 %).
  The database has no such key yet; none can be made until this is settled.
    id  editor_id
    40  9
  alembic-cascade orphans --table public.posts --dry-run says what --fix would do.

error orphaned-rows  posts.user_id -> users.id  app_models.py:18
  2 of 3 references have no parent (66.7 %).
  The database has no such key yet; none can be made until this is settled.
    id  user_id
    20  7
    30  8
  alembic-cascade orphans --table public.posts --dry-run says what --fix would do.

warning duplicate-referent  users.email  app_models.py:21
  2 rows share their value with another one, and no unique constraint forbids it.
  A row that refers to it has several parents.
    email
    bob
  Settle which row is meant, then give it a unique constraint.

warning orphaned-rows  posts.author -> users.email  app_models.py:21
  1 of 3 references has no parent (33.3 %).
  No key keeps them from coming; for Post.by_mail they refer to nothing.
    id  author
    20  eve
  alembic-cascade orphans --table public.posts --dry-run says what --fix would do.

skipped: legacy.post_id -> posts.id: the table public.legacy does not exist

4 orphans of 9 references (44.4 %), by 3 of 3 keys; 1 row with NULL in a required column; 2 rows of referents not unique; 1 valid key is not counted without --all
"""


@pytest.fixture
def dirty(site: Site) -> Site:
    """A table is absent, one key of four stands, and rows of three have no parent."""
    site.model(MODELS)
    site.execute(*TABLES, *DIRTY)
    return site


def test_what_it_says(dirty: Site) -> None:
    """What the models want is counted as well as what the database has; what is absent is no error."""
    result = dirty.run()
    assert shown(result.stdout) == SAID.splitlines()
    assert (result.stderr, result.exit_code) == ("", 1)


def test_nothing_found(site: Site) -> None:
    """Every key has its line all the same, and the exit status is 0."""
    site.model(MODELS)
    site.execute(
        *TABLES, "ALTER TABLE users ADD UNIQUE (email)", DIRTY[0].replace("'bob'), (3, 'bob'", "'bob'), (3, 'cyd'")
    )
    site.execute("INSERT INTO posts VALUES (10, 1, 1, 'ann'), (20, NULL, 2, NULL)")
    result = site.run()
    assert (result.stderr, result.exit_code) == ("", 0)
    assert shown(result.stdout)[:4] == [
        "orphans  references   rate  NULL  key",
        "      0           2  0.0 %     0  posts.editor_id -> users.id",
        "      0           1  0.0 %     1  posts.user_id -> users.id",
        "      0           1  0.0 %     1  posts.author -> users.email",
    ]
    assert shown(result.stdout)[-1] == (
        "0 orphans of 4 references, by 3 keys; 1 valid key is not counted without --all"
    )


def test_json(dirty: Site) -> None:
    """All keys, counted or not, with what is known of each."""
    written = dirty.document()
    assert list(written) == ["keys", "null_links", "duplicates", "broken", "totals"]
    assert {key["key"]: key["status"] for key in written["keys"]} == {
        "comments.post_id -> posts.id": "trusted",
        "legacy.post_id -> posts.id": "absent",
        "posts.editor_id -> users.id": "counted",
        "posts.user_id -> users.id": "counted",
        "posts.author -> users.email": "counted",
    }
    database = dirty.engine.url.database
    assert written["keys"][3] == {
        "database": database,
        "key": "posts.user_id -> users.id",
        "schema": "public",
        "table": "posts",
        "columns": ["user_id"],
        "referent": {"schema": "public", "table": "users", "columns": ["id"]},
        "declared": True,
        "constraint": None,
        "relationships": [],
        "status": "counted",
        "why": None,
        "references": 3,
        "null": 1,
        "orphans": 2,
        "rate": 2 / 3,
        "severity": "error",
        "samples": [{"id": "20", "user_id": "7"}, {"id": "30", "user_id": "8"}],
        "file": "app_models.py",
        "line": 18,
    }
    assert written["keys"][4]["relationships"] == ["Post.by_mail"]
    assert written["keys"][0]["constraint"] == "comments_post_id_fkey"
    posts = {"database": database, "schema": "public", "table": "posts"}
    assert written["null_links"] == [
        {**posts, "column": "editor_id", "rows": 1, "severity": "error", "samples": [{"id": "30"}]}
    ]
    assert written["duplicates"] == [
        {
            **posts,
            "table": "users",
            "columns": ["email"],
            "rows": 2,
            "severity": "warning",
            "samples": [{"email": "bob"}],
        }
    ]
    assert written["totals"] == {
        "orphans": 4,
        "references": 9,
        "keys": {"counted": 3, "trusted": 1, "absent": 1, "not judged": 0, "refused": 0},
    }


def test_findings_for_other_programs(dirty: Site) -> None:
    """GitHub's annotations and SARIF have the line of the model."""
    result = dirty.run("--format", "github")
    assert result.exit_code == 1
    assert [line.split("::")[1] for line in result.stdout.splitlines()] == [
        "error file=app_models.py,line=19,title=null-link",
        "error file=app_models.py,line=19,title=orphaned-rows",
        "error file=app_models.py,line=18,title=orphaned-rows",
        "warning file=app_models.py,line=21,title=duplicate-referent",
        "warning file=app_models.py,line=21,title=orphaned-rows",
    ]
    (run,) = json.loads(dirty.run("--format", "sarif").stdout)["runs"]
    assert [found["ruleId"] for found in run["results"]].count("orphaned-rows") == 3
    summaries = {rule["id"]: rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]}
    assert summaries["orphaned-rows"] == "rows refer to a parent that there is not"


def test_samples(dirty: Site) -> None:
    """The first by primary key, as many as are asked for."""
    dirty.execute("INSERT INTO posts SELECT 100 + n, 50 - n, 1, NULL FROM generate_series(1, 20) AS n")
    samples = dirty.document("--samples", "7")["keys"][3]["samples"]
    assert [row["id"] for row in samples] == ["20", "30", "101", "102", "103", "104", "105"]
    assert all(not key["samples"] for key in dirty.document("--samples", "0")["keys"])
    assert "    id  user_id" not in dirty.run("--samples", "0").stdout


def test_samples_of_a_table_without_a_primary_key(dirty: Site) -> None:
    """By the values that refer to nothing."""
    dirty.execute(
        "ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey",
        "ALTER TABLE posts DROP CONSTRAINT posts_pkey CASCADE",
    )
    assert dirty.document()["keys"][3]["samples"] == [{"user_id": "7"}, {"user_id": "8"}]


def test_valid_keys_are_trusted_unless_they_are_asked_for(dirty: Site) -> None:
    """What was written while triggers did not fire is found by --all, and where the settings trust no key."""
    dirty.execute(
        "SET session_replication_role = replica",
        "INSERT INTO comments VALUES (4, 99)",
        "RESET session_replication_role",
    )
    assert "comments.post_id -> posts.id" not in dirty.counts()
    assert dirty.counts("--all")["comments.post_id -> posts.id"] == (1, 4, 0)
    assert (
        "The key is valid by the catalogue: they were written while its triggers did not fire."
        in dirty.run("--all").stdout
    )
    dirty.model(MODELS, "trust_valid_keys=False")
    assert dirty.counts()["comments.post_id -> posts.id"] == (1, 4, 0)


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE posts DISABLE TRIGGER ALL",),
        ("ALTER TABLE comments DISABLE TRIGGER ALL",),
        (
            "ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey",
            "ALTER TABLE comments ADD FOREIGN KEY (post_id) REFERENCES posts NOT VALID",
        ),
    ],
)
def test_a_key_that_nobody_guarantees_is_counted(dirty: Site, statements: tuple[str, ...]) -> None:
    """A trigger that does not fire, and NOT VALID."""
    dirty.execute(*statements)
    assert dirty.counts()["comments.post_id -> posts.id"] == (0, 3, 0)


def test_a_key_that_is_not_enforced_is_counted(dirty: Site) -> None:
    """PostgreSQL 18 takes such keys."""
    if dirty.fetch("SELECT current_setting('server_version_num')::int")[0][0] < 180000:
        pytest.skip("needs PostgreSQL 18")
    dirty.execute(
        "ALTER TABLE comments ALTER CONSTRAINT comments_post_id_fkey NOT ENFORCED", "DELETE FROM posts WHERE id = 20"
    )
    assert dirty.counts()["comments.post_id -> posts.id"] == (2, 3, 0)
    assert "The key is NOT ENFORCED: nothing keeps them from coming." in dirty.run().stdout


def test_a_key_that_is_not_valid_on_purpose_is_a_warning(dirty: Site) -> None:
    """The models say so."""
    dirty.model(
        MODELS.replace('"users.id", ondelete="CASCADE"', '"users.id", ondelete="CASCADE", postgresql_not_valid=True')
    )
    assert dirty.document()["keys"][3]["severity"] == "warning"


def test_a_required_link_of_a_valid_key(dirty: Site) -> None:
    """NULL is found, though by the key there is nothing to count; of two keys on the column it is told once."""
    dirty.execute("ALTER TABLE comments ALTER post_id DROP NOT NULL", "INSERT INTO comments VALUES (9, NULL)")
    (found,) = dirty.document("--table", "comments")["null_links"]
    assert (found["column"], found["rows"], found["samples"]) == ("post_id", 1, [{"id": "9"}])
    assert dirty.counts("--table", "comments") == {}
    assert dirty.run("--table", "comments").exit_code == 1
    dirty.execute("ALTER TABLE comments ADD FOREIGN KEY (post_id) REFERENCES users NOT VALID")
    assert len(dirty.document("--table", "comments")["null_links"]) == 1


def test_a_key_that_is_there_twice(dirty: Site) -> None:
    """Each has its line; the rows are read once, and settled once."""
    for name in ("one", "two"):
        dirty.execute(
            f"ALTER TABLE posts ADD CONSTRAINT {name} FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID"
        )
    keys = [key for key in dirty.document()["keys"] if key["columns"] == ["user_id"]]
    assert sorted((key["constraint"], key["orphans"]) for key in keys) == [("one", 2), ("two", 2)]
    assert dirty.run("--fix", "--yes", "--table", "posts").stdout.count("2 orphans quarantined") == 1


def test_each_key_is_scanned_once(dirty: Site) -> None:
    """A table is read once for its references, and once for each of its keys, by PostgreSQL's own statistics."""
    dirty.write_env(ENV)
    for name in ("user_id", "editor_id"):
        dirty.execute(f"ALTER TABLE posts ADD FOREIGN KEY ({name}) REFERENCES users NOT VALID")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'posts'"
    ((before,),) = dirty.fetch(scans)
    assert len(dirty.counts("--table", "posts")) == 2
    # A session tells its statistics as it ends.
    for _ in range(100):
        if dirty.fetch(scans) != [(before,)]:
            break
        sleep(0.05)
    assert dirty.fetch(scans) == [(before + 3,)]


def test_another_driver(dirty: Site) -> None:
    """None is imported by the package."""
    dirty.connect_to(dirty.engine.url.set(drivername="postgresql+psycopg2"))
    dirty.model(MODELS)
    assert shown(dirty.run().stdout) == SAID.splitlines()
    assert "2 rows of public.comments into the quarantine" in dirty.run("--dry-run").stdout
    assert dirty.run("--fix", "--yes").exit_code == 1
    assert dirty.counts()["posts.user_id -> users.id"] == (0, 1, 1)


def test_tables_that_are_asked_for(dirty: Site) -> None:
    """By the globs of the settings, with a schema or without one; several are added up."""
    assert list(dirty.counts("--table", "co*", "--all")) == ["comments.post_id -> posts.id"]
    assert len(dirty.counts("--table", "public.*", "--all")) == 4
    assert len(dirty.counts("--table", "comments", "--table", "posts", "--all")) == 4
    assert dirty.run("--table", "comments").exit_code == 0


def test_plain_alembic_without_models(dirty: Site) -> None:
    """What the database has is counted all the same."""
    dirty.write_env(ENV)
    dirty.execute("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID")
    assert dirty.counts() == {"posts.user_id -> users.id": (2, 3, 1)}
    assert dirty.counts("--all") == {"posts.user_id -> users.id": (2, 3, 1), "comments.post_id -> posts.id": (0, 3, 0)}
    assert "The key is NOT VALID; VALIDATE CONSTRAINT fails until this is settled." in dirty.run().stdout


def test_nothing_is_changed(dirty: Site) -> None:
    """Neither a row nor the catalogue, by counting and by looking at what would be done."""
    before = dirty.written()
    dirty.run()
    dirty.run("--all")
    dirty.run("--dry-run")
    dirty.run("--fix", "--dry-run", "--yes")
    dirty.run("--dry-run", "--strategy", "quarantine", "--all")
    assert dirty.written() == before


def test_a_count_is_read_only(dirty: Site) -> None:
    """A view that writes is refused by PostgreSQL itself, and told of its key alone."""
    dirty.execute(
        "CREATE TABLE log (at timestamptz)",
        "CREATE FUNCTION noted() RETURNS integer LANGUAGE sql AS 'INSERT INTO log VALUES (now()) RETURNING 1'",
        "ALTER TABLE posts RENAME TO posts_behind",
        "CREATE VIEW posts AS SELECT id, user_id, editor_id, author FROM posts_behind WHERE noted() = 1",
    )
    assert "read-only transaction" in failure(dirty.run())
    assert dirty.fetch("SELECT count(*) FROM log") == [(0,)]


def test_several_databases(dirty: Site) -> None:
    """As the multidb template has them: each under its name."""
    name = f"{dirty.engine.url.database}_second"
    with dirty.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}"')
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    second = create_engine(dirty.engine.url.set(database=name), poolclass=NullPool)
    with second.begin() as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement)
    urls = [engine.url.render_as_string(hide_password=False) for engine in (dirty.engine, second)]
    dirty.write_env(
        "from alembic import context\nfrom sqlalchemy import NullPool, create_engine\nfrom app_models import Base\n"
        f"for url in {urls!r}:\n"
        "    with create_engine(url, poolclass=NullPool).connect() as connection:\n"
        "        context.configure(connection=connection, target_metadata=Base.metadata)\n"
        "        with context.begin_transaction():\n            context.run_migrations()\n"
    )
    result = dirty.run()
    assert result.exit_code == 1
    lines = shown(result.stdout)
    assert [line for line in lines if line.startswith("Database ")] == [
        f"Database {dirty.engine.url.database}",
        f"Database {name}",
    ]
    assert lines[-1] == "0 orphans of 0 references, by 3 keys; 1 valid key is not counted without --all"
    assert {key["database"] for key in dirty.document()["keys"]} == {dirty.engine.url.database, name}
    second.dispose()


def test_in_a_narrow_terminal(dirty: Site) -> None:
    """No line is longer than it; samples that don't fit stand upright."""
    dirty.execute(f"UPDATE posts SET author = '{'long' * 30}' WHERE id = 20")
    lines = dirty.run(columns=60).stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert "    id      20" in [line.rstrip() for line in lines]


def test_what_a_terminal_would_obey(dirty: Site) -> None:
    """Names and values come from anywhere."""
    dirty.execute(
        "UPDATE posts SET author = E'\\x1b[31mred' WHERE id = 20",
        'ALTER TABLE posts ADD "\x1b[1m" integer',
        'ALTER TABLE posts ADD FOREIGN KEY ("\x1b[1m") REFERENCES users NOT VALID',
    )
    result = dirty.run()
    assert "\x1b" not in result.stdout
    assert "\\x1b[31mred" in result.stdout
    assert "posts.\\x1b[1m -> users.id" in result.stdout


def test_a_broken_mapper_leaves_the_keys(dirty: Site) -> None:
    """Of its registry's relationships nothing is known, and that is said."""
    dirty.model(MODELS.replace("by_mail: Mapped[User] = relationship(", 'broken = relationship("Nobody", '))
    assert "posts.author -> users.email" not in dirty.counts()
    assert dirty.counts()["posts.user_id -> users.id"] == (2, 3, 1)
    assert "skipped: relationships of Comment, Legacy, Post, User: Post is broken: " in dirty.run().stdout
    (broken,) = dirty.document()["broken"]
    assert (broken["model"], broken["left_out"]) == ("Post", ["Comment", "Legacy", "Post", "User"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "nothing_*"], "--table nothing_*: no table like that has a foreign key or a relationship."),
        (
            ["--table", "a.b.c"],
            "--table: 'a.b.c' is no table pattern; write [schema.]table, such as 'legacy_*'",
        ),
        (
            ["--dry-run", "--max-orphans", "200%"],
            "--max-orphans: must be a share from 0.0 to 1.0, a count, or None, not 2.0",
        ),
    ],
)
def test_bad_input(dirty: Site, arguments: list[str], said: str) -> None:
    """One line says what is wrong."""
    assert failure(dirty.run(*arguments)) == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--strategy", "delete"], "--strategy and --max-orphans are for --fix and --dry-run."),
        (["--max-orphans", "3"], "--strategy and --max-orphans are for --fix and --dry-run."),
        (
            ["--fix", "--format", "sarif"],
            "--format sarif is for what is found; --fix and --dry-run have text and json.",
        ),
        (["--dry-run", "--max-orphans", "many"], "'many' is no number, no share such as 5%, and not none."),
        (["--strategy", "restore"], "'restore' is not one of"),
        (["--samples", "-1"], "-1 is not in the range"),
        (["--yes"], "--yes is for --fix: nothing is asked where nothing is changed."),
    ],
)
def test_options_that_make_no_sense(dirty: Site, arguments: list[str], said: str) -> None:
    """Nothing is counted, and nothing changed."""
    before = dirty.written()
    result = dirty.run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())
    assert dirty.written() == before


def test_another_database(dirty: Site) -> None:
    """Orphans can be on any, the count is written for one."""
    dirty.connect_to(URL.create("sqlite"))
    dirty.model(MODELS)
    said = "A count of orphans can't be done on sqlite. It is written for PostgreSQL alone."
    assert failure(dirty.run()) == said
