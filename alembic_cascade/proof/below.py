"""Rows that are to go, or to lose their reference, with another one: one by each key, and so on from there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from alembic_cascade.proof.foresight import Rule, foreseen
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.rows import Row


def make_below(ground: Ground, rules: Sequence[Rule], doomed: Row, start: Row) -> None:
    """Make what goes with ``start`` when the ``doomed`` row is deleted, but below tables where that has been shown.

    A row that another key would refuse to let go is not made, nor one that can't be: each key has a proof of its own.
    """
    maker = ground.maker

    def made_if_it_may_go(rule: Rule, parent: Row) -> Row | None:
        with suppress(CannotMake), maker.tentatively() as attempt:
            row = _referring(ground, rule, parent)
            plan = foreseen(maker.made, doomed, rules)
            attempt.kept = not plan.refusing and rule.leads(row.values, parent.values)
            return row if attempt.kept and row in plan.gone else None
        return None

    # Usually all may go. To look at each one takes long.
    with suppress(CannotMake), maker.tentatively() as attempt:
        _make_rows(ground, rules, start, lambda rule, parent: _referring(ground, rule, parent))
        attempt.kept = not foreseen(maker.made, doomed, rules).refusing
        if attempt.kept:
            return
    _make_rows(ground, rules, start, made_if_it_may_go)


def _make_rows(ground: Ground, rules: Sequence[Rule], start: Row, make: Callable[[Rule, Row], Row | None]) -> None:
    """Let ``make`` make a row by each key that would let it go or lose its reference, and so on from those that go."""
    by_parent: dict[int, list[Rule]] = {}
    for rule in rules:
        if rule.enforced and not rule.refuses:
            by_parent.setdefault(rule.parent, []).append(rule)
    done: set[Rule] = set()
    pending = deque([start])
    while pending:
        parent = pending.popleft()
        for rule in () if parent.table.oid in ground.shown else by_parent.get(parent.table.oid, ()):
            if rule not in done:
                done.add(rule)
                row = make(rule, parent)
                if row is not None and rule.ondelete.rule == "CASCADE":
                    pending.append(row)


def _referring(ground: Ground, rule: Rule, parent: Row) -> Row:
    """A row that refers to the parent by the key.

    Errors: :exc:`.CannotMake`.
    """
    table = ground.catalogue.tables[rule.child]
    row = ground.maker.row(table, {ours: parent.values[theirs] for ours, theirs in rule.pairs})
    make_default(ground, rule, row, parent)
    return row


def make_default(ground: Ground, rule: Rule, child: Row, parent: Row) -> None:
    """Make what SET DEFAULT is going to refer to, if it is not there.

    Errors: :exc:`.CannotMake`.
    """
    if rule.ondelete.rule == "SET DEFAULT":
        after = {**child.values, **rule.changes}
        wanted = {theirs: after[ours] for ours, theirs in rule.pairs}
        if all(value is not None for value in wanted.values()):
            ground.maker.existing_or_new(parent.table, wanted)
