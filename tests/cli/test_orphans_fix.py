"""``orphans --fix`` and ``--dry-run``: what would be settled, what is, and how it comes back."""

from __future__ import annotations

import json
import re

import pytest
from orphaned import Site
from workplace import ENV, shown

MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
"""
TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY)",
    "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, editor_id integer, reviewer_id integer)",
    "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE)",
    "INSERT INTO users VALUES (1)",
    "INSERT INTO posts VALUES (10, 1, 1, 1), (20, 5, 1, NULL), (30, 6, 7, NULL), (40, 1, 8, NULL)",
    "INSERT INTO comments VALUES (100, 10), (200, 20), (300, 20), (400, 40)",
)
FORESEEN = """\
posts.editor_id -> users.id: 2 orphans; orphans get NULL in editor_id, as by ON DELETE SET NULL; old values go into the quarantine
  2 rows of public.posts would lose editor_id, the old value into the quarantine
posts.user_id -> users.id: 2 orphans; orphans go into the quarantine, as ON DELETE CASCADE would delete them
  2 rows of public.posts into the quarantine
  2 rows of public.comments into the quarantine, by ON DELETE CASCADE of comments_post_id_fkey
Nothing was changed.
"""
SETTLED = """\
posts.editor_id -> users.id: 2 orphans; orphans get NULL in editor_id, as by ON DELETE SET NULL; old values go into the quarantine
posts.user_id -> users.id: 2 orphans; orphans go into the quarantine, as ON DELETE CASCADE would delete them
posts.editor_id -> users.id: 2 orphans set to NULL
posts.user_id -> users.id: 2 orphans quarantined, with them rows: 2 of comments
alembic-cascade quarantine restore fix-TIME puts back what is in the quarantine.
"""


@pytest.fixture
def dirty(site: Site) -> Site:
    """Orphans by CASCADE, which would take comments along, and by SET NULL; none by NO ACTION."""
    site.model(MODELS)
    site.execute(*TABLES)
    return site


def filed_under(site: Site) -> str:
    """The name under which the rows of the only run are in the quarantine."""
    (found,) = {
        table["revision"]
        for table in json.loads(site.run("list", "--format", "json", command="quarantine").stdout)["tables"]
    }
    return found


def restore(site: Site) -> None:
    """Put back all that is in the quarantine."""
    result = site.run("restore", filed_under(site), "--yes", command="quarantine")
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_would_be_done(dirty: Site) -> None:
    """With what a removal takes along; nothing is changed, and the orphans are findings still."""
    before = dirty.written()
    for arguments in (["--dry-run"], ["--fix", "--dry-run"], ["--fix", "--dry-run", "--yes"]):
        result = dirty.run(*arguments)
        assert (result.stdout, result.stderr, result.exit_code) == (FORESEEN, "", 1)
    assert dirty.written() == before


def test_a_look_fires_no_trigger_and_waits_for_no_lock(dirty: Site) -> None:
    """A writer's lock, and a trigger of the user's that refuses everything, are in nobody's way."""
    dirty.execute(
        "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$",
        "CREATE TRIGGER never BEFORE UPDATE OR DELETE ON posts FOR EACH ROW EXECUTE FUNCTION never()",
    )
    with dirty.engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE posts, users, comments IN SHARE ROW EXCLUSIVE MODE")
        assert dirty.run("--dry-run").stdout == FORESEEN
    assert "fired" in failure_of_fix(dirty)


def failure_of_fix(site: Site) -> str:
    """Why a settling is refused; nothing is changed by it."""
    before = site.everything(), site.kept()
    result = site.run("--fix", "--yes")
    assert result.exit_code == 2
    assert (site.everything(), site.kept()) == before
    return result.stderr


def test_orphans_are_settled_and_come_back(dirty: Site) -> None:
    """By the rules of their keys; the quarantine gives back the same rows."""
    before = dirty.everything()
    result = dirty.run("--fix", "--yes")
    assert (re.sub(r"fix-[0-9]{8}-[0-9]{6}", "fix-TIME", result.stdout), result.exit_code) == (SETTLED, 0)
    assert dirty.fetch("SELECT * FROM posts ORDER BY id") == [(10, 1, 1, 1), (40, 1, None, None)]
    assert dirty.fetch("SELECT id FROM comments ORDER BY id") == [(100,), (400,)]
    assert dirty.run().exit_code == 0
    restore(dirty)
    assert dirty.everything() == before
    assert dirty.kept() == []


