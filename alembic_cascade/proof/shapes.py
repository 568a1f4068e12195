"""What a new row of a table is to look like, so that its constraints let it be: the server is asked of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.proof.catalogue import Catalogue, Column, Key, Table
from alembic_cascade.proof.literals import candidates_for
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.statements import first_that_passes, typed, value_in_use, written
from alembic_cascade.proof.values import NULL, Candidate, candidates, constant
from alembic_cascade.sql.quoting import quote_identifier, verbatim

BATCH = 300
# So many combinations of values are tried on conditions that hang together; of those that raise an error, one by one.
MOST = 6_000
MOST_SINGLY = 100


@dataclass(frozen=True)
class Shape:
    """The values of a row, by column; those that it gives itself are left out, and ``references`` are by keys.

    Of ``alone`` the row has to be the only child that its parent has: a unique index holds nothing but references.
    """

    values: Mapping[str, Candidate]
    references: tuple[Key, ...]
    alone: frozenset[int]


@dataclass
class Shapes:
    """The shapes of rows, each found once; ``hints`` are values that models allow in a column of theirs."""

    connection: Connection
    catalogue: Catalogue
    hints: Mapping[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)
    _known: dict[tuple[int, frozenset[str]], Shape] = field(default_factory=dict)

    def shape(self, table: Table, given: frozenset[str], number: int) -> Shape:
        """The shape of a row that has values in the ``given`` columns anyway; ``number`` is that of a first row.

        Errors: :exc:`.CannotMake`.
        """
        place = (table.oid, given)
        if place not in self._known:
            self._known[place] = _Drawing(self, table, given, number).shape()
        return self._known[place]

    def forget(self, table: Table, given: frozenset[str]) -> None:
        """Find the shape again: what let the first row be does not let others be."""
        self._known.pop((table.oid, given), None)


class _Drawing:
    """One table's columns, and what each may hold."""

    def __init__(self, shapes: Shapes, table: Table, given: frozenset[str], number: int) -> None:
        self._connection = shapes.connection
        self._catalogue = shapes.catalogue
        self._hints = shapes.hints
        self._table = table
        self._given = given
        self._number = number
        self._needed = [key for key in table.keys if self._catalogue.is_needed(table, key, given)]
        self._referring = {column for key in self._needed for column in key.columns} - given
        self._told_apart = distinguishing(table)

    def shape(self) -> Shape:
        conditions = list(self._conditions())
        values: dict[str, Candidate] = {}
        fixed = self._given | self._referring
        for columns, expressions in _together((names, said) for names, said in conditions if not names <= fixed):
            values.update(self._solved(sorted(columns), expressions))
        for name, column in self._table.columns.items():
            if name not in values and not column.generated and name not in self._given | self._referring:
                values[name] = self._options(column, ())[0]
        references = [*self._needed, *self._chosen(values)]
        referring = {column for key in references for column in key.columns}
        kept = {
            name: value
            for name, value in values.items()
            if not value.is_default and name not in referring | self._given
        }
        references.sort(key=lambda key: (-len(key.pairs), key.name))
        return Shape(kept, tuple(references), self._alone(references, kept))

    def _chosen(self, values: Mapping[str, Candidate]) -> Iterator[Key]:
        """The keys by which the row refers to others because a condition wants it."""
        for key in self._table.keys:
            filled = all(column in self._given or values.get(column, NULL) is not NULL for column in key.columns)
            if key.enforced and key not in self._needed and filled:
                yield key

    def _alone(self, references: Sequence[Key], values: Mapping[str, Candidate]) -> frozenset[int]:
        found: set[int] = set()
        for unique in self._table.uniques:
            columns = set(unique.columns)
            if columns & self._given or any(self._varies(column, values) for column in columns):
                continue
            found.update(key.oid for key in references if columns & set(key.columns))
        return frozenset(found)

    def _varies(self, name: str, values: Mapping[str, Candidate]) -> bool:
        column = self._table.columns[name]
        if name in self._table.key_columns:
            return False
        if name in values:
            return values[name].varies
        return bool(column.identity) or (column.expression is not None and "(" in column.expression)

    def _options(self, column: Column, expressions: Iterable[str]) -> list[Candidate]:
        """What the column may hold, the most likely first.

        Errors: :exc:`.CannotMake` where nothing is known of its type.
        """
        name = column.name
        hinted = self._hints.get((self._table.oid, name), ())
        if name in self._given or name in self._referring:
            # What the parent has is not known yet: something that lets the row be, and not what another column has.
            place = 1 + list(self._table.columns).index(name)
            return [_shifted(one, place) for one in candidates_for(column, expressions)]
        if column.identity:
            return [Candidate(str, varies=True, is_default=True)]
        found: list[Candidate] = []
        must = self._catalogue.must_have(self._table, name) or name == self._told_apart
        if name in self._table.key_columns and not must:
            found.append(NULL)
        elif column.expression is not None:
            expression = column.expression
            found.append(Candidate(lambda _number: expression, is_default=True))
        elif column.has_default:
            found.append(Candidate(lambda _number: "NULL", is_default=True))
        elif not must:
            found.append(NULL)
        tried = [*map(constant, hinted)] or [*candidates_for(column, expressions)]
        if name in self._table.unique_columns and len(tried) > 1:
            cycle = tuple(tried)
            if not any(one.varies for one in tried):
                tried.append(Candidate(lambda number: cycle[number % len(cycle)].of(number), varies=True))
            tried.sort(key=lambda one: not one.varies)
        found += tried or self._existing(column)
        if not found:
            raise CannotMake(f"no value is known for the type {column.type.name} of {self._table.label}.{name}")
        return found

    def _existing(self, column: Column) -> list[Candidate]:
        """A value that a row has already."""
        values = self._connection.scalars(verbatim(value_in_use(self._table, column.name)))
        return [constant(str(value)) for value in values]

    def _conditions(self) -> Iterator[tuple[frozenset[str], str]]:
        """All conditions on rows, each with its columns."""
        for check in self._table.checks:
            yield check.columns, check.expression
        for name, column in self._table.columns.items():
            for expression in column.domain_checks:
                yield frozenset({name}), _of_column(expression, quote_identifier(name))
        bounds = self._catalogue.bounds(self._table)
        if bounds is not None:
            if not bounds:
                raise CannotMake(f"{self._table.label} has no partition")
            either = " OR ".join(f"({bound})" for bound in bounds)
            yield self._mentioned(either), either

    def _mentioned(self, expression: str) -> frozenset[str]:
        return frozenset(
            name
            for name in self._table.columns
            if re.search(rf'(?<![\w"]){re.escape(quote_identifier(name))}(?![\w"])', expression)
        )

    def _solved(self, columns: Sequence[str], expressions: Sequence[str]) -> dict[str, Candidate]:
        """Values of these columns that fulfil all conditions on them.

        Errors: :exc:`.CannotMake`.
        """
        computed = {name for name in columns if self._table.columns[name].generated}
        sources = {name: self._table.columns[name].expression or "NULL" for name in computed}
        plain = sorted({*columns, *(one for text in sources.values() for one in self._mentioned(text))} - computed)
        options = [self._options(self._table.columns[name], expressions) for name in plain]
        tried = _by_likelihood([len(each) for each in options])
        singly = 0
        while batch := [
            [each[place] for each, place in zip(options, places, strict=True)] for places in islice(tried, BATCH)
        ]:
            try:
                passed = self._first(plain, sources, expressions, batch)
            except DBAPIError:
                # One of them can't even be asked: a number out of range, a text that is no date.
                passed = None
                for place, row in enumerate(batch[: max(MOST_SINGLY - singly, 0)]):
                    try:
                        passed = place if self._first(plain, sources, expressions, [row]) is not None else None
                    except DBAPIError:
                        passed = None
                    if passed is not None:
                        break
                singly += len(batch)
            if passed is not None:
                return dict(zip(plain, batch[passed], strict=True))
        listed = ", ".join(sorted(columns))
        raise CannotMake(
            f"no values were found for {self._table.label} ({listed}) that {' AND '.join(expressions)} lets be"
        )

    def _first(
        self,
        names: Sequence[str],
        computed: Mapping[str, str],
        expressions: Sequence[str],
        rows: Sequence[Sequence[Candidate]],
    ) -> int | None:
        """The place of the first row that passes."""
        tried = [[self._written(one, name) for one, name in zip(row, names, strict=True)] for row in rows]
        statement = first_that_passes(names, computed, expressions, tried)
        with self._connection.begin_nested():
            found = self._connection.scalar(verbatim(statement))
        return None if found is None else int(found)

    def _written(self, candidate: Candidate, name: str) -> str:
        column, value = self._table.columns[name], candidate.of(self._number)
        is_expression = candidate.is_default and not column.identity and value is not None
        return typed(str(value) if is_expression else written(value), column)


