"""A table that somebody adds later, and forgets the rule of."""

from __future__ import annotations

import sys
from pathlib import Path

from storytelling.checking import failed
from storytelling.stage import Stage

NEW_TABLE = """

class SleepRawData(Base):
    __tablename__ = "sleep_raw_data"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
"""
AUDIT = ("audit", "--models-only", "--rule", "on-delete-policy")


def cover_a_new_table(stage: Stage) -> None:
    """The settings of env.py mean it without naming it: CI stops what lacks the rule."""
    stage.narrator.chapter("A new table, without the rule")
    path = stage.project / "models.py"
    text = path.read_text()
    _use(path, text + NEW_TABLE)
    said = stage.narrator.alembic_cascade(*AUDIT, "--fail-on", "info").output
    right = "on-delete-policy  sleep_raw_data.user_id -> users.id" in said and "\n1 warning\n" in said
    stage.narrator.claim("policy: the key of a new table is found", "" if right else "it is not the one finding")
    _use(path, text + NEW_TABLE.replace('"users.id")', '"users.id", ondelete="CASCADE")'))
    ran = stage.narrator.alembic_cascade(*AUDIT, "--fail-on", "info")
    stage.narrator.claim("policy: nothing is found once it has its CASCADE", failed(ran))
    _use(path, text)


def _use(path: Path, text: str) -> None:
    """Let the next command import other models; those of this story stay with whoever has them."""
    path.write_text(text)
    sys.modules.pop("models", None)
