"""What the promised rules make of rows when one of them is deleted."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from alembic_cascade.foreign_keys import Action
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.statements import Values, same

SETTING = {"SET NULL", "SET DEFAULT"}


@dataclass(frozen=True)
class Rule:
    """What a key promises. ``defaults`` are those of its columns, as far as they are not NULL."""

    label: str
    child: int
    parent: int
    pairs: tuple[tuple[str, str], ...]
    ondelete: Action
    enforced: bool = True
    defaults: Values = field(default_factory=dict, hash=False)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(local for local, _ in self.pairs)

    @property
    def refuses(self) -> bool:
        return self.ondelete.rule not in {"CASCADE", *SETTING}

    @property
    def changes(self) -> Values:
        """What the row is given in the place of its reference."""
        if self.ondelete.rule not in SETTING:
            return {}
        defaults = self.defaults if self.ondelete.rule == "SET DEFAULT" else {}
        return {column: defaults.get(column) for column in self.ondelete.columns or self.columns}

    def leads(self, child: Values, parent: Values) -> bool:
        """Whether one row refers to the other by the key."""
        return all(same(child.get(ours), parent.get(theirs)) for ours, theirs in self.pairs)


@dataclass(frozen=True)
class Foreseen:
    """``gone`` rows, the ``changed`` with what they are given, and the rules by which the delete is refused."""

    gone: frozenset[Row]
    changed: Mapping[Row, Values]
    refusing: tuple[Rule, ...]

    def fate(self, row: Row) -> Values | None:
        """None for a row that goes, else what it is given: nothing, if it stays as it is."""
        return None if row in self.gone else self.changed.get(row, {})


def foreseen(rows: Sequence[Row], doomed: Row, rules: Iterable[Rule]) -> Foreseen:
    """What a delete of the ``doomed`` row does to ``rows`` by these rules.

    Triggers fire in rounds: those of a row after those of the row that took it along. A key that refuses looks when its
    trigger fires; what goes in that very round goes before that or after it, and is taken to be there still.
    https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
    """
    by_parent: dict[int, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.enforced:
            by_parent[rule.parent].append(rule)
    by_table: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_table[row.table.oid].append(row)
    rounds, changed = {doomed: 0}, dict[Row, dict[str, str | None]]()
    checked: list[tuple[Rule, Row, int]] = []
    pending = deque([doomed])
    while pending:
        parent = pending.popleft()
        referring = ((rule, row) for rule in by_parent[parent.table.oid] for row in by_table[rule.child])
        for rule, row in referring:
            if not rule.leads(row.values, parent.values):
                continue
            if rule.refuses:
                checked.append((rule, row, rounds[parent]))
            elif rule.changes:
                changed.setdefault(row, {}).update(rule.changes)
            elif row not in rounds:
                rounds[row] = rounds[parent] + 1
                pending.append(row)
    refusing = [rule for rule, row, now in checked if rounds.get(row, now + 1) > now]
    return Foreseen(frozenset(rounds), changed, tuple(dict.fromkeys(refusing)))
