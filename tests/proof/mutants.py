"""Databases whose keys are not what the models promise: each rule broken in each way that it can be."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from alembic_cascade.proof.making import Maker
from alembic_cascade.proof.reading import read_catalogue
from alembic_cascade.proof.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

# So many are few; of what is left of many, so many are tried.
FEW, SAMPLE = 100, 30

OTHER_RULES = {"c": "NO ACTION", "n": "CASCADE", "d": "CASCADE", "a": "CASCADE", "r": "CASCADE"}

_KEYS = """
SELECT conname, conrelid::regclass::text AS child, confrelid::regclass::text AS parent, confdeltype::text AS rule,
    pg_get_constraintdef(k.oid) AS definition,
    ARRAY(SELECT quote_ident(attname) FROM unnest(conkey) WITH ORDINALITY AS l (n, p)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY p) AS columns,
    ARRAY(SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger
        WHERE tgconstraint = k.oid ORDER BY tgname) AS silencers,
    (SELECT relkind = 'p' FROM pg_class WHERE oid = conrelid) AS partitioned
FROM pg_constraint k
WHERE contype = 'f' AND conparentid = 0 ORDER BY 2, 1
"""


_RULES = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "a": "NO ACTION", "r": "RESTRICT"}


@dataclass(frozen=True)
class Mutant:
    """What is done to a key of ``child`` over ``columns``; ``loosened`` makes it NOT VALID again, over an orphan."""

    child: str
    columns: tuple[str, ...]
    change: str
    statements: tuple[str, ...]
    loosened: str | None = None

    def apply(self, connection: Connection) -> None:
        for statement in self.statements:
            connection.exec_driver_sql(statement)
        if self.loosened is not None:
            make_orphan(connection, self.child, self.columns)
            # What other keys have to check at the end would be in the way.
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            connection.exec_driver_sql(self.loosened)


def mutants(connection: Connection) -> list[Mutant]:
    """Every change of every key in the database."""
    return [mutant for row in connection.execute(text(_KEYS)).all() for mutant in _of_key(row)]


def chosen(connection: Connection, found: list[Mutant]) -> list[Mutant]:
    """All of a few; of many, those of one key of each shape, and a sample of the others, the same in each run.

    ``TEST_MUTANTS`` is how large the sample is: with 1000, it is all of them.
    """
    if len(found) <= FEW:
        return found
    shapes = _shapes(connection)
    first: dict[Any, Mutant] = {}
    for mutant in found:
        first.setdefault(shapes[mutant.child, mutant.columns], mutant)
    of_shapes = [mutant for mutant in found if any(_is_of_one_key(mutant, one) for one in first.values())]
    others = [mutant for mutant in found if mutant not in of_shapes]
    size = min(int(os.environ.get("TEST_MUTANTS", SAMPLE)), len(others))
    return [*of_shapes, *random.Random(size).sample(others, size)]


def _is_of_one_key(one: Mutant, other: Mutant) -> bool:
    return (one.child, one.columns) == (other.child, other.columns)


def _shapes(connection: Connection) -> dict[tuple[str, tuple[str, ...]], Any]:
    """What the proof of each key can depend on, names aside."""
    catalogue = read_catalogue(connection)
    return {
        (table.label, key.columns): (
            key.ondelete,
            key.is_full,
            key.deferred,
            key.parent,
            *(table.columns[name].not_null for name in key.columns),
            frozenset((one.parent, one.ondelete, one.deferred) for one in table.keys),
            frozenset((one.type.name, one.not_null, one.identity, one.has_default) for one in table.columns.values()),
            tuple(sorted(len(one.columns) for one in table.uniques)),
            len(table.checks),
            frozenset((one.ondelete, one.deferred) for one in catalogue.keys_to.get(table.oid, ())),
        )
        for table in catalogue.tables.values()
        for key in table.keys
    }


def _of_key(row: Any) -> Iterator[Mutant]:
    columns, definition = tuple(row.columns), row.definition
    drop = f"ALTER TABLE {row.child} DROP CONSTRAINT {row.conname}"
    found = re.match(
        r"(.*?)(?: ON DELETE (?:NO ACTION|RESTRICT|CASCADE|SET NULL(?: \(.*\))?|SET DEFAULT(?: \(.*\))?))?( DEFERRABLE.*)?$",
        definition,
    )
    assert found is not None

    def added(rule: str, more: str = "") -> str:
        return f"ALTER TABLE {row.child} ADD CONSTRAINT {row.conname} {found[1]} ON DELETE {rule}{found[2] or ''}{more}"

    other = OTHER_RULES[row.rule]
    yield Mutant(row.child, columns, f"ON DELETE {other}", (drop, added(other)))
    yield Mutant(row.child, columns, "dropped", (drop,))
    for silencer in row.silencers:
        yield Mutant(row.child, columns, "trigger disabled", (silencer,))
    if not row.partitioned:
        yield Mutant(row.child, columns, "NOT VALID with an orphan", (drop,), added(_RULES[row.rule], " NOT VALID"))


def make_orphan(connection: Connection, child: str, columns: tuple[str, ...]) -> None:
    """A row that refers to a row which is gone, where no key keeps it out any more."""
    catalogue = read_catalogue(connection)
    maker = Maker(connection, catalogue, Shapes(connection, catalogue))
    table = next(one for one in catalogue.tables.values() if child in {one.name, f"{one.schema}.{one.name}"})
    maker.row(table, {column: orphaned_value(table.columns[column].type.plain_name) for column in columns})


def orphaned_value(type_: str) -> str:
    """A value that no parent has."""
    return "0badc0de-0000-4000-8000-000000000000" if type_ == "uuid" else "31999"
