"""The way of a delete from table to table, along the keys with CASCADE."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush

from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import ForeignKey, TableName

Path = tuple[AuditedKey, ...]


@dataclass(frozen=True)
class Ways:
    """Ways to one table: how long they are, by the table that they begin at, and the first step of each."""

    lengths: dict[TableName, int]
    _first: dict[TableName, AuditedKey]
    _child: Callable[[AuditedKey], TableName]

    def path(self, start: TableName) -> Path:
        """The whole way."""
        steps = []
        while self.lengths[start]:
            steps.append(self._first[start])
            start = self._child(steps[-1])
        return tuple(steps)


class Cascades:
    """The CASCADE keys of a subject between different tables, as their models have them, else the database.

    A key that is NOT ENFORCED does nothing.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._longest: dict[TableName, Ways] = {}
        self._shortest: dict[TableName, Ways] = {}
        found: dict[TableName, list[AuditedKey]] = {}
        for key in subject.keys:
            if key.key.ondelete.rule == "CASCADE" and key.key.enforced and self.child(key) != self.parent(key):
                found.setdefault(self.parent(key), []).append(key)
        self._steps = {table: sorted(keys, key=lambda key: key.key.sort_key) for table, keys in found.items()}

    def child(self, key: AuditedKey) -> TableName:
        """The table that the key stands on."""
        return self._subject.canonical(key.key.source)

    def parent(self, key: AuditedKey) -> TableName:
        """The table that the key refers to."""
        return self._subject.canonical(key.key.parent)

    def tables(self, path: Sequence[AuditedKey]) -> str:
        """The way in words: ``users -> posts -> comments``."""
        return " -> ".join(map(str, (self.parent(path[0]), *(self.child(key) for key in path))))

    @cached_property
    def cycles(self) -> list[Path]:
        """One cycle of each group of tables that reach each other: the shortest through its first table."""
        groups = {_sorted(group)[0]: group for group in self._groups if len(group) > 1}
        return [self._round(first, groups[first]) for first in _sorted(groups)]

    def _round(self, start: TableName, group: frozenset[TableName]) -> Path:
        pending: deque[tuple[TableName, Path]] = deque([(start, ())])
        seen: set[TableName] = set()
        while pending:
            table, path = pending.popleft()
            for key in self._steps.get(table, ()):
                child = self.child(key)
                if child == start:
                    return (*path, key)
                if child in group and child not in seen:
                    seen.add(child)
                    pending.append((child, (*path, key)))
        raise AssertionError

    @cached_property
    def _groups(self) -> list[frozenset[TableName]]:
        """The tables in groups of those that reach each other, each before those that it reaches.

        Kosaraju's way: https://en.wikipedia.org/wiki/Kosaraju%27s_algorithm
        """
        back: dict[TableName, list[TableName]] = {}
        for table, keys in self._steps.items():
            for key in keys:
                back.setdefault(self.child(key), []).append(table)
        forth = {table: [self.child(key) for key in keys] for table, keys in self._steps.items()}
        last_first = list(_finished(_sorted({*forth, *back}), forth))[::-1]
        groups, taken = [], set[TableName]()
        for start in last_first:
            group = set(_finished([start], back, taken))
            if group:
                groups.append(frozenset(group))
        return groups

    @cached_property
    def _back(self) -> dict[TableName, list[AuditedKey]]:
        """The steps that lead to a table from outside of its group: by these, no delete comes back to where it was."""
        group = {table: number for number, tables in enumerate(self._groups) for table in tables}
        found: dict[TableName, list[AuditedKey]] = {}
        for table in _sorted(self._steps):
            for key in self._steps[table]:
                if group[self.child(key)] != group[table]:
                    found.setdefault(self.child(key), []).append(key)
        return found

    @cached_property
    def _ranks(self) -> dict[TableName, int]:
        """The tables, each after those that it reaches."""
        ordered = (table for group in reversed(self._groups) for table in _sorted(group))
        return {table: rank for rank, table in enumerate(ordered)}

    @cached_property
    def refusing(self) -> dict[TableName, list[AuditedKey]]:
        """The keys that are checked too early, by the tables from which a delete reaches their children too late."""
        found: dict[TableName, list[AuditedKey]] = {}
        for key in self._subject.keys:
            for table in self.too_late(key):
                found.setdefault(table, []).append(key)
        return found

    def too_late(self, key: AuditedKey) -> list[TableName]:
        """The tables from which a delete reaches the key's child by CASCADE no sooner than the key is checked."""
        if not refuses(key.key) or self.child(key) == self.parent(key):
            return []
        to_child, to_parent = self.longest_to(self.child(key)), self.shortest_to(self.parent(key))
        return [table for table, steps in to_parent.lengths.items() if to_child.lengths.get(table, 0) > steps]

    def longest_to(self, target: TableName) -> Ways:
        """The longest way to ``target`` from each table that it is reached from; none of them goes round a cycle."""
        if target not in self._longest:
            self._longest[target] = self._ways(target, operator.gt)
        return self._longest[target]

    def shortest_to(self, target: TableName) -> Ways:
        """The shortest way to ``target`` from each table that it is reached from; none of them goes round a cycle."""
        if target not in self._shortest:
            self._shortest[target] = self._ways(target, operator.lt)
        return self._shortest[target]

    def _ways(self, target: TableName, better: Callable[[int, int], bool]) -> Ways:
        lengths, first = {target: 0}, dict[TableName, AuditedKey]()
        pending = [(self._ranks.get(target, 0), target)]
        while pending:
            _, table = heappop(pending)
            for key in self._back.get(table, ()):
                parent, length = self.parent(key), lengths[table] + 1
                if parent not in lengths:
                    heappush(pending, (self._ranks[parent], parent))
                if parent not in lengths or better(length, lengths[parent]):
                    lengths[parent], first[parent] = length, key
        return Ways(lengths, first, self.child)


def refuses(key: ForeignKey) -> bool:
    """Whether it is checked right after the delete of a parent; only NO ACTION can be deferred."""
    rule = key.ondelete.rule
    return key.enforced and (rule == "RESTRICT" or (rule == "NO ACTION" and not key.deferred))


def _sorted(tables: Iterable[TableName]) -> list[TableName]:
    return sorted(tables, key=lambda table: table.sort_key)


def _finished(
    starts: Iterable[TableName], graph: dict[TableName, list[TableName]], entered: set[TableName] | None = None
) -> Iterator[TableName]:
    """The tables reached from ``starts`` and not yet entered, each after those that it reaches."""
    entered = set() if entered is None else entered
    for start in starts:
        # A stack instead of recursion: a chain of a thousand tables is deeper than Python's limit.
        stack = [] if start in entered else [(start, iter(graph.get(start, ())))]
        entered.add(start)
        while stack:
            table, following = stack[-1]
            onward = next((other for other in following if other not in entered), None)
            if onward is None:
                stack.pop()
                yield table
            else:
                entered.add(onward)
                stack.append((onward, iter(graph.get(onward, ()))))
