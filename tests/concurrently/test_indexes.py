"""The index that a key lacks: built while others write, named as the model would, dropped by whoever made it."""

from __future__ import annotations

from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from models import add_table, models, number, reference
from orphans.settling import state
from project import cascade_log
from psql import run_script
from scenario import run_scenario, run_up_down_up
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, UniqueConstraint, event
from sqlalchemy.exc import SQLAlchemyError

from alembic_cascade import CascadeConfig, ForeignKeyRefused, configure_options
from alembic_cascade.concurrently import steps

if TYPE_CHECKING:
    from project import Project

INDEXES = """
SELECT indexrelid::regclass::text, indisvalid FROM pg_index
WHERE indrelid::regclass::text IN ('posts', 'posts_low', 'posts_high') AND NOT indisprimary ORDER BY 1
"""
MADE = [("ix_posts_user_id", True)]
ADD = "op.add_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)"
DROP = "op.drop_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)"
PLAIN = models(users=[], posts=[number("user_id"), number("length")])


def posts(*items: Any, convention: dict[str, str] | None = None, **column: Any) -> MetaData:
    key = Column("user_id", Integer, ForeignKey("users.id", name="made", ondelete="CASCADE"), **column)
    return models(convention=convention, users=[], posts=[key, number("length"), *items])


def indexing(project: Project, *setup: str) -> Project:
    """Posts without a key, and settings by which the key that they get is indexed."""
    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.create(PLAIN)
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1, 1), (2, 1, 2)", *setup)
    project.metadata = posts()
    return project


def test_a_missing_index_is_built_first_and_dropped_last(project: Project) -> None:
    """The look for orphans, and a parent's delete, find their rows by it."""
    indexing(project)
    run_scenario(
        project, before=None, after=posts(), tables=["posts"],
        upgrade=f"""\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    {ADD}
    # posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, check_only=True, concurrently=True,
    )
    op.add_foreign_key(
        'made', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=True, concurrently=True,
    )
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'made', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
    )
""",
        downgrade=f"""\
op.begin_concurrently(down_revision)
with op.get_context().autocommit_block():
    op.drop_foreign_key('made', 'posts', 'users', ['user_id'], ['id'], concurrently=True)
    op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, concurrently=True)
    {DROP}
""",
    )  # fmt: skip
    assert project.fetch(INDEXES) == MADE


CONVENTIONS = {
    "none": None,
    "one for indexes": {"ix": "idx_%(table_name)s_%(column_0_N_name)s"},
    "an older one": {"ix": "%(column_0_label)s_index"},
}


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_it_has_the_name_that_the_model_would_give(project: Project, convention: dict[str, str] | None) -> None:
    """So that the model can declare it afterwards, or not: either way nothing differs."""
    indexing(project).metadata = posts(convention=convention)
    declaring = posts(convention=convention, index=True)
    (declared,) = declaring.tables["posts"].indexes
    project.revision()
    run_up_down_up(project)
    assert project.fetch(INDEXES) == [(str(declared.name), True)]
    project.check()
    project.metadata = declaring
    project.check()
    assert project.revision().upgrade == "pass\n"


def test_a_convention_that_has_none_for_indexes_leaves_the_usual_name(project: Project) -> None:
    """There, ``index=True`` would be refused by SQLAlchemy."""
    indexing(project).metadata = posts(convention={"fk": "fk_%(table_name)s"})
    project.revision()
    run_up_down_up(project)
    assert project.fetch(INDEXES) == MADE


def test_a_name_that_is_too_long_is_cut_as_the_model_cuts_it(project: Project) -> None:
    """SQLAlchemy does not leave that to PostgreSQL."""
    table, column = "t" * 40, "c" * 40

    def long(*items: Any, **options: Any) -> MetaData:
        metadata = models(users=[])
        add_table(metadata, table, Column(column, Integer, *items, **options))
        return metadata

    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.create(long())
    project.metadata = long(ForeignKey("users.id"))
    project.revision()
    run_up_down_up(project)
    project.metadata = long(ForeignKey("users.id"), index=True)
    project.check()


