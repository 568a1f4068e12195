"""The tables as ``schema.sql`` has them: no key says what becomes of a row whose parent goes, and two are missing.

Revision ID: 0001
Revises:
"""

import re
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema.sql"


def upgrade() -> None:
    """Run the file, statement by statement."""
    text = re.sub(r"^--.*$", "", SCHEMA.read_text(), flags=re.MULTILINE)
    for statement in text.split(";"):
        if statement.strip():
            op.execute(statement.strip())


def downgrade() -> None:
    """Drop the tables, children first."""
    for table in ("threads", "sessions", "boardrooms", "users"):
        op.drop_table(table)
