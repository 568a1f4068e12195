"""Columns whose types do not fit: refused before anything is written, or before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Column, Computed, Date, DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.types import TypeDecorator

from alembic_cascade import ConfigError, LifecycleColumn, LifecycleRefused
from lifecycle.channels import configured, moment, tables
from lifecycle.test_trigger_drift import state
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project


class Utc(TypeDecorator[Any]):
    """A moment, as many projects have it."""

    impl = DateTime(timezone=True)
    cache_ok = True


def in_words(kind: str, item: Any, _: object) -> str | bool:
    """How a revision writes such a type, which has an import of its own elsewhere."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Utc) else False


# The settings, the type of the column in channels, that of messages.sent, and the problem.
UNFIT: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "a number for a time of an insert": ({"set_on": "insert"}, Integer, Text, r"\.set_on: channels\.at is Integer"),
    "a number for a time of an update": ({"set_on": "update"}, Integer, Text, r"\.set_on: channels\.at is Integer"),
    "a number as a source": (
        {"set_from": "messages.sent"}, None, Integer, r"\.set_from: is INTEGER, the column itself TIMESTAMP WITH TIME ZONE",
    ),
    "a moment for a number": (
        {"set_from": "messages.sent"}, BigInteger, DateTime(timezone=True), "is TIMESTAMP WITH TIME ZONE, the column itself BIGINT",
    ),
    "a time without a zone": (
        {"set_from": "messages.sent"}, None, DateTime, "is TIMESTAMP WITHOUT TIME ZONE, the column itself TIMESTAMP WITH TIME ZONE",
    ),
    "a date": ({"set_from": "messages.sent"}, None, Date, "is DATE, the column itself TIMESTAMP WITH TIME ZONE"),
    "another type in the settings": (
        {"set_from": "messages.sent", "type_": Integer}, None, DateTime, "is TIMESTAMP WITHOUT TIME ZONE, the column itself INTEGER",
    ),
}  # fmt: skip


def typed(own: Any, source: Any) -> Any:
    """Channels with such a column, messages with such a source."""
    metadata = tables(*([] if own is None else [Column("at", own)]))
    metadata.tables["messages"].append_column(Column("sent", source))
    return metadata


@pytest.mark.parametrize(("settings", "own", "source", "problem"), UNFIT.values(), ids=UNFIT)
def test_types_that_do_not_fit_are_refused_at_once(
    project: Project, settings: dict[str, Any], own: Any, source: Any, problem: str
) -> None:
    """No revision is written whose trigger would stop every statement."""
    project.create(typed(own, source))
    configured(project, LifecycleColumn("at", tables="channels", **settings), metadata=typed(own, source))
    with pytest.raises(ConfigError, match=r"lifecycle\['at'\].*" + problem):
        project.revision()


FIT: dict[str, tuple[Any, Any, str]] = {
    "a number": (Integer, Integer, "7"),
    "a date": (Date, Date, "'2020-01-01'"),
    "a time with a precision": (DateTime(timezone=True), DateTime(timezone=True), "'2020-01-01'"),
    "a type round another one": (Utc, DateTime(timezone=True), "'2020-01-01'"),
}


@pytest.mark.parametrize(("own", "source", "value"), FIT.values(), ids=FIT)
def test_types_that_fit_are_set(project: Project, own: Any, source: Any, value: str) -> None:
    """Whether the model has the column, or the settings alone."""
    project.create(typed(None, source))
    project.options = {"render_item": in_words}
    policy = LifecycleColumn("at", tables="channels", set_from="messages.sent", type_=own, backfill=True)
    configured(project, policy, metadata=typed(None, source))
    project.revision()
    project.execute("INSERT INTO channels VALUES (1)", f"INSERT INTO messages VALUES (1, 1, NULL, {value})")
    run_there_and_back(project, ["channels"])
    assert moment(project, f"at = {value}", "channels")
    project.metadata = typed(own, source)
    assert project.revision().upgrade == "pass\n"


@pytest.mark.parametrize("set_on", ["insert", "update"])
def test_a_type_round_another_one_takes_a_time(project: Project, set_on: str, caplog: pytest.LogCaptureFixture) -> None:
    """As it is asked for what is inside."""
    project.create(tables())
    project.options = {"render_item": in_words}
    configured(project, LifecycleColumn("at", tables="channels", set_on=set_on, type_=Utc()))
    project.revision()
    assert "at: Mapped[datetime | None] = mapped_column(Utc(" in caplog.text
    project.upgrade()
    project.execute("INSERT INTO channels VALUES (1)", "UPDATE channels SET title = 'a'")
    assert moment(project, "at", "channels") is not None


