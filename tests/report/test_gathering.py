"""What a report tells of models, of a database, and of both."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from audit.models import imported, subject
from audit.test_seed_004 import MENDED, MODELS
from seeds.examples import example_module
from sqlalchemy import create_engine

from alembic_cascade import CascadeConfig, LifecycleColumn, OnDeleteRule, Waiver
from alembic_cascade.audit.auditing import audit
from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.reflected import present_triggers
from alembic_cascade.report.diagram import diagram_of
from alembic_cascade.report.document import document
from alembic_cascade.report.dot import dot_text
from alembic_cascade.report.facts import read_facts
from alembic_cascade.report.gathering import gathered
from alembic_cascade.report.lifecycle import lifecycle_of
from alembic_cascade.report.mermaid import mermaid_text
from report.made import assert_as_kept, reported

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

    from alembic_cascade.report.report import Report, ReportedKey

BLOG = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list["Post"]] = relationship(cascade="all, delete-orphan", back_populates="author", lazy="selectin")
    badges: Mapped[list["Badge"]] = relationship(passive_deletes="all", doc="Given once,\\n and kept.")


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    author: Mapped[User] = relationship(back_populates="posts")


class Badge(Base):
    __tablename__ = "badges"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", name="prize", comment="A prize stays."), index=True)


class Setting(Base):
    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
"""


def keys(report: Report) -> dict[str, ReportedKey]:
    return {key.label: key for key in report.keys}


def with_database(
    directory: Path, text: str, url: URL, *statements: str, config: CascadeConfig | None = None
) -> tuple[Report, Subject]:
    """The report on models and on the database that has their tables, and then was changed."""
    module = imported(directory, text)
    engine = create_engine(url)
    with engine.begin() as connection:
        module.Base.metadata.create_all(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)
    looked_at = subject(module, url=url, config=config)
    with engine.connect() as connection:
        facts = read_facts(connection, looked_at, "shop", TableName(None, "alembic_version"))
        lifecycle = lifecycle_of(looked_at, facts.inheriting, present_triggers(connection))
    engine.dispose()
    return gathered(looked_at, audit(looked_at), facts, lifecycle=lifecycle), looked_at


def test_models_alone(tmp_path: Path) -> None:
    """Nothing is said of what nobody looked at."""
    report = reported(tmp_path, BLOG)
    assert [
        (str(table.name), table.model, table.in_database, table.rows, table.orphans) for table in report.tables
    ] == [
        ("badges", "Badge", None, None, None),
        ("posts", "Post", None, None, None),
        ("settings", "Setting", None, None, None),
        ("users", "User", None, None, None),
    ]
    assert {(label, one.rule, one.drift, one.indexed, one.nullable) for label, one in keys(report).items()} == {
        ("badges.post_id -> posts.id", "NO ACTION", None, True, True),
        ("badges.user_id -> users.id", "SET NULL", None, True, True),
        ("posts.user_id -> users.id", "CASCADE", None, False, False),
    }
    assert [(column.name, column.type, column.nullable, column.primary_key) for column in report.tables[2].columns] == [
        ("name", "VARCHAR(20)", False, True)
    ]
    assert (report.database, report.title, document(report)["counts"]["orphans"]) == (
        None,
        "Foreign keys of the models",
        None,
    )


def test_why_a_key_is_as_it_is(tmp_path: Path) -> None:
    """The settings' reason, the comment on the key, or else what its rule means."""
    config = CascadeConfig(on_delete=[OnDeleteRule("badges.user_id", "SET NULL", "Badges are history.")])
    assert {label: one.rationale for label, one in keys(reported(tmp_path, BLOG, config=config)).items()} == {
        "badges.post_id -> posts.id": "A prize stays.",
        "badges.user_id -> users.id": "Badges are history.",
        "posts.user_id -> users.id": "Rows of posts belong to users, and go with it.",
    }


def test_relationships_cascade_and_load_for_a_reason(tmp_path: Path) -> None:
    """The relationship's own doc, or else what becomes of its rows."""
    report = reported(tmp_path, BLOG)
    assert [(one.name, one.cascade, one.passive_deletes, one.lazy, one.rationale) for one in report.relationships] == [
        ("Post.author", "save-update, merge", "False", "select", "Post refers to User, and does nothing to it."),
        ("User.badges", "save-update, merge", "all", "select", "Given once, and kept."),
        (
            "User.posts",
            "all, delete-orphan",
            "False",
            "selectin",
            "Post belongs to User, and goes with it: each is loaded for it.",
        ),
    ]
    assert [report.keys[one.key].label for one in report.relationships if one.key is not None] == [
        "posts.user_id -> users.id",
        "badges.user_id -> users.id",
        "posts.user_id -> users.id",
    ]
    assert set(document(report)["loading"]) == {"select", "selectin"}


