"""Whether ``users.last_active`` and ``channels.last_message_at`` are what they are to be."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text
from storytelling.rolling_back import rolled_back

FIELDS = ("users.last_active", "channels.last_message_at")

_NULLABLE = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND is_nullable = 'YES' AND data_type = 'timestamp with time zone'
"""
# What the messages say, against what the channels do.
_WRONG = """
SELECT count(*) FROM channels
WHERE last_message_at IS DISTINCT FROM (SELECT max(sent_at) FROM chat_messages WHERE channel_id = channels.id)
"""
_NEW_MESSAGE = """
INSERT INTO chat_messages (company_id, channel_id, user_id, body, sent_at)
SELECT company_id, id, (SELECT min(user_id) FROM channel_members WHERE channel_id = channels.id), 'new', '2030-01-01Z'
FROM channels WHERE id = 10
"""


def lifecycle_problem(engine: Engine) -> str:
    """What is wrong with the columns, in the catalogue, in the rows of old, and when something happens."""
    with rolled_back(engine) as connection:
        return "; ".join(filter(None, _problems(connection)))


def _problems(connection: Connection) -> list[str]:
    nullable = set(connection.scalars(text(_NULLABLE)))
    problems = [f"{field} is missing or not nullable" for field in FIELDS if field not in nullable]
    if problems:
        return problems
    return [
        _told(connection, _WRONG, "channels don't have the time of their last message"),
        _told(connection, "SELECT count(*) FROM users WHERE last_active IS NOT NULL", "users have an invented time"),
        _after_a_message(connection),
    ]


def _told(connection: Connection, count: str, what: str) -> str:
    found = connection.scalar(text(count))
    return f"{found} {what}" if found else ""


def _after_a_message(connection: Connection) -> str:
    connection.execute(text(_NEW_MESSAGE))
    told = _told(connection, _WRONG, "channels don't have the time of a new message")
    moved = connection.scalar(text("SELECT last_message_at = '2030-01-01Z' FROM channels WHERE id = 10"))
    return told or ("" if moved else "a new message moves nothing")
