"""A mapper that SQLAlchemy can't configure: no model of its registry can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.mapped import BrokenMapper
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject

# How many models are named; of more it is told how many there are.
MANY = 12


def check(subject: Subject) -> Iterator[Hit]:
    for broken in subject.mapped.broken:
        yield Hit(
            target=_name(broken),
            problem=broken.problem.rstrip("."),
            consequence=f"No model of its registry can be used; this audit leaves out the relationships of "
            f"{_listed(broken.left_out)}.",
            fix="Correct what SQLAlchemy names; what else is broken shows only then.",
            place=subject.sources.place(broken.model),
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MANY
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:MANY])} and {more} others"


def _name(broken: BrokenMapper) -> str:
    return broken.left_out[0] if broken.model is None else broken.model.__name__


RULE = Rule(
    "broken-mapper",
    Severity.ERROR,
    "a mapper can't be configured, and with it no other of its registry",
    check,
)
