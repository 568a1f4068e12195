"""Looks for rows without a parent, links that are NULL and values that are there twice; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, NestedTransaction, TextClause, func, select, true
from sqlalchemy.exc import DBAPIError

from alembic_cascade.audit.subject import Subject
from alembic_cascade.dbapi_errors import message, sqlstate
from alembic_cascade.errors import CascadeError
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.orphans.links import Link
from alembic_cascade.orphans.looked import Doubles, Looked, Nulls, Sample, Status, Wanted
from alembic_cascade.sql.orphan_queries import (
    Located,
    doubles_query,
    is_null,
    links_query,
    nulls_query,
    orphans_query,
    tally_query,
)
from alembic_cascade.sql.quoting import quote_identifier, quote_table, verbatim

# What a query may be refused for by one key's tables, and by no other's: a missing right or row security, an operator
# that there is not, a value that can't be read.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
OF_ONE_KEY = ("0A", "22", "42", "54", "55")

# no_active_sql_transaction
NO_TRANSACTION = "25P01"


@contextmanager
def unchanged(connection: Connection) -> Iterator[None]:
    """A part of the transaction in which PostgreSQL refuses every change; row security that hides rows is an error.

    https://www.postgresql.org/docs/current/sql-set-transaction.html: a subtransaction can be read only by itself.
    Errors: :exc:`.CascadeError` where there is no transaction.
    """
    with _part(connection) as part:
        connection.execute(verbatim("SET TRANSACTION READ ONLY"))
        connection.execute(select(func.set_config("row_security", "off", true())))
        yield
        part.rollback()


def _part(connection: Connection) -> NestedTransaction:
    try:
        return connection.begin_nested()
    except DBAPIError as error:
        if sqlstate(error) != NO_TRANSACTION:
            raise
        raise CascadeError(
            "The connection of env.py commits each statement by itself (AUTOCOMMIT): PostgreSQL could not be kept from "
            "changing something. Let env.py connect without that."
        ) from error


def locate(connection: Connection, links: Sequence[Link], subject: Subject) -> list[tuple[Link, Located]]:
    """The links with their tables in the schemas really meant, and what of them there is not."""
    keys = [
        replace(link.judged, source=subject.actual(link.judged.source), referent=subject.actual(link.judged.referent))
        for link in links
    ]
    rows = connection.execute(links_query(zip(keys, (link.to_columns for link in links), strict=True))).all()
    return [
        (link, _located(key, link.to_columns, row, subject.default_schema))
        for link, key, row in zip(links, keys, rows, strict=True)
    ]


def _located(key: ForeignKey, filled: tuple[str, ...], row: Any, default_schema: str) -> Located:
    child, parent = (
        TableName(schema or name.schema or default_schema, found or name.name)
        for schema, found, name in (
            (row.child_schema, row.child_name, key.source),
            (row.parent_schema, row.parent_name, key.referent),
        )
    )
    gone = [
        f"the table {quote_table(*name)} does not exist"
        for name, scan in ((child, row.child_scan), (parent, row.parent_scan))
        if scan is None
    ]
    missing = [
        f"{quote_table(*table)} has no column {quote_identifier(name)}"
        for table, names in ((child, row.absent_columns), (parent, row.absent_referred))
        for name in names
    ]
    return Located(
        key,
        child,
        parent,
        row.child_scan or "",
        row.parent_scan or "",
        row.condition or "",
        tuple(row.row_key),
        filled,
        next(iter((*gone, *missing)), None),
    )


def look(
    connection: Connection, located: Iterable[tuple[Link, Located]], wanted: Wanted, step: Callable[[str], None]
) -> list[Looked]:
    """Count: each table once for its references, each key once for its orphans, each referent once for its doubles.

    ``step`` is called with a label before each key. Nothing else is locked than what a SELECT locks.
    """
    with unchanged(connection):
        answers = _Answers(connection)
        first = [_judged(link, place, wanted) for link, place in located]
        by_table: dict[str, list[Looked]] = {}
        for one in first:
            by_table.setdefault(one.located.child_scan or quote_table(*one.located.child), []).append(one)
        found = {}
        for same in by_table.values():
            for one in _tallied(answers, same):
                step(one.link.label)
                found[id(one.link)] = _looked(answers, one, wanted.samples)
    return [found[id(one.link)] for one in first]


@dataclass(frozen=True)
class _Answers:
    """The answer to each query, which is asked once: a database can have the same key twice."""

    connection: Connection
    known: dict[str, tuple[Any, ...] | str] = field(default_factory=dict)
    told: set[object] = field(default_factory=set)

    def to(self, query: TextClause) -> tuple[Any, ...] | str:
        """The query's one row, or why it is refused, in words."""
        if query.text not in self.known:
            self.known[query.text] = self._asked(query)
        return self.known[query.text]

    def _asked(self, query: TextClause) -> tuple[Any, ...] | str:
        try:
            with self.connection.begin_nested():
                return tuple(self.connection.execute(query).one())
        except DBAPIError as error:
            if not (sqlstate(error) or "").startswith(OF_ONE_KEY):
                raise
            return message(error)

    def are_first_about(self, thing: object) -> bool:
        """Whether nothing was told of it yet, by another key."""
        is_first = thing not in self.told
        self.told.add(thing)
        return is_first


