"""A key that refuses a delete which removes its rows by CASCADE as well.

PostgreSQL keeps what is to be done after a statement in a queue. A cascade's own deletes put what follows from them
at its end, so that tables are reached in the order of their distance, and so are checks: NO ACTION as well as RESTRICT
looks one step after the delete of the parent. It finds the row gone only if CASCADE has needed fewer steps to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.cascades import Cascades, Path
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import AuditedKey, Subject


def check(subject: Subject) -> Iterator[Hit]:
    cascades = subject.once(Cascades)
    for key in subject.keys:
        against = _removing(cascades, key)
        if against is not None:
            yield _hit(subject, cascades, key, *against)


def _removing(cascades: Cascades, key: AuditedKey) -> tuple[Path, Path] | None:
    """The way of a delete to the key's parent, and one that reaches its child no sooner than the check.

    From the table that is nearest to the parent.
    """
    too_late = cascades.too_late(key)
    if not too_late:
        return None
    to_child, to_parent = cascades.longest_to(cascades.child(key)), cascades.shortest_to(cascades.parent(key))
    nearest = min(too_late, key=lambda table: (to_parent.lengths[table], table.sort_key))
    return to_parent.path(nearest), to_child.path(nearest)


def _hit(subject: Subject, cascades: Cascades, key: AuditedKey, checked: Path, removed: Path) -> Hit:
    start = cascades.parent(removed[0])
    when = (
        "is refused, for the check comes before the CASCADE"
        if len(removed) > len(checked) + 1
        else "is refused or not as it happens, by which key is older and which row comes first"
    )
    rule = "" if key.key.ondelete.rule == "NO ACTION" else ' in place of ondelete="RESTRICT"'
    return Hit(
        target=key.label,
        problem=f"it has {key.key.ondelete}, and CASCADE removes its rows as well: {cascades.tables(removed)}",
        consequence=f"A delete in {start} that reaches a row of {cascades.child(key)} both ways {when}.",
        fix='Give it ondelete="CASCADE", or let it be checked at the end: '
        f'deferrable=True, initially="DEFERRED"{rule}.',
        place=subject.place_of_key(key),
    )


RULE = Rule(
    "contradicting-cascade-paths",
    Severity.WARNING,
    "a key refuses the delete of rows that CASCADE removes",
    check,
)