@pytest.mark.parametrize("strategy", ["quarantine", "set_null", "set_default", "delete"])
def test_another_strategy(dirty: Site, strategy: str) -> None:
    """For all keys that are meant; what is deleted is kept by nobody."""
    dirty.execute("ALTER TABLE posts ALTER user_id SET DEFAULT 1, ALTER editor_id SET DEFAULT 1")
    before = dirty.everything()
    result = dirty.run("--fix", "--yes", "--strategy", strategy)
    assert result.exit_code == 0, result.output
    assert dirty.run().exit_code == 0
    left = dirty.fetch("SELECT id, user_id, editor_id FROM posts WHERE id <> 10 ORDER BY id")
    assert (
        left
        == {
            "quarantine": [],
            "delete": [],
            "set_null": [(20, None, 1), (30, None, None), (40, 1, None)],
            "set_default": [(20, 1, 1), (30, 1, 1), (40, 1, 1)],
        }[strategy]
    )
    if strategy == "delete":
        assert dirty.kept() == []
        assert "quarantine restore" not in result.stdout
    else:
        restore(dirty)
        assert dirty.everything() == before


def test_strategy_fail_settles_nothing(dirty: Site) -> None:
    """Nor is anybody asked."""
    before = dirty.everything()
    result = dirty.run("--fix", "--strategy", "fail")
    assert result.exit_code == 1
    assert shown(result.stdout)[-1] == "Nothing to settle."
    assert "posts.user_id -> users.id: 2 orphans; left as they are, as --strategy fail says" in result.stdout
    assert dirty.everything() == before


def test_a_key_without_a_rule_is_left_alone(dirty: Site) -> None:
    """NO ACTION says nothing of what is to become of them; somebody has to."""
    dirty.execute("UPDATE posts SET reviewer_id = 9 WHERE id = 10")
    reviewed = "posts.reviewer_id -> users.id: 1 orphan; left as they are, as ON DELETE NO ACTION would stop a delete"
    assert reviewed in dirty.run("--dry-run").stdout
    result = dirty.run("--fix", "--yes")
    assert result.exit_code == 1
    assert reviewed in result.stdout
    assert "1 of 1 references has no parent (100.0 %)." in result.stdout
    assert dirty.fetch("SELECT reviewer_id FROM posts WHERE id = 10") == [(9,)]
    assert dirty.run("--fix", "--yes", "--strategy", "set_null", "--max-orphans", "none").exit_code == 0
    assert dirty.fetch("SELECT reviewer_id FROM posts WHERE id = 10") == [(None,)]


def test_a_relationship_without_a_key_is_left_alone(dirty: Site) -> None:
    """It has no rule; by a strategy that is said it is settled like a key."""
    dirty.model(
        MODELS.replace(
            'mapped_column(ForeignKey("users.id"))',
            "mapped_column()\n    reviewer = relationship(User, "
            "primaryjoin=lambda: foreign(Post.reviewer_id) == User.id)",
        )
        .replace(
            'ForeignKey("users.id", ondelete="CASCADE")',
            'ForeignKey("users.id", ondelete="CASCADE", info={"alembic_cascade": {"orphans": None}})',
        )
        .replace("    editor_id", "    user = relationship(User, foreign_keys=[user_id])\n    editor_id")
    )
    dirty.execute("UPDATE posts SET reviewer_id = 9 WHERE id = 10")
    plan = "posts.reviewer_id -> users.id: 1 orphan; left as they are: there is no key whose rule would say what becomes of them"
    result = dirty.run("--dry-run")
    assert plan in result.stdout
    assert "posts.user_id -> users.id: 2 orphans; left as they are, as orphans=None says" in result.stdout
    before = dirty.everything()
    assert dirty.run("--fix", "--yes", "--strategy", "set_null").exit_code == 0
    assert dirty.fetch("SELECT reviewer_id FROM posts WHERE id = 10") == [(None,)]
    restore(dirty)
    assert dirty.everything() == before


