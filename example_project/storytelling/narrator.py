"""Chapters, commands and claims as they appear in the terminal, and the summary of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine

# What Alembic says in every run, whatever happens.
ROUTINE = ("[alembic.runtime.plugins]", "[alembic.ddl.postgresql]", "Context impl", "Will assume transactional DDL")


class StoryBroken(Exception):  # noqa: N818 - it ends a story, and is no error of the program
    """A step failed without which the rest can't be told."""


class Narrator:
    """Tells what happens, runs Alembic as one would by hand, and keeps count of what held."""

    def __init__(self, engine: Engine, project: Path) -> None:
        self._engine = engine
        self._project = project
        self._claims: list[tuple[str, str]] = []
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """A heading."""
        self._chapters += 1
        heading = f"{self._chapters}. {title}"
        print(f"\n\n{heading}\n{'=' * len(heading)}\n", flush=True)

    def claim(self, what: str, problem: str = "") -> None:
        """Say whether ``what`` holds; ``problem`` is why not."""
        self._claims.append((what, problem))
        print(_line(what, problem), flush=True)

    def alembic(self, *arguments: str) -> None:
        """Run Alembic in the project and show what it says, without what it always says.

        Errors: :exc:`StoryBroken` where it fails.
        """
        print(f"$ alembic {subprocess.list2cmdline(arguments)}", flush=True)
        done = subprocess.run(  # noqa: S603 - the story's own commands
            [sys.executable, "-m", "alembic", *arguments],
            cwd=self._project,
            env={**os.environ, "DATABASE_URL": self._engine.url.render_as_string(hide_password=False)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown = [
            line.replace(str(self._project), ".")
            for line in done.stdout.splitlines()
            if done.returncode or not any(routine in line for routine in ROUTINE)
        ]
        print("".join(f"  {line}\n" for line in shown), flush=True)
        if done.returncode:
            self.claim(f"alembic {arguments[0]}", f"exit code {done.returncode}")
            raise StoryBroken

    def summary(self) -> int:
        """Say how all of it went; returns the exit code."""
        self.chapter("Summary")
        for what, problem in self._claims:
            print(_line(what, problem))
        failed = sum(bool(problem) for _, problem in self._claims)
        if failed or not self._claims:
            print(f"\n{failed} of {len(self._claims)} did not hold.")
            return 1
        print(f"\nAll {len(self._claims)} held.")
        return 0


def _line(what: str, problem: str) -> str:
    return f"FAILED  {what}: {problem}" if problem else f"ok      {what}"
