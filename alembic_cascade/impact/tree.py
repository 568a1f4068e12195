"""A prediction as trees: below each table the keys by which other rows refer to those of it that go or change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.impact.prediction import KeyImpact, Prediction, TableImpact


@dataclass(frozen=True)
class Branch:
    """What a key does, and what follows from it; ``shown_before`` where that stands at another key of the table."""

    key: KeyImpact
    path: tuple[str, ...]
    below: tuple[Branch, ...]
    shown_before: bool


@dataclass(frozen=True)
class Tree:
    """A table that the DELETE itself takes rows of: the one named, or one that inherits from it."""

    table: TableImpact
    branches: tuple[Branch, ...]

    def walk(self) -> Iterator[Branch]:
        """Each branch, before those below it."""
        pending = list(reversed(self.branches))
        while pending:
            branch = pending.pop()
            yield branch
            pending.extend(reversed(branch.below))


def trees(prediction: Prediction) -> tuple[Tree, ...]:
    """Each key stands at every table whose rows it acts for; what follows from a table's rows is told once."""
    following: dict[tuple[TableName, bool], list[KeyImpact]] = defaultdict(list)
    for key in prediction.keys:
        following[key.parent, key.on_update].append(key)
    told: set[tuple[TableName, bool]] = set()

    def below(table: TableName, path: tuple[str, ...], *, changed: bool) -> tuple[Branch, ...]:
        told.add((table, changed))
        return tuple(branch(key, (*path, key.name)) for key in following[table, changed])

    def branch(key: KeyImpact, path: tuple[str, ...]) -> Branch:
        after = (key.table, not key.removes)
        if not key.fires or key.effect == "checked" or not following[after]:
            return Branch(key, path, (), shown_before=False)
        if after in told:
            return Branch(key, path, (), shown_before=key.table != key.parent)
        return Branch(key, path, below(key.table, path, changed=not key.removes), shown_before=False)

    roots = [each for each in prediction.tables if each.deleted]
    return tuple(Tree(each, below(each.table, (), changed=False)) for each in roots)