def test_settings_are_about_keys(dirty: Site) -> None:
    """A relationship is nobody's leave to remove rows, whatever they say; nor is a key that is not meant to hold."""
    dirty.model(
        MODELS.replace(
            'mapped_column(ForeignKey("users.id"))',
            "mapped_column()\n    reviewer = relationship(User, "
            "primaryjoin=lambda: foreign(Post.reviewer_id) == User.id)",
        ).replace('ondelete="CASCADE"))\n    editor', 'ondelete="CASCADE", postgresql_not_valid=True))\n    editor'),
        'orphans="delete"',
    )
    dirty.execute("UPDATE posts SET reviewer_id = 9 WHERE id = 10")
    said = dirty.run("--dry-run").stdout
    assert "posts.reviewer_id -> users.id: 1 orphan; left as they are: there is no key" in said
    assert "posts.user_id -> users.id: 2 orphans; left as they are, as the key is NOT VALID\n" in said
    assert "posts.editor_id -> users.id: 2 orphans; orphans are DELETED FOR GOOD" in said
    assert dirty.run("--fix", "--yes").exit_code == 1
    assert dirty.fetch("SELECT id FROM posts ORDER BY id") == [(10,), (20,)]


def test_the_settings_decide(dirty: Site) -> None:
    """As they do for a migration: overrides by pattern, and where the rows are kept."""
    dirty.model(MODELS, 'orphan_overrides={"public.posts.*": "set_null"}, quarantine_schema="kept"')
    before = dirty.everything()
    assert "orphans get NULL in user_id, as orphan_overrides['public.posts.*'] says" in dirty.run("--dry-run").stdout
    assert dirty.run("--fix", "--yes").exit_code == 0
    assert len(dirty.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'kept'")) == 1
    restore(dirty)
    assert dirty.everything() == before


def test_rows_are_kept_beside_the_version_table(dirty: Site) -> None:
    """Where the settings say so."""
    dirty.model(MODELS, "quarantine_schema=None")
    dirty.execute("CREATE SCHEMA meta")
    env = (dirty.path / "migrations" / "env.py").read_text()
    dirty.write_env(env.replace("target_metadata=", "version_table_schema='meta', target_metadata="))
    assert dirty.run("--fix", "--yes", "--table", "posts").exit_code == 0
    kept = dirty.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'meta' ORDER BY 1")
    assert all(name.startswith("alembic_cascade_fix-") for (name,) in kept)
    assert len(kept) == 2


def test_a_key_in_the_way_refuses_all(dirty: Site) -> None:
    """NO ACTION of a row that stays; a look says so, and a settling changes nothing."""
    dirty.execute(
        "CREATE TABLE files (id integer PRIMARY KEY, comment_id integer REFERENCES comments)",
        "INSERT INTO files VALUES (1, 300)",
    )
    said = (
        "1 row of files refer by the key files_comment_id_fkey (files.comment_id -> comments.id, NO ACTION) to rows of "
        "comments that would be removed with the orphans of public.posts.user_id -> public.users.id. Nothing was "
        "changed. Settle these rows first, or give that key a rule of its own."
    )
    lines = dirty.run("--dry-run").stdout.splitlines()
    assert lines[-2:] == [f"  refused: {said}", "--fix would be refused as a whole. Nothing was changed."]
    assert failure_of_fix(dirty).endswith(f"error: {said}\n")


def test_too_many_orphans_are_refused(dirty: Site) -> None:
    """As the settings say, or the command line."""
    dirty.execute("INSERT INTO posts SELECT n, 99, NULL, NULL FROM generate_series(1001, 1200) AS n")
    said = "public.posts.user_id -> public.users.id: 202 rows of posts have no parent, 99.0 % of all references; max_orphans is 10.0 %"
    advice = "Nothing was changed. Say --max-orphans none, or a number, if it is meant."
    assert f"  refused: {said}. {advice}" in dirty.run("--dry-run").stdout
    assert failure_of_fix(dirty).endswith(f"error: {said}. {advice}\n")
    counted = dirty.run("--dry-run", "--max-orphans", "201").stdout
    assert "202 rows of posts have no parent; max_orphans is 201" in counted
    assert "refused" not in dirty.run("--dry-run", "--max-orphans", "202").stdout
    assert "refused" not in dirty.run("--dry-run", "--max-orphans", "99.5%").stdout
    assert dirty.run("--fix", "--yes", "--max-orphans", "none").exit_code == 0
    assert dirty.fetch("SELECT count(*) FROM posts") == [(2,)]


def test_an_empty_parent_is_refused(dirty: Site) -> None:
    """Something else is wrong then."""
    dirty.execute("DELETE FROM users")
    assert "users is empty, but 4 rows of posts refer to it" in dirty.run("--dry-run").stdout
    assert "is empty, but" in failure_of_fix(dirty)


def test_a_column_that_takes_no_null_is_refused(dirty: Site) -> None:
    """A look says it as well."""
    dirty.execute("ALTER TABLE posts ALTER user_id SET NOT NULL")
    said = "the orphans' posts.user_id can't be set to NULL: the column is NOT NULL"
    assert said in dirty.run("--dry-run", "--strategy", "set_null").stdout
    result = dirty.run("--fix", "--yes", "--strategy", "set_null", "--table", "posts")
    assert result.exit_code == 2
    assert said in result.stderr


def test_what_a_settling_orphans_is_settled_too(dirty: Site) -> None:
    """By keys that the models want and the database lacks: parents first, again until none is left."""
    dirty.model(
        MODELS
        + """

class Reply(Base):
    __tablename__ = "a_replies"
    id: Mapped[int] = mapped_column(primary_key=True)
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"))
    reply_id: Mapped[int | None] = mapped_column(ForeignKey("a_replies.id", ondelete="CASCADE"))
"""
    )
    dirty.execute(
        "CREATE TABLE a_replies (id integer PRIMARY KEY, comment_id integer, reply_id integer)",
        "INSERT INTO a_replies VALUES (1, 100, NULL), (2, 200, NULL), (3, NULL, 2), (4, NULL, 3), (5, NULL, 1)",
        "ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey",
    )
    before = dirty.everything()
    assert dirty.run("--fix", "--yes").exit_code == 0
    assert dirty.fetch("SELECT id FROM comments ORDER BY id") == [(100,), (400,)]
    assert dirty.fetch("SELECT id FROM a_replies ORDER BY id") == [(1,), (5,)]
    restore(dirty)
    assert dirty.everything() == before


def test_only_the_tables_that_are_asked_for(dirty: Site) -> None:
    """Others' orphans stay."""
    dirty.execute("ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey", "INSERT INTO comments VALUES (500, 99)")
    assert dirty.run("--fix", "--yes", "--table", "comments").exit_code == 0
    assert dirty.fetch("SELECT count(*) FROM posts") == [(4,)]
    assert dirty.fetch("SELECT count(*) FROM comments WHERE id = 500") == [(0,)]


def test_orphans_of_a_valid_key(dirty: Site) -> None:
    """With --all they are settled as well."""
    dirty.execute(
        "SET session_replication_role = replica",
        "INSERT INTO comments VALUES (500, 99)",
        "RESET session_replication_role",
    )
    assert dirty.run("--fix", "--yes", "--all", "--table", "comments").exit_code == 0
    assert dirty.fetch("SELECT count(*) FROM comments") == [(4,)]


def test_plain_alembic(dirty: Site) -> None:
    """By the rule of the database's own key."""
    dirty.write_env(ENV)
    dirty.execute("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID")
    before = dirty.everything()
    assert dirty.run("--fix", "--yes").exit_code == 0
    assert dirty.fetch("SELECT id FROM posts ORDER BY id") == [(10,), (40,)]
    restore(dirty)
    assert dirty.everything() == before


@pytest.mark.usefixtures("terminal")
def test_a_person_is_asked(dirty: Site) -> None:
    """After what is to become of them was said."""
    before = dirty.everything()
    result = dirty.run("--fix", answer="n\n")
    assert result.exit_code == 2
    assert "Settle 4 orphans by 2 keys? [y/N]: " in result.stderr
    assert result.stdout.splitlines()[-1] == "Nothing was changed."
    assert dirty.everything() == before
    assert dirty.run("--fix", answer="y\n").exit_code == 0
    assert dirty.run("--fix", answer="").stdout == "Nothing to settle.\n"


def test_without_a_terminal_it_takes_a_yes(dirty: Site) -> None:
    """A script that changes rows means it, or does not run."""
    before = dirty.everything()
    result = dirty.run("--fix")
    assert result.exit_code == 2
    assert result.stderr == "error: There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.\n"
    assert dirty.everything() == before


def test_json(dirty: Site) -> None:
    """What would be done, what was done, and what is left."""
    foreseen = dirty.document("--dry-run")
    assert list(foreseen) == ["keys", "null_links", "duplicates", "broken", "totals", "plans"]
    assert [(plan["key"], plan["strategy"], plan["orphans"], plan["refused"]) for plan in foreseen["plans"]] == [
        ("posts.editor_id -> users.id", "set_null", 2, None),
        ("posts.user_id -> users.id", "quarantine", 2, None),
    ]
    assert foreseen["plans"][1]["effects"] == [
        {"schema": "public", "table": "posts", "orphans": True, "removed": True, "columns": [], "constraint": None, "reason": "orphan", "rows": 2},
        {"schema": "public", "table": "comments", "orphans": False, "removed": True, "columns": [], "constraint": "comments_post_id_fkey", "reason": "ON DELETE CASCADE", "rows": 2},
    ]  # fmt: skip
    done = dirty.document("--fix", "--yes")
    assert list(done) == ["keys", "null_links", "duplicates", "broken", "totals", "revision", "settled"]
    assert done["revision"] == filed_under(dirty)
    assert [(one["key"], one["strategy"], one["done"]) for one in done["settled"]] == [
        ("posts.editor_id -> users.id", "set_null", "2 orphans set to NULL"),
        ("posts.user_id -> users.id", "quarantine", "2 orphans quarantined, with them rows: 2 of comments"),
    ]
    assert done["totals"]["orphans"] == 0
    assert dirty.document("--fix", "--yes")["settled"] == []


def test_what_a_fix_set_aside_belongs_to_no_revision(dirty: Site) -> None:
    """Alembic has none of that name, and yet it is known: --unknown does not purge it."""
    dirty.run("--fix", "--yes")
    assert "unknown revision" not in dirty.run("list", command="quarantine").stdout
    assert dirty.run("purge", "--unknown", "--yes", command="quarantine").stdout == "Nothing to purge.\n"
    assert dirty.run("purge", filed_under(dirty), "--yes", command="quarantine").stdout.endswith("Purged 6 rows.\n")


def test_a_commit_that_env_py_does_not_do(dirty: Site) -> None:
    """It is said, in the place of a success that there was not."""
    env = (dirty.path / "migrations" / "env.py").read_text()
    dirty.write_env(
        env.replace("    context.configure(", "    connection.exec_driver_sql('SELECT 1')\n    context.configure(")
    )
    before = dirty.everything()
    result = dirty.run("--fix", "--yes")
    assert result.exit_code == 2
    assert "Nothing was changed, for env.py did not commit it." in result.stderr
    assert dirty.everything() == before


def test_keys_of_different_rules_over_the_same_columns(site: Site) -> None:
    """What would be done by each is told of it, not of the other."""
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO posts VALUES (1, 1), (2, 2)",
        "ALTER TABLE posts ADD CONSTRAINT one FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID",
        "ALTER TABLE posts ADD CONSTRAINT two FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL NOT VALID",
    )
    told = shown(site.run("--dry-run").stdout)
    assert [line for line in told if line.startswith("  ")] == [
        "  1 row of public.posts into the quarantine",
        "  1 row of public.posts would lose user_id, the old value into the quarantine",
    ]
    plans = site.document("--dry-run")["plans"]
    assert [(plan["strategy"], [effect["removed"] for effect in plan["effects"]]) for plan in plans] == [
        ("quarantine", [True]),
        ("set_null", [False]),
    ]


