"""Fill the empty tables with some ten thousand rows: ``python load.py``, the same rows in every run."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from models import Base, Channel, ChannelMember, ChatMessage, Company, Meeting, MeetingParticipant, Reaction, User
from sqlalchemy import Connection, Integer, create_engine, insert, text

COMPANIES = 5
USERS_EACH = 40
CHANNELS_EACH = 12
MEMBERS_EACH = 15
MESSAGES_EACH = 180
MEETINGS_EACH = 60
PARTICIPANTS_EACH = 6

EMOJI = ("+1", "heart", "tada", "eyes")
FIRST_DAY = datetime(2024, 1, 1, 9, tzinfo=UTC)

Rows = dict[type[Base], list[dict[str, Any]]]


def rows() -> Rows:
    """All rows by their model, parents before children; no row refers to another company's."""
    drawn: Rows = {model: [] for model in _MODELS}
    chance = random.Random(20240101)  # noqa: S311 - the same rows in every run are the point
    for company_id in range(1, COMPANIES + 1):
        drawn[Company].append({"id": company_id, "name": f"Company {company_id}"})
        users = [(company_id - 1) * USERS_EACH + number for number in range(1, USERS_EACH + 1)]
        drawn[User].extend(
            {
                "id": user,
                "company_id": company_id,
                "email": f"user{user}@company{company_id}.example",
                "display_name": f"User {user}",
            }
            for user in users
        )
        _draw_channels(drawn, chance, company_id, users)
        _draw_meetings(drawn, chance, company_id, users)
    return drawn


_MODELS = (Company, User, Channel, ChannelMember, ChatMessage, Reaction, Meeting, MeetingParticipant)


def _draw_channels(drawn: Rows, chance: random.Random, company_id: int, users: list[int]) -> None:
    for number in range(CHANNELS_EACH):
        channel = len(drawn[Channel]) + 1
        drawn[Channel].append({"id": channel, "company_id": company_id, "name": f"channel-{number}"})
        members = chance.sample(users, MEMBERS_EACH)
        drawn[ChannelMember].extend(
            {"channel_id": channel, "user_id": user, "role": "owner" if user == members[0] else "member"}
            for user in members
        )
        _draw_messages(drawn, chance, company_id, channel, members)


def _draw_messages(drawn: Rows, chance: random.Random, company_id: int, channel: int, members: list[int]) -> None:
    first = len(drawn[ChatMessage]) + 1
    for message in range(first, first + MESSAGES_EACH):
        drawn[ChatMessage].append(
            {
                "id": message,
                "company_id": company_id,
                "channel_id": channel,
                "user_id": chance.choice(members),
                "reply_to_id": chance.randrange(first, message) if message > first and message % 4 == 0 else None,
                "body": f"Message {message} in channel {channel}",
                "sent_at": FIRST_DAY + timedelta(minutes=message),
            }
        )
        first_reaction = len(drawn[Reaction]) + 1
        drawn[Reaction].extend(
            {"id": reaction, "message_id": message, "user_id": user, "emoji": chance.choice(EMOJI)}
            for reaction, user in enumerate(chance.sample(members, chance.randrange(4)), start=first_reaction)
        )


def _draw_meetings(drawn: Rows, chance: random.Random, company_id: int, users: list[int]) -> None:
    for number in range(MEETINGS_EACH):
        meeting = len(drawn[Meeting]) + 1
        invited = chance.sample(users, PARTICIPANTS_EACH)
        drawn[Meeting].append(
            {
                "id": meeting,
                "company_id": company_id,
                "organizer_id": invited[0] if number % 10 else None,
                "title": f"Meeting {meeting}",
                "starts_at": FIRST_DAY + timedelta(days=number),
            }
        )
        drawn[MeetingParticipant].extend(
            {"meeting_id": meeting, "user_id": user, "accepted": chance.random() > 0.5}  # noqa: PLR2004 - one in two
            for user in invited
        )


def load(connection: Connection) -> int:
    """Insert all rows, let the sequences go on after them, and return how many rows there are."""
    drawn = rows()
    for model, values in drawn.items():
        connection.execute(insert(model), values)
        key = model.__table__.columns.get("id")
        if key is not None and isinstance(key.type, Integer):
            name = model.__tablename__
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": name, "last": len(values)}
            )
    return sum(map(len, drawn.values()))


if __name__ == "__main__":
    engine = create_engine(os.environ["DATABASE_URL"])
    with engine.begin() as opened:
        print(f"{load(opened):,} rows loaded")
