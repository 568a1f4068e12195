"""Fill the empty tables with some thousand rows: ``python load.py``, the same rows in every run.

A company and five guests then leave. Nothing stops them, for the keys that would were never made, and what they
said, clicked and planned stays behind without them.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from models import Base, Channel, ChannelMember, ChatMessage, Company, Meeting, MeetingParticipant, Reaction, User
from sqlalchemy import Connection, Integer, create_engine, delete, insert, text

COMPANIES = 5
USERS_EACH = 40
CHANNELS_EACH = 8
MEMBERS_EACH = 15
MESSAGES_EACH = 60
MEETINGS_EACH = 40
PARTICIPANTS_EACH = 6

# A guest of each company writes, reacts and calls meetings; the company that shares its channels has no users here.
SHARING_COMPANY = COMPANIES + 1
SHARED_CHANNELS = 2
GUESTS = tuple(COMPANIES * USERS_EACH + number for number in range(1, COMPANIES + 1))
GUEST_MESSAGES = 4
GUEST_MEETINGS = 4

# Who is gone after the years.
GONE: dict[type[Base], tuple[int, ...]] = {Company: (SHARING_COMPANY,), User: GUESTS}

# These keys came later, NOT VALID on account of the rows that were there by then.
LATE_KEYS = (
    """
    ALTER TABLE channels ADD CONSTRAINT channels_company_id_fkey
        FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT NOT VALID
    """,
    # A meeting should not go with the user who called it, as it does here.
    """
    ALTER TABLE meetings ADD CONSTRAINT meetings_organizer_id_fkey
        FOREIGN KEY (organizer_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID
    """,
)

EMOJI = ("+1", "heart", "tada", "eyes")
FIRST_DAY = datetime(2024, 1, 1, 9, tzinfo=UTC)

Rows = dict[type[Base], list[dict[str, Any]]]


def rows() -> Rows:
    """All rows by their model, parents before children, those of :data:`GONE` included."""
    drawn: Rows = {model: [] for model in _MODELS}
    chance = random.Random(20240101)  # noqa: S311 - the same rows in every run are the point
    for company_id in range(1, COMPANIES + 1):
        drawn[Company].append({"id": company_id, "name": f"Company {company_id}"})
        users = [(company_id - 1) * USERS_EACH + number for number in range(1, USERS_EACH + 1)]
        drawn[User].extend(_user(user, company_id) for user in users)
        _draw_channels(drawn, chance, company_id, users)
        _draw_meetings(drawn, chance, company_id, users)
    drawn[User].extend(_user(guest, company_id) for company_id, guest in enumerate(GUESTS, start=1))
    _draw_what_guests_did(drawn, chance)
    _draw_shared_channels(drawn, chance)
    return drawn


def _user(user: int, company_id: int) -> dict[str, Any]:
    return {
        "id": user,
        "company_id": company_id,
        "email": f"user{user}@company{company_id}.example",
        "display_name": f"User {user}",
    }


_MODELS = (Company, User, Channel, ChannelMember, ChatMessage, Reaction, Meeting, MeetingParticipant)


def _draw_channels(drawn: Rows, chance: random.Random, company_id: int, users: list[int]) -> None:
    for number in range(CHANNELS_EACH):
        channel = len(drawn[Channel]) + 1
        drawn[Channel].append({"id": channel, "company_id": company_id, "name": f"channel-{number}"})
        members = chance.sample(users, MEMBERS_EACH)
        _draw_members(drawn, channel, members)
        _draw_messages(drawn, chance, company_id, channel, members)


def _draw_members(drawn: Rows, channel: int, members: list[int]) -> None:
    drawn[ChannelMember].extend(
        {"channel_id": channel, "user_id": user, "role": "owner" if user == members[0] else "member"}
        for user in members
    )


def _draw_messages(drawn: Rows, chance: random.Random, company_id: int, channel: int, members: list[int]) -> None:
    first = len(drawn[ChatMessage]) + 1
    for message in range(first, first + MESSAGES_EACH):
        reply_to = chance.randrange(first, message) if message > first and message % 4 == 0 else None
        _draw_message(drawn, company_id, channel, chance.choice(members), reply_to)
        _draw_reactions(drawn, chance, message, chance.sample(members, chance.randrange(4)))


def _draw_message(drawn: Rows, company_id: int, channel: int, user: int, reply_to: int | None = None) -> int:
    message = len(drawn[ChatMessage]) + 1
    drawn[ChatMessage].append(
        {
            "id": message,
            "company_id": company_id,
            "channel_id": channel,
            "user_id": user,
            "reply_to_id": reply_to,
            "body": f"Message {message} in channel {channel}",
            "sent_at": FIRST_DAY + timedelta(minutes=message),
        }
    )
    return message


def _draw_reactions(drawn: Rows, chance: random.Random, message: int, users: list[int]) -> None:
    drawn[Reaction].extend(
        {"id": reaction, "message_id": message, "user_id": user, "emoji": chance.choice(EMOJI)}
        for reaction, user in enumerate(users, start=len(drawn[Reaction]) + 1)
    )


def _draw_meetings(drawn: Rows, chance: random.Random, company_id: int, users: list[int]) -> None:
    for number in range(MEETINGS_EACH):
        invited = chance.sample(users, PARTICIPANTS_EACH)
        _draw_meeting(drawn, chance, company_id, invited[0] if number % 10 else None, invited)


def _draw_meeting(
    drawn: Rows, chance: random.Random, company_id: int, organizer: int | None, invited: list[int]
) -> None:
    meeting = len(drawn[Meeting]) + 1
    drawn[Meeting].append(
        {
            "id": meeting,
            "company_id": company_id,
            "organizer_id": organizer,
            "title": f"Meeting {meeting}",
            "starts_at": FIRST_DAY + timedelta(days=meeting % MEETINGS_EACH),
        }
    )
    drawn[MeetingParticipant].extend(
        {"meeting_id": meeting, "user_id": user, "accepted": chance.random() > 0.5}  # noqa: PLR2004 - one in two
        for user in invited
    )


def _draw_what_guests_did(drawn: Rows, chance: random.Random) -> None:
    """Messages with what others answered and clicked, reactions to messages of others, and meetings."""
    for channel in list(drawn[Channel]):
        company_id, guest = channel["company_id"], GUESTS[channel["company_id"] - 1]
        members = [row["user_id"] for row in drawn[ChannelMember] if row["channel_id"] == channel["id"]]
        for _ in range(GUEST_MESSAGES):
            message = _draw_message(drawn, company_id, channel["id"], guest)
            _draw_reactions(drawn, chance, message, chance.sample(members, chance.randrange(4)))
            reply = _draw_message(drawn, company_id, channel["id"], chance.choice(members), message)
            _draw_reactions(drawn, chance, reply, [guest])
    for company_id, guest in enumerate(GUESTS, start=1):
        users = [row["id"] for row in drawn[User] if row["company_id"] == company_id and row["id"] != guest]
        for _ in range(GUEST_MEETINGS):
            _draw_meeting(drawn, chance, company_id, guest, chance.sample(users, PARTICIPANTS_EACH))


def _draw_shared_channels(drawn: Rows, chance: random.Random) -> None:
    """Channels that another company shares with the users of ours."""
    drawn[Company].append({"id": SHARING_COMPANY, "name": f"Company {SHARING_COMPANY}"})
    for company_id in range(1, SHARED_CHANNELS + 1):
        channel = len(drawn[Channel]) + 1
        drawn[Channel].append({"id": channel, "company_id": SHARING_COMPANY, "name": f"shared-{company_id}"})
        users = [row["id"] for row in drawn[User] if row["company_id"] == company_id and row["id"] not in GUESTS]
        members = chance.sample(users, MEMBERS_EACH)
        _draw_members(drawn, channel, members)
        _draw_messages(drawn, chance, company_id, channel, members)


def left_behind() -> dict[str, list[dict[str, Any]]]:
    """The rows of each table, without those who are gone."""
    return {
        model.__tablename__: [row for row in drawn if row.get("id") not in GONE.get(model, ())]
        for model, drawn in rows().items()
    }


def load(connection: Connection) -> int:
    """Insert all rows, let the sequences go on after them, and let some go; returns how many rows there are."""
    drawn = rows()
    for model, values in drawn.items():
        connection.execute(insert(model), values)
        key = model.__table__.columns.get("id")
        if key is not None and isinstance(key.type, Integer):
            name = model.__tablename__
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": name, "last": len(values)}
            )
    for model, ids in GONE.items():
        connection.execute(delete(model).where(model.__table__.c.id.in_(ids)))
    for statement in LATE_KEYS:
        connection.execute(text(statement))
    return sum(map(len, drawn.values())) - sum(map(len, GONE.values()))


if __name__ == "__main__":
    engine = create_engine(os.environ["DATABASE_URL"])
    with engine.begin() as opened:
        print(f"{load(opened):,} rows loaded")
