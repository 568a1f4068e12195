"""The tables as they were made years ago, and what has happened to their keys since.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; no key says what becomes of a row whose parent goes."""
    _create_companies()
    _create_channels()
    _create_meetings()
    # A script that was run twice left this key behind.
    op.create_foreign_key(None, "meeting_participants", "meetings", ["meeting_id"], ["id"])


def _create_companies() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("company_id", sa.Integer(), nullable=False, index=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("display_name", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"]),
        sa.UniqueConstraint("email"),
    )


def _create_channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        # It was to get its key later, by hand: load.py does what was done then.
        sa.UniqueConstraint("company_id", "name"),
    )
    op.create_table(
        "channel_members",
        sa.Column("channel_id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), primary_key=True, index=True),
        sa.Column("role", sa.String(20), nullable=False, server_default="member"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
    )
    op.create_table(
        "chat_messages",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("company_id", sa.Integer(), nullable=False, index=True),
        sa.Column("channel_id", sa.Integer(), nullable=False, index=True),
        # Nobody noticed that this one never had a key.
        sa.Column("user_id", sa.Integer(), nullable=False, index=True),
        sa.Column("reply_to_id", sa.Integer(), nullable=True, index=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"]),
        sa.ForeignKeyConstraint(["reply_to_id"], ["chat_messages.id"], deferrable=True, initially="DEFERRED"),
    )
    op.create_table(
        "reactions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("message_id", sa.Integer(), nullable=False),
        # Nor did this one.
        sa.Column("user_id", sa.Integer(), nullable=False, index=True),
        sa.Column("emoji", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["chat_messages.id"]),
        sa.UniqueConstraint("message_id", "user_id", "emoji"),
    )


def _create_meetings() -> None:
    op.create_table(
        "meetings",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("company_id", sa.Integer(), nullable=False, index=True),
        # As the companies of channels.
        sa.Column("organizer_id", sa.Integer(), nullable=True, index=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        # The only key that somebody named.
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_meetings_company"),
    )
    op.create_table(
        "meeting_participants",
        sa.Column("meeting_id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), primary_key=True, index=True),
        sa.Column("accepted", sa.Boolean(), nullable=False, server_default="false"),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
    )


def downgrade() -> None:
    """Drop the tables, children first."""
    for table in (
        "meeting_participants",
        "meetings",
        "reactions",
        "chat_messages",
        "channel_members",
        "channels",
        "users",
        "companies",
    ):
        op.drop_table(table)
