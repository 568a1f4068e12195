"""Rows that are to go, or to lose their reference, with another one: one by each key, and so on from there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from alembic_cascade.proof.foresight import Rule, foreseen
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.making import Row
from alembic_cascade.proof.refusals import CannotMake


def make_below(ground: Ground, rules: Iterable[Rule], doomed: Row, start: Row) -> None:
    """Make what goes with ``start`` when the ``doomed`` row is deleted, but below tables where that has been shown.

    A row that another key would refuse to let go is not made, nor one that can't be: each key has a proof of its own.
    """
    by_parent: dict[int, list[Rule]] = {}
    for rule in rules:
        if rule.enforced and not rule.refuses:
            by_parent.setdefault(rule.parent, []).append(rule)
    done: set[Rule] = set()
    pending = deque([start])
    while pending:
        parent = pending.popleft()
        if parent.table.oid in ground.shown:
            continue
        for rule in by_parent.get(parent.table.oid, ()):
            if rule not in done:
                done.add(rule)
                row = _made(ground, rules, rule, doomed, parent)
                pending += [] if row is None else [row]


def _made(ground: Ground, rules: Iterable[Rule], rule: Rule, doomed: Row, parent: Row) -> Row | None:
    """The row that refers to the parent by the key, if it goes with it; None where it stays, or there is none."""
    maker = ground.maker
    with maker.tentatively() as attempt:
        try:
            table = ground.catalogue.tables[rule.child]
            row = maker.row(table, {ours: parent.values[theirs] for ours, theirs in rule.pairs})
            make_default(ground, rule, row, parent)
        except CannotMake:
            return None
        plan = foreseen(maker.made, doomed, rules)
        attempt.kept = not plan.refusing and rule.leads(row.values, parent.values)
        return row if attempt.kept and row in plan.gone else None


def make_default(ground: Ground, rule: Rule, child: Row, parent: Row) -> None:
    """Make what SET DEFAULT is going to refer to, if it is not there.

    Errors: :exc:`.CannotMake`.
    """
    if rule.ondelete.rule == "SET DEFAULT":
        after = {**child.values, **rule.changes}
        wanted = {theirs: after[ours] for ours, theirs in rule.pairs}
        if all(value is not None for value in wanted.values()):
            ground.maker.existing_or_new(parent.table, wanted)