def test_the_state_of_each_model(tmp_path: Path) -> None:
    """The worst finding; where all is waived that; where nothing is found what its relationships are like."""
    config = CascadeConfig(waivers=[Waiver("unindexed-foreign-key", "posts.*", "Nobody deletes users.")])
    report = reported(tmp_path, BLOG, config=config)
    assert [(one.model, one.status, one.notes) for one in report.models] == [
        ("Badge", "complete", ("No relationships: it stands for itself.",)),
        (
            "Post",
            "waived",
            ("posts.user_id -> users.id: unindexed-foreign-key is meant: Nobody deletes users.",),
        ),
        ("Setting", "complete", ("No relationships: it stands for itself.",)),
        ("User", "complete", ("2 relationships, one-way: badges.",)),
    ]


def test_seed_004_as_it_is_written(tmp_path: Path) -> None:
    """Its table of states calls all of it complete; one mapper is broken, and of the others nothing is known."""
    report = reported(tmp_path, MODELS)
    states = {one.model: one.status for one in report.models}
    assert states == {name: "error" if name == "Ticket" else "not looked at" for name in states}
    assert len(states) == 11
    (ticket,) = [one for one in report.models if one.model == "Ticket"]
    assert ticket.notes[0].startswith(
        "Its mapper is broken: reverse_property 'ticket' on relationship Ticket.attachment"
    )
    assert len(report.keys) == 13


def test_seed_004_corrected(tmp_path: Path) -> None:
    """Its three tables come out of the models: states, cascades and loading."""
    report = reported(tmp_path, MENDED)
    cascades = {one.name: one.cascade for one in report.relationships if one.model == "Session"}
    assert cascades == {
        "Session.audit_events": "save-update, merge",
        **{
            f"Session.{name}": "all, delete-orphan"
            for name in (
                "project_context", "session_errors", "session_task", "session_validation", "tickets", "uploaded_files",
            )
        },
    }  # fmt: skip
    loading = {one.attribute: one.lazy for one in report.relationships if one.model == "Session"}
    assert {name for name, lazy in loading.items() if lazy == "joined"} == {
        "project_context", "session_task", "session_validation", "uploaded_files",
    }  # fmt: skip
    assert {one.model: one.status for one in report.models}["JiraAuthToken"] == "complete"


def test_drift_and_what_the_database_alone_has(tmp_path: Path, url: URL) -> None:
    """Another rule, a key too few, a key too many; tables of nobody's model are told of, and are no drift."""
    report, _ = with_database(
        tmp_path,
        BLOG,
        url,
        "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
        "ALTER TABLE badges DROP CONSTRAINT badges_user_id_fkey",
        "ALTER TABLE badges ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
        "ALTER TABLE settings ADD CONSTRAINT odd FOREIGN KEY (name) REFERENCES settings",
        "CREATE TABLE legacy (user_id integer REFERENCES users)",
        "CREATE TABLE alembic_version (version_num text)",
        "CREATE TABLE parts (id integer) PARTITION BY LIST (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)",
    )
    assert {label: one.drift for label, one in keys(report).items()} == {
        "badges.post_id -> posts.id": None,
        "badges.user_id -> users.id": "CASCADE -> SET NULL",
        "legacy.user_id -> users.id": None,
        "posts.user_id -> users.id": "not in the database",
        "settings.name -> settings.name": "not in the models",
    }
    assert {str(table.name): (table.in_models, table.in_database) for table in report.tables} == {
        **dict.fromkeys(("badges", "posts", "settings", "users"), (True, True)),
        "legacy": (False, True),
        "parts": (False, True),
    }
    (legacy,) = [table for table in report.tables if table.name.name == "legacy"]
    assert [(column.name, column.type) for column in legacy.columns] == [("user_id", "integer")]
    assert (report.title, report.database) == ("Foreign keys of shop", "shop")


