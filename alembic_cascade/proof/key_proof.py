"""The proof of one foreign key: rows are made, an orphan is tried, the parent is deleted, and all is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import constraint, sqlstate
from alembic_cascade.foreign_keys import NO_ACTION
from alembic_cascade.proof.below import make_below, make_default
from alembic_cascade.proof.deleting import (
    GONE,
    REFUSED,
    STAYS,
    Happened,
    becomes,
    delete_row,
    deletion_by_sql,
    happening,
    words,
)
from alembic_cascade.proof.foresight import Foreseen, Rule, foreseen
from alembic_cascade.proof.ground import Ground, Promise
from alembic_cascade.proof.refusals import FOREIGN_KEY_VIOLATIONS, CannotMake, said
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.statements import Values, all_equal, change, count, orphan
from alembic_cascade.proof.watching import condition
from alembic_cascade.sql.quoting import verbatim

NOT_ENFORCED = "nothing, NOT ENFORCED"


@dataclass(frozen=True)
class Finding:
    """What happened, and in which respects it was not as promised."""

    happened: str
    problems: tuple[str, ...]


def promised(rule: Rule) -> str:
    """What a key promises, in a few words."""
    if not rule.enforced:
        return NOT_ENFORCED
    if rule.refuses:
        return REFUSED
    return words(rule.changes) if rule.changes else GONE


def prove_key(ground: Ground, promise: Promise, rules: Sequence[Rule]) -> Finding:
    """Try what the key promises; ``rules`` are those of all keys.

    Errors: :exc:`.CannotMake` where it can't be told.
    """
    ground.maker.prepare([promise.parent, promise.child])
    with ground.maker.rolled_back():
        return _KeyProof(ground, promise, rules).finding()


class _KeyProof:
    def __init__(self, ground: Ground, promise: Promise, rules: Sequence[Rule]) -> None:
        self._ground = ground
        self._maker = ground.maker
        self._connection = ground.connection
        self._promise = promise
        self._rule = promise.rule
        self._rules = rules

    def finding(self) -> Finding:
        parent = self._maker.row(self._promise.parent)
        child = self._maker.row(self._promise.child, self._referring_to(parent))
        if not self._rule.leads(child.values, parent.values):
            raise CannotMake(f"a trigger lets no row of {child.table.label} refer to the row that was made for it")
        with self._maker.rolled_back():
            # Else the delete of that row would be in what a commit looks at.
            problems = self._orphan_problems(child, self._referring_to(self._dead()))
        problems += [*self._orphans_in_part(), *self._old_orphans()]
        make_default(self._ground, self._rule, child, parent)
        happened, wrong = self._deletion(parent, child)
        problems += wrong
        if not problems and self._rule.enforced and self._promise.silent:
            problems.append(f"the key's trigger {self._promise.silent[0]} is switched off")
        return Finding(happened, tuple(problems))

    def _referring_to(self, parent: Row) -> Values:
        return {ours: parent.values[theirs] for ours, theirs in self._rule.pairs}

    def _dead(self) -> Row:
        """A row of the parent that is deleted again: what refers to it is an orphan."""
        row = self._maker.row(self._promise.parent)
        try:
            gone = delete_row(self._connection, row)
        except DBAPIError as error:
            raise CannotMake(_not_even_alone(row, said(error))) from error
        if not gone:
            raise CannotMake(f"a trigger or a rule keeps rows of {row.table.label} from being deleted")
        self._maker.made.remove(row)
        return row

    def _orphan_problems(self, child: Row, orphaned: Values) -> list[str]:
        """Whether a reference to a row that is gone is refused, on INSERT and on UPDATE.

        Errors: :exc:`.CannotMake` where something else than the key refuses it both times.
        """
        problems, errors = [], list[DBAPIError]()
        for verb in ("INSERT", "UPDATE"):
            with self._maker.rolled_back():
                error = self._insert_refusal(orphaned) if verb == "INSERT" else self._update_refusal(child, orphaned)
                if error is not None:
                    errors.append(error)
                elif self._rule.enforced and self._is_there(orphaned):
                    problems.append(f"an orphan is accepted on {verb}")
        own = any(map(self._is_own, errors))
        if not self._rule.enforced:
            return ["an orphan is refused"] if own else []
        if not problems and not own:
            if not self._promise.found:
                return ["the database has no such key"]
            if any(sqlstate(error) in FOREIGN_KEY_VIOLATIONS for error in errors):
                # Another one over the same columns comes first; this one stands beside it.
                return []
            raise CannotMake(f"it is not the key that refuses an orphan: {'; '.join(map(said, errors))}")
        return problems

    def _insert_refusal(self, orphaned: Values) -> DBAPIError | None:
        with suppress(CannotMake):
            return self._maker.refusal(self._promise.child, orphaned, self._promise.found)
        # Then there is the UPDATE.
        return None

    def _update_refusal(self, child: Row, orphaned: Values) -> DBAPIError | None:
        try:
            self._connection.execute(verbatim(change(child.table, orphaned, condition(child))))
        except DBAPIError as error:
            return error
        return None

    def _is_there(self, orphaned: Values) -> bool:
        """Whether a row refers to nothing: a trigger may have had it refer to something else, or made what it means."""
        missing = {theirs: orphaned[ours] for ours, theirs in self._rule.pairs}
        children, parents = (
            self._connection.scalar(verbatim(count(table, all_equal(values))))
            for table, values in ((self._promise.child, orphaned), (self._promise.parent, missing))
        )
        return bool(children) and not parents

    def _is_own(self, error: DBAPIError) -> bool:
        return sqlstate(error) in FOREIGN_KEY_VIOLATIONS and constraint(error) in self._promise.names

    def _orphans_in_part(self) -> Iterator[str]:
        """MATCH FULL takes no reference that is NULL in part, which to MATCH SIMPLE refers to nothing."""
        promise, columns = self._promise, self._promise.child.columns
        in_part = len(self._rule.pairs) > 1 and any(not columns[name].not_null for name in self._rule.columns)
        if promise.is_full and in_part and promise.found and not any(key.is_full for key in promise.found):
            yield "the database has MATCH SIMPLE, by which a reference that is NULL in part is accepted"

    def _old_orphans(self) -> Iterator[str]:
        """An orphan that a key has let be which is NOT VALID, and is not meant to be."""
        loose = [key for key in self._promise.found if key.enforced and not key.validated]
        if loose and self._promise.validated and self._rule.enforced:
            query = orphan(self._promise.child, self._promise.parent, self._rule.pairs)
            for values in self._connection.scalars(verbatim(query)):
                shown = ", ".join(f"{name} = {value}" for name, value in zip(self._rule.columns, values, strict=True))
                yield f"it is NOT VALID, and there is an orphan: {shown}"

    def _deletion(self, parent: Row, child: Row) -> tuple[str, list[str]]:
        """What the delete of the parent did, and what of it was not promised."""
        plan = self._foreseen(parent)
        if self._rule.enforced and self._rule.refuses:
            return self._refusal(self._happening(parent), plan, child)
        if plan.refusing:
            raise CannotMake(f"{plan.refusing[0].label} refuses the delete: no row can be made without another by that")
        if child in plan.gone:
            make_below(self._ground, self._rules, parent, child)
        return self._comparison(self._happening(parent), self._foreseen(parent), child, parent)

    def _foreseen(self, parent: Row) -> Foreseen:
        return foreseen(self._maker.made, parent, self._rules)

    def _happening(self, parent: Row) -> Happened:
        return happening(self._ground, parent, self._maker.made, lambda: deletion_by_sql(self._connection, parent))

    def _refusal(self, happened: Happened, plan: Foreseen, child: Row) -> tuple[str, list[str]]:
        refusal = happened.refusal
        if refusal is None:
            fate = words(happened.seen[child])
            return fate, [f"the delete is not refused: the row {becomes(fate)}"]
        if refusal.constraint in self._promise.names and not refusal.is_late:
            return REFUSED, list(self._unlike())
        others = [rule.label for rule in plan.refusing if rule is not self._rule]
        if others:
            raise CannotMake(f"{others[0]} refuses the delete first: no row can be made without another by that")
        return REFUSED, [f"it is not this key that refuses the delete{refusal.when}: {refusal.words}"]

    def _comparison(self, happened: Happened, plan: Foreseen, child: Row, parent: Row) -> tuple[str, list[str]]:
        refusal = happened.refusal
        if refusal is not None:
            if refusal.is_late:
                self._check_one_alone()
            return REFUSED, [f"the delete is refused{refusal.when}: {refusal.words}"]
        problems: list[str] = []
        for difference in happened.differences(plan):
            if difference.row is child:
                orphan_ = ", and refers to nothing" if difference.seen == STAYS else ""
                problems.insert(0, f"the row {becomes(difference.seen)}{orphan_}")
            else:
                label = difference.row.table.label
                problems.append(f"below it, a row of {label} {becomes(difference.seen)}, not {difference.expected}")
        if not problems:
            problems += [*self._masked(plan, child, parent)] or self._unlike()
        if not problems:
            self._ground.shown.update(row.table.oid for row in plan.gone if row is not parent)
        fate = words(happened.seen[child])
        return NOT_ENFORCED if fate == STAYS and not self._rule.enforced else fate, problems

    def _masked(self, plan: Foreseen, child: Row, parent: Row) -> Iterator[str]:
        """Where another key does the same to the row, what the database says of this one decides."""
        if not self._rule.enforced:
            return
        without = foreseen(self._maker.made, parent, [rule for rule in self._rules if rule is not self._rule])
        if without.fate(child) == plan.fate(child) and not self._is_known:
            has = f"ON DELETE {self._promise.found[0].ondelete}" if self._promise.found else "no such key"
            yield f"the database has {has}, and the row fares so by another key alone"

    def _unlike(self) -> Iterator[str]:
        """Where another rule does the same in this delete, what the database says of the key decides."""
        if self._rule.enforced and self._promise.found and not self._is_known:
            key = self._promise.found[0]
            deferred = " DEFERRABLE INITIALLY DEFERRED" if key.deferred else ""
            yield f"the database has ON DELETE {key.ondelete}{deferred}: the same in this delete, but not in others"

    @property
    def _is_known(self) -> bool:
        """Whether a key of the database has just this rule, and refuses when it is promised to."""
        promise, ondelete = self._promise, self._rule.ondelete
        return any(
            key.enforced
            and (key.ondelete.rule, set(key.ondelete.columns or key.columns))
            == (ondelete.rule, set(ondelete.columns or self._rule.columns))
            # All other actions are taken at once, whatever the key says.
            and (ondelete.rule != NO_ACTION or key.deferred == promise.is_deferred)
            for key in promise.found
        )

    def _check_one_alone(self) -> None:
        """Errors: :exc:`.CannotMake` where not even a row to which no other one refers could be deleted for good."""
        row = self._maker.row(self._promise.parent)
        refusal = happening(self._ground, row, (), lambda: deletion_by_sql(self._connection, row)).refusal
        if refusal is not None:
            raise CannotMake(_not_even_alone(row, refusal.words))


def _not_even_alone(row: Row, words: str) -> str:
    return f"a row of {row.table.label} that no other one refers to can't be deleted: {words}"