# Indexes of posts, and whether the key needs no other.
ENOUGH = {
    "another name": "CREATE INDEX other ON posts (user_id)",
    "more columns": "CREATE INDEX other ON posts (user_id, length)",
    "descending": "CREATE INDEX other ON posts (user_id DESC)",
    "NULLs left out": "CREATE INDEX other ON posts (user_id) WHERE user_id IS NOT NULL",
    "a hash": "CREATE INDEX other ON posts USING hash (user_id)",
    "unique": "ALTER TABLE posts ADD CONSTRAINT other UNIQUE (user_id, id)",
    "covering": "CREATE INDEX other ON posts (user_id) INCLUDE (length)",
    "primary": "ALTER TABLE posts DROP CONSTRAINT posts_pkey, ADD CONSTRAINT other PRIMARY KEY (user_id, id)",
}
NOT_ENOUGH = {
    "columns before": "CREATE INDEX other ON posts (length, user_id)",
    "rows left out": "CREATE INDEX other ON posts (user_id) WHERE length > 1",
    "another column's NULLs left out": "CREATE INDEX other ON posts (user_id) WHERE length IS NOT NULL",
    "an expression": "CREATE INDEX other ON posts ((user_id + 0))",
    "blocks": "CREATE INDEX other ON posts USING brin (user_id)",
    "covered only": "CREATE INDEX other ON posts (length) INCLUDE (user_id)",
    "not valid": "CREATE INDEX other ON posts (user_id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other'::regclass",
}


@pytest.mark.parametrize(
    ("index", "enough"),
    [*((index, True) for index in ENOUGH.values()), *((index, False) for index in NOT_ENOUGH.values())],
    ids=[*ENOUGH, *NOT_ENOUGH],
)
def test_what_serves_the_key_is_enough(
    project: Project, caplog: pytest.LogCaptureFixture, index: str, enough: bool
) -> None:
    """Where the revision is written, and where it runs in a deployment that has one already."""
    caplog.set_level("INFO", "alembic.cascade")
    indexing(project, "DELETE FROM posts", *index.split("; "))
    project.options["include_object"] = lambda _item, _name, kind, *_: (
        kind not in {"index", "unique_constraint", "column"}
    )
    assert ("add_foreign_key_index" not in project.revision().upgrade) is enough
    before = project.fetch(INDEXES)
    by_hand(project, ADD, DROP)
    start = state(project)
    caplog.clear()
    project.upgrade()
    assert len(project.fetch(INDEXES)) - len(before) == (0 if enough else 1)
    assert ("posts.user_id: the index other is there, N s" in cascade_log(caplog.records)) is enough
    project.downgrade("base")
    assert state(project) == start


def by_hand(project: Project, upgrade: str, downgrade: str) -> None:
    """The only revision, of one operation each way."""
    for path in (project.path / "versions").glob("*.py"):
        path.unlink()
    block = "op.begin_concurrently()\nwith op.get_context().autocommit_block():\n    "
    project.write_revision(block + upgrade, block + downgrade)


@pytest.mark.parametrize(("columns", "enough"), [("b, a", True), ("a, b, id", True), ("a", False), ("a, id, b", False)])
def test_the_columns_of_a_key_may_stand_in_another_order(project: Project, columns: str, enough: bool) -> None:
    """All of them have to come first."""

    def pairs(*items: Any) -> MetaData:
        unique = UniqueConstraint("a", "b", name="both")
        return models(users=[number("a"), number("b"), unique], posts=[number("a"), number("b"), *items])

    indexing(project, "DROP TABLE posts, users")
    project.create(pairs())
    project.execute(f"CREATE INDEX other ON posts ({columns})")
    project.options["include_object"] = lambda _item, _name, kind, *_: kind != "index"
    project.metadata = pairs(ForeignKeyConstraint(["a", "b"], ["users.a", "users.b"]))
    written = project.revision().upgrade
    assert ("op.add_foreign_key_index('ix_posts_a', 'posts', ['a', 'b'], revision=revision)" not in written) is enough
    project.upgrade()
    assert len(project.fetch(INDEXES)) == (1 if enough else 2)


def test_an_index_that_the_model_brings_is_not_built_twice(project: Project) -> None:
    """It comes with the ordinary revision, which runs before."""
    indexing(project).metadata = posts(index=True)
    ordinary, concurrent = project.revisions()
    assert ordinary.upgrade == "op.create_index(op.f('ix_posts_user_id'), 'posts', ['user_id'], unique=False)\n"
    assert "index" not in concurrent.text
    project.upgrade()
    project.check()
    assert project.fetch(INDEXES) == MADE


