"""What a model says of its column: a key of its own, a default that is the server's affair, the line that is printed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy
from sqlalchemy import Column, Computed, DateTime, FetchedValue, ForeignKey, Integer, MetaData, Table, Text, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from alembic_cascade import LifecycleColumn
from lifecycle.channels import CREATED, configured, moment, tables
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

MOMENT = DateTime(timezone=True)
POLICIES = [
    LifecycleColumn("created_at", tables="channels", set_on="insert"),
    LifecycleColumn("updated_at", tables="channels", set_on="update"),
    LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True),
]


def keyed() -> MetaData:
    """Columns whose keys are not their names, those of the foreign key included."""
    metadata = MetaData()
    Table(
        "channels",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False, key="number"),
        Column("title", Text),
        Column("created_at", DateTime, key="created", server_default=func.now()),
        Column("updated_at", MOMENT, key="updated"),
        Column("last_message_at", MOMENT, key="newest"),
    )
    Table(
        "messages",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("channel_id", ForeignKey("channels.number"), key="channel"),
        Column("sent_at", MOMENT, key="sent"),
    )
    return metadata


@pytest.mark.parametrize("there", ["nothing", "the tables", "the columns"])
def test_a_column_is_known_by_its_name(project: Project, there: str) -> None:
    """Its key is the model's affair; its type is the model's, too."""
    if there == "the tables":
        project.create(tables())
        project.execute("DROP TABLE users")
    elif there == "the columns":
        project.create(keyed())
    configured(project, *POLICIES, metadata=keyed())
    if there == "the tables":
        project.options["include_object"] = lambda item, name, kind, *_: kind != "foreign_key_constraint"
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    project.execute("INSERT INTO channels (id) VALUES (1)", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    project.execute("UPDATE channels SET title = 'a'")
    assert project.fetch(
        "SELECT created_at IS NOT NULL, updated_at IS NOT NULL, last_message_at::date::text FROM channels"
    ) == [(True, True, "2020-01-01")]
    assert project.fetch(
        "SELECT data_type FROM information_schema.columns WHERE table_name = 'channels' AND column_name = 'created_at'"
    ) == [("timestamp without time zone",)]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("new", [False, True])
def test_a_fetched_value_is_a_default_that_the_server_has_to_get(project: Project, new: bool, there: bool) -> None:
    """SQLAlchemy's word for what a trigger or a default of the database writes; it writes no DEFAULT itself."""

    def fetched() -> list[Column[Any]]:
        return [
            Column("created_at", MOMENT, server_default=FetchedValue()),
            Column("updated_at", MOMENT, server_default=FetchedValue(), server_onupdate=FetchedValue()),
        ]

    metadata = tables(more={"files": [Column("title", Text), *fetched()]})
    if not new:
        project.create(tables(more={"files": [Column("title", Text), *(fetched() if there else [])]}))
    project.options["compare_server_default"] = there
    policies = [
        LifecycleColumn("created_at", tables="files", set_on="insert"),
        LifecycleColumn("updated_at", tables="files", set_on="update"),
    ]
    configured(project, *policies, metadata=metadata)
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"
    project.execute("INSERT INTO files (id) VALUES (1)")
    assert moment(project, "created_at", "files") is not None
    assert moment(project, "updated_at", "files") is None


