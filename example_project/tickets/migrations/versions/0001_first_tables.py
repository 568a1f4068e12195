"""The tables as they were made years ago: no key says what becomes of a row whose parent goes, and some are missing.

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
    """Make the tables; tickets and attachments refer to each other."""
    op.create_table("sessions", _uuid("id", primary_key=True))
    op.create_table("jira_auth_tokens", sa.Column("jira_user_id", sa.String(255), primary_key=True))
    for table in ("session_tasks", "session_validations", "jira_project_context"):
        op.create_table(table, _uuid("session_id", "sessions.id", primary_key=True))
    op.create_table("audit_log", _uuid("id", primary_key=True), _uuid("session_id"))
    # Nobody noticed that these never had a key.
    op.create_table("uploaded_files", _uuid("id", primary_key=True), _uuid("session_id", nullable=False))
    _create_tickets()
    op.create_table(
        "session_errors",
        _uuid("id", primary_key=True),
        _uuid("session_id", "sessions.id", nullable=False),
        _uuid("related_file_id", "uploaded_files.id"),
        _uuid("related_ticket_id"),
    )


def _create_tickets() -> None:
    op.create_table(
        "tickets",
        _uuid("id", primary_key=True),
        _uuid("session_id", "sessions.id", nullable=False),
        # It was never filled.
        _uuid("attachment_id"),
    )
    op.create_table(
        "attachments",
        _uuid("id", primary_key=True),
        _uuid("session_id", "sessions.id", nullable=False),
        _uuid("ticket_id", "tickets.id", nullable=False),
    )
    op.create_foreign_key("fk_tickets_attachment", "tickets", "attachments", ["attachment_id"], ["id"])
    op.create_table(
        "ticket_dependencies",
        _uuid("ticket_id", "tickets.id", primary_key=True),
        _uuid("depends_on_ticket_id", "tickets.id", primary_key=True),
        sa.Column("created_at", sa.DateTime(), nullable=True),
    )


def _uuid(name: str, parent: str | None = None, **options: bool) -> sa.Column:
    keys = [] if parent is None else [sa.ForeignKey(parent)]
    return sa.Column(name, sa.UUID(), *keys, **options)


def downgrade() -> None:
    """Drop the tables, children first."""
    op.drop_constraint("fk_tickets_attachment", "tickets", type_="foreignkey")
    for table in (
        "session_errors",
        "ticket_dependencies",
        "attachments",
        "tickets",
        "uploaded_files",
        "audit_log",
        "jira_project_context",
        "session_validations",
        "session_tasks",
        "jira_auth_tokens",
        "sessions",
    ):
        op.drop_table(table)
