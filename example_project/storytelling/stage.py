"""Where a story is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from storytelling.narrator import Narrator


@dataclass(frozen=True)
class Stage:
    """Who tells it, its database, the copy of its project that is the working directory, and where its report goes."""

    narrator: Narrator
    engine: Engine
    project: Path
    report: Path
