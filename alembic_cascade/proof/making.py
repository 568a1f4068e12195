"""Rows that are made for a proof, with all that they refer to; where a constraint defeats that, some are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import constraint, sqlstate
from alembic_cascade.proof.catalogue import Catalogue, Key, Table
from alembic_cascade.proof.refusals import CHECK_VIOLATION, UNIQUE_VIOLATIONS, CannotMake, NeedsSavepoints, said
from alembic_cascade.proof.rows import Attempt, Bundle, Draft, Row, agrees, filled
from alembic_cascade.proof.shapes import Shapes
from alembic_cascade.proof.statements import Values, insertion, value_of
from alembic_cascade.proof.taking import copy_of_a_row, row_that_nobody_needs, some_row
from alembic_cascade.sql.quoting import verbatim

# The number of the first row: what exists has lower ones in most tables, and where it has not, it is tried again.
FIRST_NUMBER = 1_000
TRIES = 30
TRIES_OF_VALUES = 3
# So many rows are made for one, each needed by the one before: what takes more goes round in a circle.
DEEPEST = 60


@dataclass
class Maker:
    """Makes rows. A stranger is one that others refer to and of which nothing is asked: it is made once and kept.

    ``made`` are the others, in their order; ``number`` is that of the last one, from which its values come. A
    ``careful`` maker sets a savepoint before each row, and can try again, or take what exists; each is a round trip,
    and hardly ever needed.
    """

    connection: Connection
    catalogue: Catalogue
    shapes: Shapes
    made: list[Row] = field(default_factory=list)
    careful: bool = True
    number: int = FIRST_NUMBER
    _strangers: dict[int, Row] = field(default_factory=dict)
    _depth: int = 0

    def row(self, table: Table, given: Values | None = None) -> Row:
        """A new row with the ``given`` values; what it refers to besides is nothing that it would be deleted with.

        Errors: :exc:`.CannotMake`, :exc:`.NeedsSavepoints`.
        """
        return self._new_or_taken(table, given or {}, is_stranger=False)

    def refusal(self, table: Table, given: Values, unchecked: Iterable[Key]) -> DBAPIError | None:
        """What PostgreSQL says to a row whose values need not refer to anything by these keys, None if it takes it.

        Then there is nothing more to do but to roll back. Errors: :exc:`.CannotMake` where it does not come to that.
        """
        try:
            self._new(table, given, frozenset(key.oid for key in unchecked), is_stranger=False, is_last=True)
        except CannotMake as refusal:
            if isinstance(refusal.__cause__, DBAPIError):
                return refusal.__cause__
            raise
        return None

    def existing_or_new(self, table: Table, known: Values) -> Values:
        """A row with these values, be it there already or not.

        Errors: :exc:`.CannotMake`.
        """
        existing = some_row(self.connection, table, known)
        return self.row(table, known).values if existing is None else existing

    def prepare(self, tables: Iterable[Table]) -> None:
        """Make beforehand what rows of these tables refer to, so that it outlives what is rolled back."""
        needed = {key.parent for table in tables for key in table.keys if self.catalogue.is_needed(table, key)}
        was, self.careful = self.careful, True
        for oid in sorted(needed & self.catalogue.tables.keys() - self._strangers.keys()):
            # What fails is said where it is missed, which need not be.
            with suppress(CannotMake, DBAPIError), self.tentatively() as attempt:
                self._stranger(self.catalogue.tables[oid])
                attempt.kept = True
        self.careful = was

    @contextmanager
    def tentatively(self) -> Iterator[Attempt]:
        """A part of the work that is undone unless it is kept."""
        strangers, made, attempt = dict(self._strangers), list(self.made), Attempt()
        savepoint = self.connection.begin_nested()
        try:
            yield attempt
        finally:
            if attempt.kept:
                savepoint.commit()
            else:
                savepoint.rollback()
                self._strangers, self.made = strangers, made

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """A part of the work of which no row stays, and that begins with none."""
        with self.tentatively():
            self.made = []
            yield

    def _stranger(self, table: Table) -> Values:
        if table.oid not in self._strangers:
            try:
                row = self._new_or_taken(table, {}, is_stranger=True)
            except CannotMake:
                existing = some_row(self.connection, table)
                if existing is None:
                    raise
                row = Row(table, existing)
            self._strangers.setdefault(table.oid, row)
        return self._strangers[table.oid].values

    def _new_or_taken(self, table: Table, given: Values, *, is_stranger: bool) -> Row:
        try:
            return self._new(table, given, frozenset(), is_stranger=is_stranger)
        except CannotMake as refusal:
            taken = copy_of_a_row(self.connection, table, given, self._other_values(table, given))
            if taken is None and not given:
                taken = row_that_nobody_needs(self.connection, table, self.catalogue)
            if taken is None:
                problem = f"no row of {table.label} can be made: {refusal}; nor is there one to take"
                raise CannotMake(problem) from refusal
            row = Row(table, taken)
            if not is_stranger:
                self.made.append(row)
            return row

    def _other_values(self, table: Table, given: Values) -> Values:
        """Values for the columns in which a copy must not be as its original."""
        number = self._next()
        try:
            shape = self.shapes.shape(table, filled(given), number)
        except CannotMake:
            return {}
        values = {name: value for name, value in shape.values.items() if name in table.unique_columns}
        return {name: value.of(number) for name, value in values.items() if value.varies}

    def _new(
        self, table: Table, given: Values, unchecked: frozenset[int], *, is_stranger: bool, is_last: bool = False
    ) -> Row:
        problem: DBAPIError | None = None
        for attempt in range(TRIES):
            bundle = Bundle(self._next(), unchecked)
            self._fill(Draft(table, dict(given), is_stranger), bundle)
            try:
                return self._inserted(bundle)
            except DBAPIError as error:
                problem = error
            again = sqlstate(problem) in {*UNIQUE_VIOLATIONS, CHECK_VIOLATION}
            if not self.careful and (again or not is_last):
                raise NeedsSavepoints from problem
            if sqlstate(problem) in UNIQUE_VIOLATIONS and not _is_given(table, constraint(problem), given):
                # What is there may have the next numbers, or very many.
                self.number += 1 if attempt % 2 else self.number
            elif sqlstate(problem) == CHECK_VIOLATION and attempt < TRIES_OF_VALUES:
                self.shapes.forget(table, filled(given))
            else:
                break
        assert problem is not None
        raise CannotMake(said(problem)) from problem

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _fill(self, draft: Draft, bundle: Bundle) -> Values:
        """Give the draft its values, and put it into the bundle, with what has to be made together with it."""
        table, number = draft.table, bundle.number
        shape = self.shapes.shape(table, filled(draft.values), number)
        for name, value in shape.values.items():
            draft.values.setdefault(name, value.of(number))
        referring = {column for key in shape.references for column in key.columns}
        for name in table.key_columns - referring:
            # What a column gives itself might refer to something.
            if not table.columns[name].not_null:
                draft.values.setdefault(name, None)
        if table.oid in self.catalogue.in_circles:
            self._foretell(draft, number)
        bundle.open.append(draft)
        for key in shape.references:
            if key.oid not in bundle.unchecked:
                known = {theirs: draft.values[ours] for ours, theirs in key.pairs if draft.values.get(ours) is not None}
                found = self._referent(key, known, draft, bundle, alone=key.oid in shape.alone)
                for ours, theirs in key.pairs:
                    draft.values.setdefault(ours, found[theirs])
        bundle.open.remove(draft)
        bundle.drafts.append(draft)
        return draft.values

    def _referent(self, key: Key, known: Values, child: Draft, bundle: Bundle, *, alone: bool) -> Values:
        """A row that the child can refer to by the key, with what is ``known`` of it.

        ``alone`` is one to which no other row refers so, unless the circle is to be closed.
        """
        parent = self.catalogue.tables.get(key.parent)
        if parent is None:
            raise CannotMake(f"{key.name} refers to a table that can't be written to")
        wanted = dict(known)
        if len(known) == len(key.pairs):
            made = next((row for row in self.made if row.table is parent and agrees(row.values, known)), None)
            existing = some_row(self.connection, parent, known) if made is None else made.values
            if existing is not None:
                return existing
        elif not known and not alone and not child.is_stranger:
            return self._stranger(parent)
        for draft in (*bundle.open, *bundle.drafts):
            if draft.table is parent and agrees(draft.values, known):
                return draft.values
        is_stranger = child.is_stranger and not known and not alone
        if is_stranger and parent.oid in self._strangers:
            return self._strangers[parent.oid].values
        if self.catalogue.in_one_circle(child.table.oid, parent.oid):
            return self._fill(Draft(parent, wanted, is_stranger), bundle)
        with self._deeper(parent):
            return self._stranger(parent) if is_stranger else self._new_or_known(parent, known)

    def _new_or_known(self, table: Table, known: Values) -> Values:
        """A new row with these values; where there can't be another one, the row that has them."""
        try:
            return self.row(table, known).values
        except CannotMake:
            existing = some_row(self.connection, table, known) if known else None
            if existing is None:
                raise
            return existing

    @contextmanager
    def _deeper(self, table: Table) -> Iterator[None]:
        if self._depth == DEEPEST:
            raise CannotMake(f"a row of {table.label} takes others without an end")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _foretell(self, draft: Draft, number: int) -> None:
        """Fix what others will refer to before it is inserted."""
        for name in sorted(self.catalogue.referred.get(draft.table.oid, ())):
            column = draft.table.columns[name]
            if name in draft.values or name in draft.table.key_columns or column.generated:
                continue
            if column.identity:
                draft.values[name] = str(number)
            elif column.expression is not None:
                made = self.connection.scalar(verbatim(value_of(column.expression, column)))
                draft.values[name] = None if made is None else str(made)

    def _inserted(self, bundle: Bundle) -> Row:
        """Insert what belongs together by one statement, at whose end keys are checked, and return the last row."""
        statement = insertion([(draft.table, draft.values) for draft in bundle.drafts])
        with self.connection.begin_nested() if self.careful else nullcontext():
            found = self.connection.execute(verbatim(statement))
            inserted: dict[int, list[str | None]] = {row.place: list(row.made) for row in found}
        for place, draft in enumerate(bundle.drafts):
            if place not in inserted:
                raise CannotMake(f"a trigger or a rule keeps rows out of {draft.table.label}")
            row = Row(draft.table, dict(zip(draft.table.columns, inserted[place], strict=True)))
            if draft.is_stranger:
                self._strangers[draft.table.oid] = row
            else:
                self.made.append(row)
        return row


def _is_given(table: Table, name: str, given: Values) -> bool:
    """Whether a unique index is over given values alone, so that others change nothing."""
    return any(unique.name == name and set(unique.columns) <= filled(given) for unique in table.uniques)
