"""The example project as a user has it: commands run in a copy of it, on the database of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

EXAMPLE = Path(__file__).parents[2] / "example_project" / "collaboration"
ALEMBIC = (sys.executable, "-m", "alembic.config")


@dataclass
class Example:
    """A copy of the project, with the environment of its commands."""

    path: Path
    url: URL
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(EXAMPLE, self.path, ignore=shutil.ignore_patterns("__pycache__"))
        self.environment = {**os.environ, "DATABASE_URL": self.url.render_as_string(hide_password=False)}

    def run(self, *command: str) -> str:
        """What a command that succeeds prints."""
        return subprocess.run(
            command, cwd=self.path, env=self.environment, check=True, capture_output=True, text=True, timeout=300
        ).stdout

    def plan(self) -> None:
        """Write the revision of the cascades, which is yet to be run."""
        self.run(*ALEMBIC, "revision", "--autogenerate", "-m", "cascade rules", "--rev-id", "0002")
