"""Which statement of a revision runs just now, and how it reads."""

from __future__ import annotations

import ast
from functools import cached_property
from inspect import currentframe
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """The first line of a statement, and its text on one line."""

    number: int
    text: str


class Revision:
    """A revision's file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def running_line(self) -> Line | None:
        """The statement that the caller is called from, at whatever depth; the innermost of several."""
        frame = currentframe()
        while frame is not None and frame.f_code.co_filename != self._path:
            frame = frame.f_back
        return None if frame is None else self._statement_at(frame.f_lineno)

    def _statement_at(self, number: int) -> Line:
        for first, last, text in self._statements:
            if first <= number <= last:
                return Line(first, text)
        return Line(number, "")

    @cached_property
    def _statements(self) -> list[tuple[int, int, str]]:
        """First line, last line and text of each statement; of one that holds others, of what stands above them."""
        path = Path(self._path)
        if path.suffix != ".py":
            # Compiled, without a source.
            return []
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        found = []
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.stmt):
                inner = getattr(node, "body", None)
                last = inner[0].lineno - 1 if inner else node.end_lineno
                last = max(last or 0, node.lineno)
                found.append((node.lineno, last, _on_one_line(lines[node.lineno - 1 : last])))
        # Of a statement on the line of another one, the inner one.
        return sorted(found, key=lambda statement: (statement[1] - statement[0], statement[0]))


def _on_one_line(lines: list[str]) -> str:
    text = " ".join(" ".join(lines).split())
    # Where the arguments stood on lines of their own.
    return text.replace("( ", "(").replace(", )", ")")