def _shifted(candidate: Candidate, by: int) -> Candidate:
    return Candidate(lambda number: candidate.of(number + by), candidate.varies)


def distinguishing(table: Table) -> str | None:
    """A column by which a row is told from others, where no unique index does it."""
    if any(
        unique.is_plain and all(table.columns[name].not_null for name in unique.columns) for unique in table.uniques
    ):
        return None
    for name, column in table.columns.items():
        varies = any(one.varies for one in candidates(column)[:1])
        if varies and not column.generated and name not in table.key_columns:
            return name
    return None


def _of_column(expression: str, quoted: str) -> str:
    """The CHECK of a domain as one of a column."""
    parts = re.split(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")", expression)
    return "".join(
        re.sub(r"\bVALUE\b", lambda _: quoted, part) if place % 2 == 0 else part for place, part in enumerate(parts)
    )


def _together(conditions: Iterable[tuple[frozenset[str], str]]) -> list[tuple[set[str], list[str]]]:
    """The conditions in groups that have no column in common."""
    groups: list[tuple[set[str], list[str]]] = []
    for columns, expression in conditions:
        meeting = [group for group in groups if group[0] & columns]
        groups = [group for group in groups if group not in meeting]
        merged = set(columns).union(*(group[0] for group in meeting))
        groups.append((merged, [*(one for group in meeting for one in group[1]), expression]))
    return groups


def _by_likelihood(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Places in lists of these sizes, those near their beginnings first; not more than are tried."""

    def adding_up(total: int, sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
        if not sizes:
            if total == 0:
                yield ()
            return
        rest = sum(size - 1 for size in sizes[1:])
        for place in range(max(0, total - rest), min(total, sizes[0] - 1) + 1):
            for others in adding_up(total - place, sizes[1:]):
                yield (place, *others)

    whole = sum(size - 1 for size in sizes)
    yield from islice((places for total in range(whole + 1) for places in adding_up(total, sizes)), MOST)