def test_one_index_serves_two_keys(project: Project) -> None:
    """On the same columns to two tables."""
    indexing(project, "CREATE TABLE people (id int PRIMARY KEY)", "INSERT INTO people VALUES (1)")
    keys = [ForeignKeyConstraint(["user_id"], [f"{table}.id"]) for table in ("users", "people")]
    project.metadata = models(users=[], people=[], posts=[number("user_id"), number("length"), *keys])
    assert project.revision().text.count("_foreign_key_index(") == 2
    run_up_down_up(project)
    assert project.fetch(INDEXES) == MADE


@pytest.mark.parametrize(
    "kept", ["CREATE INDEX ix_posts_user_id ON posts (user_id)", "COMMENT ON INDEX ix_posts_user_id IS 'ours'"]
)
def test_an_index_that_is_somebody_elses_stays(project: Project, kept: str) -> None:
    """It was there before, or somebody has made it his own since."""
    indexing(project)
    by_hand(project, ADD, DROP)
    statements = [kept] if kept.startswith("CREATE") else []
    project.execute(*statements)
    project.upgrade()
    project.execute(*([] if statements else [kept]))
    project.downgrade("base")
    assert project.fetch(INDEXES) == MADE


def test_a_name_that_is_taken_is_refused_and_the_index_is_found_again(project: Project) -> None:
    """What was built is not built again."""
    indexing(project, "CREATE INDEX ix_posts_user_id ON posts (length)")
    by_hand(project, ADD, DROP)
    with pytest.raises(ForeignKeyRefused, match='"ix_posts_user_id" already exists'):
        project.upgrade()
    project.execute("DROP INDEX ix_posts_user_id")
    assert project.fetch(INDEXES)[0][0].startswith("alembic_cascade_building_")
    oid = project.fetch("SELECT indexrelid FROM pg_index WHERE indrelid = 'posts'::regclass AND NOT indisprimary")
    project.upgrade()
    assert project.fetch("SELECT 'ix_posts_user_id'::regclass::oid") == oid


@pytest.mark.parametrize("ended_by", ["pg_cancel_backend", "pg_terminate_backend"])
def test_what_an_interrupted_build_left_is_built_anew(project: Project, ended_by: str) -> None:
    """It stands in the database, not valid, and serves nobody."""
    indexing(project).revision()
    with project.engine.connect() as older:
        older.exec_driver_sql("INSERT INTO posts VALUES (3, 1, 1)")
        problems: list[BaseException] = []
        upgrade = Thread(target=caught, args=(project, problems), daemon=True)
        upgrade.start()
        building = "FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
        limit = monotonic() + 20
        while not project.fetch(f"SELECT {building}"):
            assert monotonic() < limit
            sleep(0.02)
        project.fetch(f"SELECT {ended_by}(pid) {building}")
        upgrade.join(20)
        older.rollback()
    # Alembic meets the lost connection once more when it leaves the block.
    assert isinstance(problems[0], SQLAlchemyError)
    ((left_over, valid),) = project.fetch(INDEXES)
    assert left_over.startswith("alembic_cascade_building_")
    assert not valid
    project.upgrade()
    assert project.fetch(INDEXES) == MADE
    project.check()


def caught(project: Project, problems: list[BaseException]) -> None:
    try:
        project.upgrade()
    except BaseException as problem:  # noqa: BLE001 - the test's own thread says it
        problems.append(problem)


@pytest.mark.parametrize("way", ["upgrade", "downgrade"])
def test_a_left_over_is_dropped_on_the_way_down(project: Project, way: str) -> None:
    """Of a build that never came to its end."""
    indexing(project)
    by_hand(project, ADD, DROP)
    start = state(project)
    project.upgrade()
    if way == "upgrade":
        name = project.fetch(
            "SELECT 'alembic_cascade_building_' || substr(md5('posts'::regclass::oid::text || '{user_id}'), 1, 12)"
        )[0][0]
        project.execute(
            "DROP INDEX ix_posts_user_id",
            f"CREATE INDEX {name} ON posts (user_id)",
            f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass",
        )
    project.downgrade("base")
    assert state(project) == start