def test_a_generated_column_takes_no_null(site: Site) -> None:
    """Which --dry-run knows, too."""
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, n integer, user_id integer GENERATED ALWAYS AS (n * 2) STORED)",
        "INSERT INTO users VALUES (2)",
        "INSERT INTO posts VALUES (1, 1), (2, 2)",
        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID",
    )
    said = "the orphans' posts.user_id can't be set to NULL: the column is generated. Nothing was changed."
    assert said in site.run("--dry-run", "--strategy", "set_null").stdout
    result = site.run("--fix", "--yes", "--strategy", "set_null")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_table_that_somebody_writes_to(dirty: Site) -> None:
    """After the lock_timeout; it is no migration that is to be run again."""
    dirty.model(MODELS, 'lock_timeout="50ms"')
    with dirty.engine.connect() as other:
        other.exec_driver_sql("UPDATE users SET id = id")
        result = dirty.run("--fix", "--yes")
    assert result.exit_code == 2
    assert "Nothing was changed. Run it again, at a time when fewer sessions write to public.posts" in result.stderr


@pytest.mark.parametrize("action", [("--dry-run",), ("--fix", "--yes")], ids=lambda action: action[0])
def test_what_could_not_be_counted_is_told(site: Site, action: tuple[str, ...]) -> None:
    """The exit status is not 0, and something says why."""
    site.model("""\
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            data = Column(JSON)


        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            data = Column(JSON)
            user: Mapped[User] = relationship(primaryjoin=lambda: foreign(Post.data) == User.data)
        """)
    site.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, data json)",
        "CREATE TABLE posts (id integer PRIMARY KEY, data json)",
        "INSERT INTO posts VALUES (1, '1')",
    )
    result = site.run(*action)
    assert result.exit_code == 2
    why = "could not be counted: posts.data -> users.data (Post.user): operator does not exist: json pg_catalog.= json"
    assert shown(result.stdout) == [why, "Nothing to settle."]
    for format_ in ("github", "sarif"):
        result = site.run("--format", format_)
        assert (result.exit_code, shown(result.stderr)) == (2, [why])


