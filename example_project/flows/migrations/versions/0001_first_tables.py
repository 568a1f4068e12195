"""The tables as they were made years ago: two keys to the wrong column of the master, and one that was forgotten.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MASTER = "crewai_flow_state_extensions"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        MASTER,
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False, unique=True),
        sa.Column("flow_type", sa.String(40), nullable=False),
        sa.CheckConstraint("flow_type IN ('discovery', 'assessment', 'planning')", name="ck_flow_type"),
    )
    op.create_table(
        "data_imports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("master_flow_id", sa.Uuid(), sa.ForeignKey(f"{MASTER}.id", ondelete="CASCADE")),
    )
    op.create_table(
        "raw_import_records",
        sa.Column("id", sa.Integer(), primary_key=True),
        # It was to get its key later, by hand: load.py does what was done then.
        sa.Column("master_flow_id", sa.Uuid()),
    )
    op.create_table(
        "discovery_flows",
        sa.Column("id", sa.Integer(), primary_key=True),
        # This one refers to the flow_id, and never had a key.
        sa.Column("master_flow_id", sa.Uuid(), index=True),
    )


def downgrade() -> None:
    """Drop the tables, children first."""
    for table in ("discovery_flows", "raw_import_records", "data_imports", MASTER):
        op.drop_table(table)