def _judged(link: Link, located: Located, wanted: Wanted) -> Looked:
    if located.absent is not None:
        return Looked(link, located, Status.ABSENT, located.absent)
    if link.joins_more:
        return Looked(link, located, Status.NOT_JUDGED, "it joins by more than these columns")
    if wanted.trusting and link.guaranteed:
        return Looked(link, located, Status.TRUSTED)
    return Looked(link, located, Status.COUNTED)


def _tallied(answers: _Answers, same: Sequence[Looked]) -> list[Looked]:
    """The links of one table with their references, and with rows that are NULL where they should not be: one scan."""
    wanted = dict.fromkeys(condition for one in same for condition in _conditions(one))
    if not wanted:
        return list(same)
    counts = answers.to(tally_query(same[0].located.child_scan, tuple(wanted)))
    if isinstance(counts, str):
        return [replace(one, status=Status.REFUSED, why=counts) if _conditions(one) else one for one in same]
    total, *rest = counts
    found = dict(zip(wanted, rest, strict=True))
    return [_with_tally(answers, one, total, found) for one in same]


def _conditions(one: Looked) -> list[str]:
    """By what the rows of the table are counted for a link."""
    empty = [one.located.empty] if one.status is Status.COUNTED else []
    loose = one.link.loose if one.status in {Status.COUNTED, Status.TRUSTED} else ()
    return [*empty, *map(is_null, loose)]


def _with_tally(answers: _Answers, one: Looked, total: int, found: dict[str, int]) -> Looked:
    if not _conditions(one):
        return one
    nulls = tuple(
        Nulls(column, found[is_null(column)])
        for column in one.link.loose
        if found[is_null(column)] and answers.are_first_about((one.located.child, column))
    )
    if one.status is Status.TRUSTED:
        return replace(one, nulls=nulls)
    empty = found[one.located.empty]
    return replace(one, references=total - empty, empty=empty, nulls=nulls)


def _looked(answers: _Answers, one: Looked, samples: int) -> Looked:
    """The orphans, samples of what is NULL, and what stands twice in the referent."""
    if one.status not in {Status.COUNTED, Status.TRUSTED}:
        return one
    located = one.located
    nulls = []
    for null in one.nulls:
        answer = answers.to(nulls_query(located, null.column, samples))
        nulls.append(null if isinstance(answer, str) else replace(null, samples=_read(answer[1], located.row_key)))
    looked = replace(one, nulls=tuple(nulls))
    if one.status is Status.TRUSTED:
        return looked
    if one.references:
        answer = answers.to(orphans_query(located, samples))
        if isinstance(answer, str):
            return replace(looked, status=Status.REFUSED, why=answer)
        found = _read(answer[1], (*located.row_key, *located.columns))
        looked = replace(looked, orphans=answer[0], samples=found)
    return _with_doubles(answers, looked, samples)


def _with_doubles(answers: _Answers, one: Looked, samples: int) -> Looked:
    """With what stands twice in the referent, told of the first link to it."""
    located = one.located
    columns = located.filled or located.key.remote_columns
    if one.link.unique or not one.link.one_parent:
        return one
    if not answers.are_first_about((located.parent, frozenset(columns))):
        return one
    answer = answers.to(doubles_query(located, samples))
    if isinstance(answer, str):
        return replace(one, status=Status.REFUSED, why=answer)
    number, found = answer
    return replace(one, doubles=Doubles(columns, number, _read(found, columns))) if number else one


def _read(samples: str | None, columns: Sequence[str]) -> tuple[Sample, ...]:
    return tuple(dict(zip(columns, values, strict=True)) for values in json.loads(samples or "[]"))