def test_partitions_are_indexed_one_by_one(project: Project) -> None:
    """Then the table takes over what they have."""
    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.options["include_object"] = lambda _item, name, kind, *_: kind != "table" or not name.startswith("posts_")
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO posts VALUES (1, 1), (11, 1)",
    )  # fmt: skip
    metadata = models(users=[])
    add_table(metadata, "posts", reference("user_id", "users.id"), postgresql_partition_by="RANGE (id)")
    project.metadata = metadata
    assert ADD in project.revision().upgrade
    project.upgrade()
    assert project.fetch(INDEXES) == [
        ("ix_posts_user_id", True), ("posts_high_user_id_idx", True), ("posts_low_user_id_idx", True),
    ]  # fmt: skip
    project.check()
    plan = project.fetch(
        "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'posts_low_user_id_idx'::regclass"
    )
    assert plan == [("ix_posts_user_id",)]
    project.downgrade()
    assert project.fetch(INDEXES) == []


def test_a_partition_keeps_an_index_of_its_own(project: Project) -> None:
    """As a part of the table's it would go with it on the way down: the others get theirs one by one."""
    project.execute(
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)",
        "CREATE INDEX by_hand ON posts_high (user_id)",
    )
    by_hand(project, ADD, DROP)
    for _ in range(2):
        project.upgrade()
        assert project.fetch(INDEXES) == [("by_hand", True), ("posts_low_user_id_idx", True)]
        project.downgrade("base")
        assert project.fetch(INDEXES) == [("by_hand", True)]


def test_a_partition_that_comes_meanwhile_is_indexed_as_well(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the others are built, and before the table takes over what they have."""
    monkeypatch.setattr(steps, "TRIES", 2)
    project.options |= configure_options(CascadeConfig(concurrently=True))
    project.execute(
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)",
    )
    by_hand(project, ADD, DROP)
    statements: list[str] = []

    def come(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try(") and "cascade_finish_index(" in statement:
            statements.append(statement)
            if len(statements) == 1:
                project.execute("CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (10) TO (20)")

    event.listen(project.engine, "before_cursor_execute", come)
    project.upgrade()
    assert [name for name, valid in project.fetch(INDEXES) if valid] == [
        "ix_posts_user_id", "posts_high_user_id_idx", "posts_low_user_id_idx",
    ]  # fmt: skip


def test_an_index_of_another_schema(project: Project) -> None:
    """And of a table that a deployment may lack."""
    indexing(project, "CREATE SCHEMA app", "CREATE TABLE app.posts AS TABLE posts")
    by_hand(
        project,
        ADD.replace("revision=revision", "source_schema='app', revision=revision"),
        DROP.replace("revision=revision", "source_schema='app', revision=revision"),
    )
    made = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'app'"
    project.upgrade()
    assert project.fetch(made) == [("CREATE INDEX ix_posts_user_id ON app.posts USING btree (user_id)",)]
    project.downgrade("base")
    assert project.fetch(made) == []


@pytest.mark.parametrize(
    "left", [models(users=[]), models(users=[], posts=[number("length")])], ids=["table", "column"]
)
def test_what_goes_with_its_table_or_column_comes_back_with_it(project: Project, left: MetaData) -> None:
    """A later revision takes them away, and its way down gives back the same schema."""
    indexing(project).revision()
    project.upgrade()
    with_index = state(project)
    project.metadata = left
    project.revision()
    project.upgrade()
    project.check()
    project.downgrade()
    assert state(project).schema == with_index.schema


def test_an_absent_table_is_skipped(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """With a log line, both ways, and in a script."""
    caplog.set_level("INFO", "alembic.cascade")
    project.options |= configure_options(CascadeConfig(concurrently=True))
    by_hand(
        project,
        ADD.replace(", revision", ", if_exists=True, revision"),
        DROP.replace(", revision", ", if_exists=True, revision"),
    )
    project.upgrade()
    project.downgrade("base")
    assert cascade_log(caplog.records).count("posts.user_id: skipped, the table posts does not exist") == 2
    project.execute("DROP TABLE alembic_version")
    said = run_script(project.url, project.upgrade_script())
    assert "posts.user_id: skipped, the table posts does not exist" in said
    run_script(project.url, project.downgrade_script("head:base"))


def test_a_script_builds_and_drops_it_as_well(project: Project) -> None:
    """Psql runs each statement for itself."""
    indexing(project).revision(rev_id="r1")
    start = state(project)
    run_script(project.url, project.upgrade_script())
    assert project.fetch(INDEXES) == MADE
    project.check()
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start
