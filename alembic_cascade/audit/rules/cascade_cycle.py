"""CASCADE keys that lead from a table by way of others back to it."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.cascades import Cascades
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject


def check(subject: Subject) -> Iterator[Hit]:
    cascades = subject.once(Cascades)
    for cycle in cascades.cycles:
        yield Hit(
            target=cascades.tables(cycle),
            problem=f"CASCADE goes round: {', '.join(key.label for key in cycle)}",
            consequence="The delete of one row can go on from row to row until all of these tables are empty.",
            fix="Give one of these keys another rule, such as SET NULL.",
            place=subject.place_of_key(cycle[0]),
        )


RULE = Rule("cascade-cycle", Severity.WARNING, "a delete comes back to the table that it began in", check)
