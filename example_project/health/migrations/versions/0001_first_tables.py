"""The tables as they were made years ago: no key says what becomes of the rows of a user who goes.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from tables import DATED, KEYED_BY_USER, STAFF, TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Nobody noticed that these never had a key.
FORGOTTEN = {"login_events", "user_devices"}


def upgrade() -> None:
    """Make the tables, one like the other."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("hashed_password", sa.String(100), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False, server_default="true"),
    )
    for table in TABLES:
        op.create_table(table, *_columns(table))


def _columns(table: str) -> list[sa.Column]:
    by_user = table in KEYED_BY_USER
    key = [] if table in FORGOTTEN else [sa.ForeignKey("users.id")]
    columns = [] if by_user else [sa.Column("id", sa.Integer(), primary_key=True)]
    columns.append(sa.Column("user_id", sa.Integer(), *key, primary_key=by_user, nullable=False, index=not by_user))
    if table in STAFF:
        columns.append(sa.Column(STAFF[table], sa.Integer(), sa.ForeignKey("users.id"), index=True))
    if table in DATED:
        columns.append(sa.Column("date", sa.Date(), nullable=True))
    return [*columns, sa.Column("note", sa.String(80), nullable=True)]


def downgrade() -> None:
    """Drop the tables, the users last."""
    for table in [*TABLES, "users"]:
        op.drop_table(table)
