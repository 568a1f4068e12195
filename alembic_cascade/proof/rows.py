"""Rows, made and yet to be made, and those that have to be made at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from alembic_cascade.proof.catalogue import Table
from alembic_cascade.proof.statements import Values


@dataclass(frozen=True, eq=False)
class Row:
    """A row, with its values as PostgreSQL writes them."""

    table: Table
    values: Values = field(repr=False)


@dataclass
class Draft:
    """A row that is not inserted yet."""

    table: Table
    values: dict[str, str | None]
    is_stranger: bool = False


@dataclass
class Bundle:
    """Rows that have to be inserted at once, for they refer to each other in a circle.

    ``open`` are those whose references are still looked for, ``drafts`` all of them. By keys that are ``unchecked``
    rows refer to whatever is given.
    """

    number: int
    unchecked: frozenset[int]
    open: list[Draft] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


@dataclass
class Attempt:
    """Whether what was tried is to stay."""

    kept: bool = False


def agrees(values: Values, known: Values) -> bool:
    """Whether the values are those, as far as they are known."""
    return all(values.get(name) == value for name, value in known.items())


def filled(values: Values) -> frozenset[str]:
    """The columns that are not NULL."""
    return frozenset(name for name, value in values.items() if value is not None)
