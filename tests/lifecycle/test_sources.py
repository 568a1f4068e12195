"""What a column is set from: what has it, under which name, by which key, and how often it is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import reference
from sqlalchemy import Column, DateTime, MetaData

from alembic_cascade import ConfigError, LifecycleColumn
from lifecycle.channels import configured, moment, tables
from lifecycle.whole import run_there_and_back

if TYPE_CHECKING:
    from project import Project

MOMENT = DateTime(timezone=True)
FROM_CREATED = LifecycleColumn("last_message_at", tables="channels", set_from="messages.created_at", backfill=True)


def with_aliases(*, opted_out: bool = False) -> MetaData:
    """Messages that have their creation under another name, or want none."""
    metadata = tables()
    if opted_out:
        metadata.tables["messages"].info["alembic_cascade"] = {"lifecycle": False}
    return metadata


REFUSED: dict[str, tuple[list[LifecycleColumn], bool, str]] = {
    "under an alias": (
        [LifecycleColumn("created_at", aliases=["sent_at"], set_on="insert"), FROM_CREATED],
        False, "messages has no column 'created_at'",
    ),
    "of a table that says no": (
        [LifecycleColumn("created_at", set_on="insert"), FROM_CREATED], True, "messages has no column 'created_at'",
    ),
    "that is excluded": (
        [LifecycleColumn("created_at", exclude="messages", set_on="insert"), FROM_CREATED],
        False, "messages has no column 'created_at'",
    ),
    "that a trigger keeps": (
        [
            LifecycleColumn("updated_at", tables="messages", set_on="update"),
            LifecycleColumn("last_edit_at", tables="channels", set_from="messages.updated_at"),
        ],
        False, r"messages\.updated_at is kept by a trigger itself",
    ),
    "of a key that is none": (
        [LifecycleColumn("at", tables="channels", set_from="messages.sent_at", via=["user_id"])],
        False, r"lifecycle\['at'\]\.via: messages does not refer to channels by user_id; there is: via=\['channel_id'\]",
    ),
    "of too many columns": (
        [LifecycleColumn("at", tables="channels", set_from="messages.sent_at", via=["channel_id", "id"])],
        False, r"by channel_id, id; there is: via=\['channel_id'\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("policies", "opted_out", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_source_that_there_is_not_is_refused(
    project: Project, policies: list[LifecycleColumn], opted_out: bool, problem: str
) -> None:
    """Before a revision is written that could not run."""
    project.create(tables())
    configured(project, *policies, metadata=with_aliases(opted_out=opted_out))
    with pytest.raises(ConfigError, match=problem):
        project.revision()


def chain() -> MetaData:
    """Posts of threads of channels."""
    return tables(
        more={
            "threads": [reference("channel_id", "channels.id")],
            "posts": [reference("thread_id", "threads.id"), Column("at", MOMENT)],
        }
    )


@pytest.mark.parametrize("declared", [False, True])
def test_a_chain_is_refused(project: Project, declared: bool) -> None:
    """What the first trigger writes is an UPDATE, of which the second hears nothing."""
    metadata = chain()
    if declared:
        metadata.tables["threads"].append_column(Column("last_at", MOMENT))
    project.create(chain())
    configured(
        project,
        LifecycleColumn("last_at", tables="threads", set_from="posts.at", backfill=True),
        LifecycleColumn("last_at", tables="channels", set_from="threads.last_at", backfill=True),
        metadata=metadata,
    )
    with pytest.raises(ConfigError, match=r"lifecycle\['last_at'\]\.set_from: threads\.last_at is kept by a trigger"):
        project.revision()


def test_a_source_that_the_settings_add_is_there_before_it_is_needed(project: Project) -> None:
    """Its own values come first, too."""
    project.create(tables())
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    created = LifecycleColumn("created_at", tables="messages", set_on="insert", backfill="sent_at")
    configured(project, FROM_CREATED, created)
    project.revision()
    run_there_and_back(project, ["channels", "messages"])
    assert str(moment(project, "last_message_at::date", "channels")) == "2020-01-01"
    project.execute("INSERT INTO messages VALUES (2, 1)")
    assert moment(project, "last_message_at = now()", "channels") is False
    assert moment(project, "last_message_at > '2025-01-01'", "channels")


def test_a_source_under_an_alias_may_be_named_by_it(project: Project) -> None:
    """It is a column like any other."""
    project.create(tables())
    configured(
        project,
        LifecycleColumn("created_at", aliases=["sent_at"], tables="messages", set_on="insert"),
        LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at"),
    )
    assert "set_from='messages.sent_at'" in project.revision().upgrade


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_a_column_is_filled_once(project: Project, there: bool, concurrently: bool) -> None:
    """Whatever the reasons are for it: it is new, its trigger is missing, it was filled by hand."""
    column = [Column("last_message_at", MOMENT)] if there else []
    project.create(tables(*column))
    policy = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True)
    configured(project, policy, concurrently=concurrently)
    text = "".join(revision.upgrade for revision in project.revisions())
    assert text.count("op.backfill_lifecycle_column(") == 1


def test_a_column_that_lacks_its_trigger_and_not_null_is_filled_once(project: Project) -> None:
    """With both ends in one line."""
    project.create(tables(Column("last_message_at", MOMENT)))
    project.execute("INSERT INTO channels VALUES (1)", "INSERT INTO messages VALUES (1, 1, '2020-01-01')")
    policy = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at", backfill=True)
    configured(project, policy, metadata=tables(Column("last_message_at", MOMENT, nullable=False)))
    text = project.revision().upgrade
    assert text.count("op.backfill_lifecycle_column(") == 1
    assert "nullable=False" in text
    run_there_and_back(project, [])


def test_a_column_that_is_there_and_becomes_not_null_is_filled_once(project: Project) -> None:
    """With its expression, and NOT NULL after it."""
    project.create(tables(Column("updated_at", MOMENT)))
    policy = LifecycleColumn("updated_at", tables="channels", set_on="update", backfill="now()", nullable=False)
    configured(project, policy)
    text = project.revision().upgrade
    assert text.count("op.backfill_lifecycle_column(") == 1
    assert "op.alter_column('channels', 'updated_at',\n" in text
    project.upgrade()
    assert project.revision().upgrade == "pass\n"


def two_ways(*ways: Any) -> list[LifecycleColumn]:
    """A column for each key."""
    return [LifecycleColumn(f"last_{way}", tables="channels", set_from="moves.at", via=way) for way in ways]


def test_two_columns_by_two_keys_of_one_child(project: Project) -> None:
    """Each has a trigger of its own."""
    more = {"moves": [reference("came", "channels.id"), reference("went", "channels.id"), Column("at", MOMENT)]}
    project.create(tables(more={name: [column._copy() for column in items] for name, items in more.items()}))
    configured(project, *two_ways("came", "went"), metadata=tables(more=more))
    project.revision()
    run_there_and_back(project, ["channels"])
    project.execute("INSERT INTO channels VALUES (1), (2)", "INSERT INTO moves VALUES (1, 1, 2, '2020-01-01')")
    assert project.fetch("SELECT last_came IS NULL, last_went IS NULL FROM channels ORDER BY id") == [
        (False, True), (True, False),
    ]  # fmt: skip
