"""Seed 000: the collaboration application of the example project; its one revision, and every cascade it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenario import run_up_down_up
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alembic_cascade import CascadeConfig, configure_options
from seeds.examples import make_first_tables, undated_models

if TYPE_CHECKING:
    from project import Project

MODELS = undated_models()


@pytest.fixture
def drifted(project: Project) -> Project:
    """The application's tables as its first migration makes them."""
    make_first_tables(project)
    # What the example's load.py adds over dirty rows, here over none.
    project.execute(
        "ALTER TABLE channels ADD FOREIGN KEY (company_id) REFERENCES companies ON DELETE RESTRICT",
        "ALTER TABLE meetings ADD FOREIGN KEY (organizer_id) REFERENCES users ON DELETE CASCADE",
    )
    project.metadata = MODELS.Base.metadata
    return project


def alteration(name: str, table: str, column: str, parent: str, *rules: str) -> str:
    """The whole text of one changed key."""
    lines = "".join(f"    {rule},\n" for rule in rules)
    return f"op.alter_foreign_key(\n    '{name}', '{table}', '{parent}', ['{column}'], ['id'],\n{lines})\n"


# Each key that says something else in the models: its name, where it is, and its rules up and down.
CHANGED = [
    (("channels_company_id_fkey", "channels", "company_id", "companies"), "CASCADE", "RESTRICT"),
    (("users_company_id_fkey", "users", "company_id", "companies"), "CASCADE", None),
    (("channel_members_channel_id_fkey", "channel_members", "channel_id", "channels"), "CASCADE", None),
    (("channel_members_user_id_fkey", "channel_members", "user_id", "users"), "CASCADE", None),
    (("chat_messages_channel_id_fkey", "chat_messages", "channel_id", "channels"), "CASCADE", None),
    (("chat_messages_company_id_fkey", "chat_messages", "company_id", "companies"), "CASCADE", None),
    (("chat_messages_reply_to_id_fkey", "chat_messages", "reply_to_id", "chat_messages"), "SET NULL", None),
    (("fk_meetings_company", "meetings", "company_id", "companies"), "CASCADE", None),
    (("meetings_organizer_id_fkey", "meetings", "organizer_id", "users"), "SET NULL", "CASCADE"),
    (("meeting_participants_meeting_id_fkey", "meeting_participants", "meeting_id", "meetings"), "CASCADE", None),
    (("meeting_participants_user_id_fkey", "meeting_participants", "user_id", "users"), "CASCADE", None),
    (("reactions_message_id_fkey", "reactions", "message_id", "chat_messages"), "CASCADE", None),
]


def altered(key: tuple[str, str, str, str], rule: str | None, existing: str | None) -> str:
    if key[2] != "reply_to_id":
        return alteration(*key, f"ondelete={rule!r}, existing_ondelete={existing!r}")
    deferred, immediate = (True, "'DEFERRED'"), (None, None)
    now, before = (immediate, deferred) if rule else (deferred, immediate)
    return alteration(
        *key,
        f"ondelete={rule!r}, deferrable={now[0]}, initially={now[1]}",
        f"existing_ondelete={existing!r}, existing_deferrable={before[0]}, existing_initially={before[1]}",
    )


def test_one_revision_puts_every_key_right_and_can_be_reversed(drifted: Project) -> None:
    """Keys without a rule, with the wrong one, deferred, named by hand, doubled and forgotten, all at once."""
    drifted.options = configure_options(CascadeConfig(orphans=None))
    revision = drifted.revision()
    assert revision.upgrade == (
        "".join(altered(key, rule, existing) for key, rule, existing in CHANGED)
        + "op.drop_constraint(op.f('meeting_participants_meeting_id_fkey1'), 'meeting_participants', type_='foreignkey')\n"
        "op.create_foreign_key(op.f('chat_messages_user_id_fkey'), 'chat_messages', 'users', ['user_id'], ['id'], ondelete='CASCADE')\n"
        "op.create_foreign_key(op.f('reactions_user_id_fkey'), 'reactions', 'users', ['user_id'], ['id'], ondelete='CASCADE')\n"
    )
    assert revision.downgrade == (
        "op.drop_constraint(op.f('reactions_user_id_fkey'), 'reactions', type_='foreignkey')\n"
        "op.drop_constraint(op.f('chat_messages_user_id_fkey'), 'chat_messages', type_='foreignkey')\n"
        "op.create_foreign_key(op.f('meeting_participants_meeting_id_fkey1'), 'meeting_participants', 'meetings', ['meeting_id'], ['id'])\n"
        + "".join(altered(key, existing, rule) for key, rule, existing in reversed(CHANGED))
    )
    run_up_down_up(drifted)


def two_of_each() -> list[Any]:
    """Two companies with one row of everything each; the rows of the first have the number 1, the others 2."""
    return [
        row
        for number in (1, 2)
        for row in (
            MODELS.Company(id=number, name=f"Company {number}"),
            MODELS.User(id=number, company_id=number, email=f"{number}@example.com", display_name="A"),
            MODELS.Channel(id=number, company_id=number, name="all"),
            MODELS.ChannelMember(channel_id=number, user_id=number),
            MODELS.ChatMessage(id=number, company_id=number, channel_id=number, user_id=number, body="hello"),
            MODELS.Reaction(id=number, message_id=number, user_id=number, emoji="+1"),
            MODELS.Meeting(id=number, company_id=number, organizer_id=None, title="B", starts_at="2024-01-01T09:00Z"),
            MODELS.MeetingParticipant(meeting_id=number, user_id=number),
        )
    ]


# What the seed's first task lists: a parent, and the relationships whose rows go with it.
CASCADES = {
    "Company": ["users", "channels", "meetings", "chat_messages"],
    "User": ["messages", "reactions", "meeting_participants", "channel_members"],
    "Channel": ["messages", "channel_members"],
    "ChatMessage": ["reactions"],
    "Meeting": ["participants"],
}


@pytest.fixture
def upgraded(drifted: Project) -> Project:
    """The application after its revision, with rows."""
    drifted.revision()
    drifted.upgrade()
    with Session(drifted.engine) as session, session.begin():
        for row in two_of_each():
            session.add(row)
            session.flush()
    return drifted


@pytest.mark.parametrize("by", ["SQL", "ORM"])
@pytest.mark.parametrize("parent", CASCADES)
def test_what_belongs_to_a_row_goes_with_it(upgraded: Project, parent: str, by: str) -> None:
    """The seed wants a test of every relation; another company's rows stay."""
    model = getattr(MODELS, parent)
    if by == "SQL":
        upgraded.execute(f"DELETE FROM {model.__tablename__} WHERE id = 1")
    else:
        with Session(upgraded.engine) as session, session.begin():
            session.delete(session.get_one(model, 1))
    assert set(CASCADES[parent]) <= set(inspect(model).relationships.keys())
    for name in CASCADES[parent]:
        child = inspect(model).relationships[name].mapper.class_
        with Session(upgraded.engine) as session:
            left = session.query(child).all()
        assert [inspect(row).identity[0] for row in left] == [2], name


@pytest.mark.parametrize("table", ["users", "channels", "channel_members", "chat_messages", "reactions", "meetings"])
def test_a_row_without_its_parent_is_refused(upgraded: Project, table: str) -> None:
    """The seed asks that the keys keep invalid rows out."""
    column = {"channel_members": "channel_id", "reactions": "user_id"}.get(table, "company_id")
    with pytest.raises(IntegrityError, match="violates foreign key constraint"):
        upgraded.execute(f"UPDATE {table} SET {column} = 99 WHERE {column} = 1")
