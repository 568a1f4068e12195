"""What was counted, what would be done and what was done, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alembic_cascade.cli.orphans_listing import Counted
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.looked import Looked, Status
from alembic_cascade.orphans.planning import Plan
from alembic_cascade.orphans.remarks import DUPLICATE_REFERENT, NULL_LINK, ORPHANED_ROWS, findings
from alembic_cascade.orphans.settling import Foreseen, Settled


def document(counted: Sequence[Counted]) -> dict[str, Any]:
    """What was counted as JSON has it."""
    looked = [(one, found) for one in counted for found in one.looked]
    return {
        "keys": [_key_document(one, found) for one, found in looked],
        "null_links": [
            {
                "database": one.database,
                **_table(found.located.child),
                "column": null.column,
                "rows": null.number,
                "severity": _severity(found, NULL_LINK),
                "samples": list(null.samples),
            }
            for one, found in looked
            for null in found.nulls
        ],
        "duplicates": [
            {
                "database": one.database,
                **_table(found.located.parent),
                "columns": list(found.doubles.columns),
                "rows": found.doubles.number,
                "severity": _severity(found, DUPLICATE_REFERENT),
                "samples": list(found.doubles.samples),
            }
            for one, found in looked
            if found.doubles is not None
        ],
        "broken": [
            {
                "database": one.database,
                "model": None if broken.model is None else broken.model.__name__,
                "problem": broken.problem,
                "left_out": list(broken.left_out),
            }
            for one in counted
            for broken in one.broken
        ],
        "totals": {
            "orphans": sum(found.orphans for _, found in looked),
            "references": sum(found.references for _, found in looked),
            "keys": {status.value: sum(found.status is status for _, found in looked) for status in Status},
        },
    }


def _table(name: TableName) -> dict[str, Any]:
    return {"schema": name.schema, "table": name.name}


def _severity(found: Looked, rule: str) -> str | None:
    told = (finding.severity.value for finding in findings([found]) if finding.rule == rule)
    return next(told, None)


def _key_document(one: Counted, found: Looked) -> dict[str, Any]:
    link = found.link
    counted = found.status is Status.COUNTED
    existing = None if link.existing is None else link.existing.name
    return {
        "database": one.database,
        "key": link.label,
        **_table(found.located.child),
        "columns": list(found.located.columns),
        "referent": {**_table(found.located.parent), "columns": list(found.located.key.remote_columns)},
        "declared": link.declared,
        "constraint": None if existing is None else str(existing),
        "relationships": list(link.relationships),
        "status": found.status.value,
        "why": found.why,
        "references": found.references if counted else None,
        "null": found.empty if counted else None,
        "orphans": found.orphans if counted else None,
        "rate": found.rate if counted else None,
        "severity": _severity(found, ORPHANED_ROWS),
        "samples": list(found.samples),
        "file": None if link.place is None else link.place.file,
        "line": None if link.place is None else link.place.line,
    }


def documents_of_foresight(one: Counted, plans: Iterable[Plan], foreseen: Iterable[Foreseen]) -> list[dict[str, Any]]:
    """What would be done, as JSON has it."""
    # Not by their labels: a database can have keys with different rules over the same columns.
    told = {id(found.plan): found for found in foreseen}
    return [_plan_document(one, plan, told.get(id(plan))) for plan in plans if plan.looked.orphans]


def _plan_document(one: Counted, plan: Plan, found: Foreseen | None) -> dict[str, Any]:
    return {
        "database": one.database,
        "key": plan.label,
        "strategy": None if plan.decision is None else plan.decision.strategy,
        "reason": plan.reason,
        "orphans": plan.looked.orphans,
        "refused": None if found is None else found.refused,
        "effects": [
            {
                **_table(effect.table),
                "orphans": effect.orphans,
                "removed": effect.removed,
                "columns": list(effect.columns),
                "constraint": effect.constraint,
                "reason": effect.reason,
                "rows": effect.number,
            }
            for effect in (() if found is None else found.effects)
        ],
    }


def documents_of_settling(one: Counted, settled: Iterable[Settled]) -> list[dict[str, Any]]:
    """What was done, as JSON has it."""
    return [
        {"database": one.database, "key": done.plan.label, "strategy": done.plan.decision.strategy, "done": done.words}
        for done in settled
        if done.plan.decision is not None
    ]