def test_a_repoint_within_one_parent(site: Site) -> None:
    """Values of the old referent are no orphans: they are translated; but for what has no value in the new one."""
    site.model("""\
        class Flow(Base):
            __tablename__ = "flows"
            id: Mapped[int] = mapped_column(primary_key=True)
            number: Mapped[int | None] = mapped_column(unique=True)

        class Import(Base):
            __tablename__ = "imports"
            id: Mapped[int] = mapped_column(primary_key=True)
            flow: Mapped[int | None] = mapped_column(ForeignKey("flows.number", ondelete="CASCADE"))
        """)
    site.execute(
        "CREATE TABLE flows (id integer PRIMARY KEY, number integer)",
        "CREATE TABLE imports (id integer PRIMARY KEY, flow integer REFERENCES flows)",
        "INSERT INTO flows VALUES (1, 100), (2, 200), (3, NULL), (4, 200)",
        "INSERT INTO imports VALUES (1, 1), (2, 2), (3, 3), (4, NULL)",
    )
    assert site.counts() == {"imports.flow -> flows.number": (1, 3, 1)}
    written = site.document("--dry-run")
    assert written["keys"][0]["referent"] == {"schema": "public", "table": "flows", "columns": ["id"]}
    assert written["duplicates"][0]["columns"] == ["number"]
    assert written["duplicates"][0]["rows"] == 2
    assert written["plans"][0]["effects"][0]["rows"] == 1
    assert "They can't be translated to number, which the models refer to by now." in site.run().stdout
    before = site.everything()
    assert site.run("--fix", "--yes").exit_code == 1
    assert site.fetch("SELECT * FROM imports ORDER BY id") == [(1, 1), (2, 2), (4, None)]
    restore(site)
    assert site.everything() == before
