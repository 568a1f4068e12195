"""A table that somebody adds later, and forgets the rule of."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from storytelling import commands
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
    found = json.loads(commands.alembic_cascade(*AUDIT, "--format", "json").output)["findings"]
    stage.narrator.alembic_cascade(*AUDIT, "--fail-on", "info")
    targets = [finding["target"] for finding in found]
    right = targets == ["sleep_raw_data.user_id -> users.id"]
    stage.narrator.claim("policy: the key of a new table is found", "" if right else f"instead: {targets}")
    _use(path, text + NEW_TABLE.replace('"users.id")', '"users.id", ondelete="CASCADE")'))
    ran = stage.narrator.alembic_cascade(*AUDIT, "--fail-on", "info")
    stage.narrator.claim(
        "policy: nothing is found once it has its CASCADE", f"exit code {ran.code}" if ran.code else ""
    )
    _use(path, text)


def _use(path: Path, text: str) -> None:
    """Let the next command import other models; those of this story stay with whoever has them."""
    path.write_text(text)
    sys.modules.pop("models", None)