def test_a_type_without_a_python_type_is_written_as_any(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """SQLAlchemy 2.0 refuses to say it, 2.1 says ``object``."""
    project.create(typed(None, INET))
    policy = LifecycleColumn("last_ip", tables="channels", set_from="messages.sent", type_=INET)
    configured(project, policy, metadata=typed(None, INET))
    project.revision()
    assert "last_ip: Mapped[Any | None] = mapped_column(INET(), " in caplog.text


def test_what_fits_by_the_models_is_looked_at_in_the_database_again(project: Project) -> None:
    """There the column may be of another type."""
    project.create(typed(None, DateTime(timezone=True)))
    project.execute("ALTER TABLE channels ADD at int")
    configured(
        project,
        LifecycleColumn("at", tables="channels", set_from="messages.sent"),
        metadata=typed(None, DateTime(timezone=True)),
    )
    project.revision()
    with pytest.raises(
        LifecycleRefused, match=r"channels\.at is integer, and messages\.sent is timestamp with time zone"
    ):
        project.upgrade()


SOURCE = "local_cols=['channel_id'], remote_cols=['id']"
BY_HAND: dict[str, tuple[str, str]] = {
    "a number": ("'channels', 'number', set_on='update'", r"channels\.number is integer, and takes no time"),
    "a text": ("'channels', 'title', set_on='update'", r"channels\.title is text, and takes no time"),
    "a computed column": ("'channels', 'half', set_on='update'", r"channels\.half is computed from other columns"),
    "a view": ("'seen', 'at', set_on='update'", "seen is no table"),
    "a number from a moment": (
        f"'channels', 'number', set_from='messages.sent_at', {SOURCE}", r"channels\.number is integer, and messages\.sent_at is",
    ),
    "a moment from a number": (f"'channels', 'at', set_from='messages.id', {SOURCE}", r"messages\.id is integer: they have"),
    "json": (f"'channels', 'extra', set_from='messages.extra', {SOURCE}", r"channels\.extra is json, of which none is the newest"),
    "a boolean": (f"'channels', 'seen', set_from='messages.seen', {SOURCE}", r"channels\.seen is boolean, of which none is the newest"),
    "a computed column from a moment": (
        f"'channels', 'half', set_from='messages.sent_at', {SOURCE}", r"channels\.half is computed from other columns",
    ),
    "a view from a moment": (f"'seen', 'at', set_from='messages.sent_at', {SOURCE}", "seen is no table"),
    "a moment from a view": (
        "'channels', 'at', set_from='seen.at', local_cols=['id'], remote_cols=['id']", "seen",
    ),
}  # fmt: skip


def odd() -> Any:
    """Columns of all kinds."""
    metadata = tables(
        Column("number", Integer), Column("at", DateTime(timezone=True)), Column("opened", DateTime(timezone=True)),
        Column("half", DateTime(timezone=True), Computed("opened", persisted=True)), Column("extra", JSON), Column("seen", Boolean),
    )  # fmt: skip
    metadata.tables["messages"].append_column(Column("extra", JSON))
    metadata.tables["messages"].append_column(Column("seen", Boolean))
    return metadata


@pytest.mark.parametrize(("arguments", "problem"), BY_HAND.values(), ids=BY_HAND)
def test_a_trigger_by_hand_that_could_not_work_is_refused(project: Project, arguments: str, problem: str) -> None:
    """It would refuse every statement from then on; nothing is changed."""
    project.create(odd())
    project.execute("CREATE VIEW seen AS SELECT * FROM channels")
    before = state(project)
    project.write_revision(f"op.create_lifecycle_trigger({arguments})")
    with pytest.raises(LifecycleRefused, match=problem) as refused:
        project.upgrade()
    assert "Nothing was changed" in str(refused.value)
    assert state(project) == before
    project.execute("INSERT INTO channels (id) VALUES (1)", "INSERT INTO messages (id, channel_id) VALUES (1, 1)")


@pytest.mark.parametrize("name", ["json", "a boolean", "a number from a moment", "a moment from a number"])
@pytest.mark.parametrize("concurrently", [False, True])
def test_a_backfill_by_hand_that_could_not_work_is_refused(project: Project, name: str, concurrently: bool) -> None:
    """In the same words."""
    arguments, problem = BY_HAND[name]
    project.create(odd())
    project.execute(
        "INSERT INTO channels (id) VALUES (1)", "INSERT INTO messages (id, channel_id, sent_at) VALUES (1, 1, now())"
    )
    more = ", concurrently=True" if concurrently else ""
    project.write_revision(
        "op.begin_concurrently(revision)\nwith op.get_context().autocommit_block():\n"
        f"    op.backfill_lifecycle_column({arguments}{more})"
    )
    with pytest.raises(LifecycleRefused, match=problem):
        project.upgrade()
