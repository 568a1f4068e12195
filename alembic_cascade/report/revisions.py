"""The revisions that a report tells of, as their files have them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Revision:
    """A revision of a project; ``text`` is what its file holds, None where there is no source of it."""

    revision: str
    message: str
    text: str | bytes | None

    @cached_property
    def tree(self) -> ast.Module | None:
        """The text, parsed; None where it is no Python."""
        try:
            return None if self.text is None else ast.parse(self.text)
        except (SyntaxError, ValueError):
            return None

    @property
    def concurrent(self) -> bool:
        """Whether the text says that it runs outside of a transaction."""
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "begin_concurrently"
            for node in (() if self.tree is None else ast.walk(self.tree))
        )

    @property
    def reversible(self) -> bool:
        """Whether there is a downgrade that does something, or nothing that it could take back."""
        if self.tree is None:
            return True
        functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return _does_something(functions.get("downgrade")) or not _does_something(functions.get("upgrade"))


@dataclass(frozen=True)
class Range:
    """The revisions to tell of, the first one first, between two versions; ``pending`` is what the database lacks.

    ``alone`` is whether no other branch of revisions begins before its end. ``history`` gives the revisions
    before them, and is asked where one of them drops a key by its name alone.
    """

    before: str | None
    after: str | None
    revisions: tuple[Revision, ...] = ()
    pending: bool = False
    alone: bool = True
    history: Callable[[], Sequence[Revision]] = field(default=tuple, compare=False)


def _does_something(function: ast.FunctionDef | None) -> bool:
    statements = [] if function is None else function.body
    return any(
        not isinstance(one, ast.Pass | ast.Raise)
        and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in statements
    )
