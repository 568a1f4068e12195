"""Declared foreign keys of one table against reflected ones: what is added, removed or altered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from alembic_cascade.foreign_keys import (
    ForeignKey,
    ForeignKeyAdded,
    ForeignKeyAltered,
    ForeignKeyChange,
    ForeignKeyRemoved,
)
from alembic_cascade.naming import named


def compare_foreign_keys(
    declared: Sequence[ForeignKey], reflected: Sequence[ForeignKey], inherited: Sequence[ForeignKey] = ()
) -> list[ForeignKeyChange]:
    """What makes the reflected keys of a table the declared ones, in an order that is always the same.

    ``declared`` holds each key once (see :func:`distinct_keys`). ``inherited`` are the clones that a
    partition has of its partitioned table's keys: they satisfy a declared key, and are never
    reported themselves. A key under another name is the same key.
    """
    pending = sorted(declared, key=lambda key: key.sort_key)
    # Of equals, the one under PostgreSQL's own name stays: made again beside another key on the same
    # columns, it could find its name taken by a clone, for which PostgreSQL chooses the same.
    spare = sorted(reflected, key=lambda key: (key.name != named(replace(key, name=None)).name, key.sort_key))
    clones = {key.identity for key in inherited}
    changes: list[ForeignKeyChange] = []

    unmatched: list[ForeignKey] = []
    for key in pending:
        counterpart = _closest(key, [other for other in spare if other.identity == key.identity])
        if counterpart is not None:
            spare.remove(counterpart)
            if not key.satisfied_by(counterpart):
                changes.append(_rule_change(key, counterpart))
        elif key.identity not in clones:
            unmatched.append(key)

    for key in unmatched:
        columns = set(key.local_columns)
        counterpart = _closest(key, [other for other in spare if set(other.local_columns) == columns])
        if counterpart is None:
            changes.append(ForeignKeyAdded(key))
        else:
            spare.remove(counterpart)
            changes.append(_repoint(key, counterpart))
    removed: list[ForeignKeyChange] = [ForeignKeyRemoved(key) for key in spare]
    return removed + changes


def distinct_keys(keys: Iterable[ForeignKey]) -> tuple[list[ForeignKey], list[tuple[ForeignKey, ForeignKey]]]:
    """Each declared key once, and the pairs (counted, passed over) that contradict each other.

    The same key can be declared by a column and by the table; where the two have different rules,
    the named one counts, then the first in the order of their text.
    """
    by_identity: dict[object, list[ForeignKey]] = defaultdict(list)
    for key in sorted(keys, key=lambda key: (key.name is None, key.sort_key)):
        by_identity[key.identity].append(key)
    counted = [same[0] for same in by_identity.values()]
    contradictions = [
        (same[0], other) for same in by_identity.values() for other in same[1:] if not _same_rule(same[0], other)
    ]
    return counted, contradictions


def _same_rule(key: ForeignKey, other: ForeignKey) -> bool:
    return key.satisfied_by(other) and other.satisfied_by(key)


def _closest(key: ForeignKey, candidates: list[ForeignKey]) -> ForeignKey | None:
    """The candidate that needs the least change; the first of equals, as they are sorted."""

    def distance(other: ForeignKey) -> tuple[bool, bool, bool]:
        return (not key.satisfied_by(other), key.name != other.name, key.parent != other.parent)

    return min(candidates, key=distance, default=None)


def _rule_change(declared: ForeignKey, reflected: ForeignKey) -> ForeignKeyAltered:
    """The change to ``declared`` in the column order of the database, valid where it is valid there."""
    validated = (reflected.validated and reflected.enforced) or declared.validated
    return ForeignKeyAltered(
        replace(reflected, source=declared.source, referent=declared.referent),
        replace(declared, pairs=reflected.pairs, validated=validated),
    )


def _repoint(declared: ForeignKey, reflected: ForeignKey) -> ForeignKeyAltered:
    """The change to another referent, in the order of local columns that the database has."""
    remote = dict(declared.pairs)
    pairs = tuple((local, remote[local]) for local in reflected.local_columns)
    return ForeignKeyAltered(replace(reflected, source=declared.source), replace(declared, pairs=pairs))
