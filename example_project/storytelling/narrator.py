"""Chapters, commands and claims as they appear in the terminal, and the summary of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from storytelling import commands
from storytelling.commands import Ran


class StoryBroken(Exception):  # noqa: N818 - it ends a story, and is no error of the program
    """A step failed without which the rest can't be told."""


class Narrator:
    """Tells what happens, runs commands as one would by hand, and keeps count of what held."""

    def __init__(self) -> None:
        self._claims: list[tuple[str, str]] = []
        self._chapters = 0
        self.last = Ran(0, "")

    def chapter(self, title: str) -> None:
        """A heading."""
        self._chapters += 1
        heading = f"{self._chapters}. {title}"
        print(f"\n\n{heading}\n{'=' * len(heading)}\n", flush=True)

    def claim(self, what: str, problem: str = "") -> None:
        """Say whether ``what`` holds; ``problem`` is why not."""
        self._claims.append((what, problem))
        print(_line(what, problem), flush=True)

    def problem_of(self, beginning: str) -> str:
        """What did not hold of all that was claimed so far with this beginning."""
        claimed = [(what, problem) for what, problem in self._claims if what.startswith(beginning)]
        if not claimed:
            return f"nothing was claimed of {beginning!r}"
        return "; ".join(f"{what}: {problem}" for what, problem in claimed if problem)

    def alembic(self, *arguments: str, most_lines: int | None = None) -> Ran:
        """Run Alembic in the project and show what it says, or so many lines of it.

        Errors: :exc:`StoryBroken` where it fails.
        """
        ran = self._show("alembic", commands.alembic, arguments, most_lines)
        if ran.code:
            self.claim(f"alembic {arguments[0]}", f"exit code {ran.code}")
            raise StoryBroken
        return ran

    def alembic_cascade(self, *arguments: str, most_lines: int | None = None) -> Ran:
        """Likewise ``alembic-cascade``, whose exit code tells of what it found."""
        return self._show("alembic-cascade", commands.alembic_cascade, arguments, most_lines)

    def _show(self, program: str, run: commands.Command, arguments: tuple[str, ...], most_lines: int | None) -> Ran:
        here = f"{Path.cwd()}/"
        print(f"$ {program} {subprocess.list2cmdline(arguments)}".replace(here, ""), flush=True)
        ran = run(*arguments)
        self.last = ran
        lines = ran.output.replace(here, "").splitlines()
        self.show(lines, None if ran.code else most_lines)
        return ran

    def show(self, lines: list[str], most_lines: int | None = None) -> None:
        """Print lines, indented."""
        for line in lines[:most_lines]:
            print(f"  {line}".rstrip())
        left_out = len(lines) - len(lines[:most_lines])
        print(f"  ... and {left_out} lines more\n" if left_out else "", flush=True)

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