def test_a_rule_that_a_column_does_not_let_happen_refuses(tmp_path: Path) -> None:
    """SET NULL on a column that takes no NULL; of a pair, what the rule sets counts alone."""
    models = """\
    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[int]
        __table_args__ = (UniqueConstraint("id", "number"),)


    class Badge(Base):
        __tablename__ = "badges"
        id: Mapped[int] = mapped_column(primary_key=True)
        user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
        other_id: Mapped[int | None]
        __table_args__ = (
            ForeignKeyConstraint(
                ["other_id", "user_id"], ["users.id", "users.number"], ondelete="SET NULL (other_id)"
            ),
        )
    """
    found = keys(reported(tmp_path, dedent(models)))
    assert {label: one.effect for label, one in found.items()} == {
        "badges.user_id -> users.id": "refused",
        "badges.(other_id, user_id) -> users.(id, number)": "nulled",
    }


def test_rows_are_the_estimates_of_the_statistics(tmp_path: Path, url: URL) -> None:
    """Before they are made, nothing is said of rows."""
    filled = "INSERT INTO settings SELECT n::text FROM generate_series(1, 250) AS n"
    report, _ = with_database(tmp_path, BLOG, url, filled, "ANALYZE settings")
    assert {str(table.name): table.rows for table in report.tables} == {
        "badges": None, "posts": None, "settings": 250, "users": None,
    }  # fmt: skip


def test_a_table_that_the_database_lacks_is_told(tmp_path: Path, url: URL) -> None:
    """Models may be ahead of it."""
    report, _ = with_database(tmp_path, BLOG, url, "DROP TABLE badges")
    assert {str(table.name): table.in_database for table in report.tables}["badges"] is False
    assert keys(report)["badges.user_id -> users.id"].drift == "not in the database"


LIFECYCLE = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_post_at: Mapped[datetime.datetime | None] = mapped_column(DateTime(timezone=True))


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sent_at: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
"""
POLICY = CascadeConfig(
    lifecycle=[
        LifecycleColumn("created_at", tables="users", set_on="insert"),
        LifecycleColumn("updated_at", set_on="update"),
        LifecycleColumn("seen_at", tables="users"),
        LifecycleColumn("last_post_at", tables="users", set_from="posts.sent_at"),
    ]
)


def lifecycle(report: Report) -> list[tuple[str, str, str]]:
    return [
        (f"{table.name}.{fact.column}", fact.kept_by, fact.status)
        for table in report.tables
        for fact in table.lifecycle
    ]


def test_lifecycle_columns_of_models_alone(tmp_path: Path) -> None:
    """What the settings want of each table, and whether its model has it."""
    looked_at = subject(imported(tmp_path, f"import datetime\n\n\n{LIFECYCLE}"), config=POLICY)
    report = gathered(looked_at, audit(looked_at), lifecycle=lifecycle_of(looked_at, (), ()))
    assert lifecycle(report) == [
        ("posts.updated_at", "a trigger", "missing in the model"),
        ("users.created_at", "a default", "declared"),
        ("users.updated_at", "a trigger", "missing in the model"),
        ("users.seen_at", "the application", "missing in the model"),
        ("users.last_post_at", "a trigger, from posts.sent_at", "declared"),
    ]


def test_lifecycle_columns_of_the_database(tmp_path: Path, url: URL) -> None:
    """Whether the column is there, and the trigger that keeps it."""
    report, _ = with_database(
        tmp_path,
        f"import datetime\n\n\n{LIFECYCLE}",
        url,
        "ALTER TABLE users ADD COLUMN seen_at timestamptz, ADD COLUMN updated_at timestamptz",
        config=POLICY,
    )
    assert lifecycle(report) == [
        ("posts.updated_at", "a trigger", "missing"),
        ("users.created_at", "a default", "present"),
        ("users.updated_at", "a trigger", "its trigger is missing"),
        ("users.seen_at", "the application", "present, missing in the model"),
        ("users.last_post_at", "a trigger, from posts.sent_at", "its trigger is missing"),
    ]


@pytest.mark.parametrize(("group", "groups"), [("schema", {"public"}), ("module", {"example_collaboration_models"})])
def test_tables_are_put_together(group: str, groups: set[str]) -> None:
    """By schema, or by the module of their model."""
    looked_at = subject(example_module("collaboration"))
    assert {table.group for table in gathered(looked_at, audit(looked_at), group=group).tables} == groups


def test_the_drawings_of_seed_000_are_as_they_were() -> None:
    """To the letter, in every run and whatever the hash seed."""
    looked_at = subject(example_module("collaboration"))
    diagram = diagram_of(gathered(looked_at, audit(looked_at)))
    assert_as_kept("collaboration.dot", dot_text(diagram))
    assert_as_kept("collaboration.mmd", mermaid_text(diagram))