@pytest.mark.parametrize("nullable", [True, False])
def test_a_model_without_the_default_is_told(
    project: Project, nullable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The ORM writes NULL into a column of which it knows no default."""
    project.create(tables())
    policy = LifecycleColumn("created_at", tables="users", set_on="insert", nullable=nullable, backfill="now()")
    column = Column("created_at", MOMENT, nullable=nullable)
    configured(project, policy, metadata=tables(column, of="users"))
    project.revision()
    (told,) = [message for message in caplog.messages if "server_default" in message]
    assert told.startswith("users.created_at: the database gives a new row its time")
    assert ("inserts NULL over it" in told) == nullable
    assert ("inserts no value that it takes" in told) != nullable


KNOWN: dict[str, dict[str, Any]] = {
    "a default of the server": {"server_default": func.now()},
    "one that is fetched": {"server_default": FetchedValue()},
    "one of the model": {"default": func.now()},
}


@pytest.mark.parametrize("options", KNOWN.values(), ids=KNOWN)
def test_a_model_with_a_default_is_told_nothing(
    project: Project, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is right as it is."""
    project.create(tables())
    policy = LifecycleColumn("created_at", tables="users", set_on="insert")
    configured(project, policy, metadata=tables(Column("created_at", MOMENT, **options), of="users"))
    project.revision()
    assert caplog.messages == []


PRINTED: dict[str, LifecycleColumn] = {
    "by a default": LifecycleColumn("at", tables="channels", set_on="insert"),
    "by a default, always": LifecycleColumn("at", tables="channels", set_on="insert", nullable=False),
    "by a trigger": LifecycleColumn("at", tables="channels", set_on="update"),
    "by a trigger, always": LifecycleColumn("at", tables="channels", set_on="update", nullable=False),
    "from a child": LifecycleColumn("at", tables="channels", set_from="messages.sent_at"),
    "by nobody": LifecycleColumn("at", tables="channels"),
}


@pytest.mark.parametrize("policy", PRINTED.values(), ids=PRINTED)
def test_the_printed_line_works_in_a_model(
    project: Project, policy: LifecycleColumn, caplog: pytest.LogCaptureFixture
) -> None:
    """The next autogenerate is content with it, and the ORM can insert and update."""
    project.create(tables())
    configured(project, policy)
    project.revision()
    project.upgrade()
    (line,) = [message.partition("Write into the model: ")[2] for message in caplog.messages]
    found = re.fullmatch(r"at: (Mapped\[.*\]) = (mapped_column\(.*\))", line)
    assert found is not None
    names = {**vars(sqlalchemy), "Mapped": Mapped, "mapped_column": mapped_column, "datetime": datetime}
    annotation, column = (eval(code, names) for code in found.groups())

    class Base(DeclarativeBase):
        metadata = tables()

    rest = Base.metadata.tables["channels"]
    Base.metadata.remove(rest)
    channel: Any = type(
        "Channel",
        (Base,),
        {
            "__tablename__": "channels",
            "__annotations__": {"at": annotation},
            "id": mapped_column(Integer, primary_key=True, autoincrement=False),
            "title": mapped_column(Text),
            "at": column,
        },
    )
    caplog.clear()
    configured(project, policy, metadata=Base.metadata)
    assert project.revision().upgrade == "pass\n"
    assert caplog.messages == []
    with Session(project.engine) as orm:
        row = channel(id=1)
        orm.add(row)
        orm.commit()
        assert (row.at is not None) == (policy.set_on == "insert" or not policy.nullable)
        row.title = "a"
        orm.commit()
        assert (row.at is not None) == (policy.set_on is not None)


@pytest.mark.parametrize("there", [False, True])
def test_a_computed_column_has_its_value(project: Project, there: bool) -> None:
    """It takes no default beside it."""

    def computed() -> MetaData:
        column = Column("created_at", MOMENT, Computed("opened", persisted=True))
        return tables(Column("opened", MOMENT), column, of="users")

    project.create(computed() if there else tables())
    configured(project, LifecycleColumn("created_at", tables="users", set_on="insert"), metadata=computed())
    project.revision()
    run_there_and_back(project, [])
    assert project.revision().upgrade == "pass\n"


def test_a_default_that_the_model_has_lost_is_alembics_affair(project: Project) -> None:
    """Where the settings ask for none."""
    project.create(tables(Column("last_active", MOMENT, server_default=text("now()")), of="users"))
    project.options = {"compare_server_default": True}
    policy = LifecycleColumn("last_active", tables="users")
    configured(project, policy, metadata=tables(Column("last_active", MOMENT), of="users"))
    assert "server_default=None" in project.revision().upgrade


def test_the_models_stay_as_they_are(project: Project) -> None:
    """Whatever a revision adds to them."""
    project.create(tables())
    metadata = tables(Column("created_at", MOMENT, key="created"))
    configured(project, CREATED, metadata=metadata)
    project.revision()
    assert metadata.tables["channels"].c.created.server_default is None
    assert [column.name for column in metadata.tables["users"].columns] == ["id", "name"]
