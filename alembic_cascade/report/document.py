"""The report as a document of JSON, which the page reads, too."""

from __future__ import annotations

from typing import Any

from alembic_cascade.audit.auditing import Waived
from alembic_cascade.audit.findings import Finding
from alembic_cascade.audit.formats import told
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.report.diagram import Diagram, diagram_of, opening
from alembic_cascade.report.dot import EDGE, NODE, edge_attributes, graph_attributes, node_attributes
from alembic_cascade.report.report import (
    Report,
    ReportedChange,
    ReportedKey,
    ReportedModel,
    ReportedRelationship,
    ReportedTable,
)


def document(report: Report) -> dict[str, Any]:
    """All of the report. What a rule's default is is left out of the definitions of keys."""
    return {
        "title": report.title,
        "database": report.database,
        "default_schema": report.default_schema,
        "narrowed": report.narrowed,
        "remarks": list(report.remarks),
        "revisions": {
            "from": report.before,
            "to": report.after,
            "list": [
                {
                    "revision": one.revision,
                    "message": one.message,
                    "concurrent": one.concurrent,
                    "reversible": one.reversible,
                }
                for one in report.revisions
            ],
        },
        "changes": [_change(change) for change in report.changes],
        "notes": [{"revision": note.revision, "line": note.line, "said": note.said} for note in report.notes],
        "tables": [_table(table) for table in report.tables],
        "keys": [_key(key) for key in report.keys],
        "relationships": [_relationship(relationship) for relationship in report.relationships],
        # What is the same for many is told once.
        "loading": {one.lazy: one.loading for one in sorted(report.relationships, key=lambda one: one.lazy)},
        "models": [_model(model) for model in report.models],
        "findings": [_finding(finding) for finding in report.findings],
        "waived": [_waived(waived) for waived in report.waived],
        "reach": {
            str(table): [
                {"table": str(one.table), "depth": one.depth, "effect": one.effect, "key": one.key} for one in reached
            ]
            for table, reached in report.reach.items()
        },
        "quarantine": [
            {"revision": one.revision, "table": str(one.table), "rows": one.rows} for one in report.quarantine
        ],
        "runbook": [
            {"title": step.title, "text": step.text, "commands": list(step.commands)} for step in report.runbook
        ],
        "orphans_counted": report.counted,
        "samples": None
        if report.samples is None
        else {label: [list(sample) for sample in samples] for label, samples in report.samples.items()},
        "counts": counts(report),
        "opening": sorted(map(str, opening(report))),
        "diagram": _diagram(diagram_of(report)),
    }


def counts(report: Report) -> dict[str, int | None]:
    """The figures of the whole; orphans are None where not all were counted."""
    orphans = [key.orphans for key in report.keys]
    known = [count for count in orphans if count is not None]
    rules = [key.rule for key in report.keys]
    return {
        "tables": len(report.tables),
        "keys": len(report.keys),
        "relationships": len(report.relationships),
        "models": len(report.models),
        "cascade": rules.count("CASCADE"),
        "set_null": rules.count("SET NULL"),
        "set_default": rules.count("SET DEFAULT"),
        "restrict": rules.count("RESTRICT"),
        "no_action": rules.count("NO ACTION"),
        "drift": sum(key.drift is not None for key in report.keys),
        "unindexed": sum(not key.indexed for key in report.keys),
        "orphans": sum(known) if report.database is not None and len(known) == len(orphans) else None,
        "quarantined": sum(one.rows for one in report.quarantine),
        "findings": len(report.findings),
        "waived": len(report.waived),
        "changes": len(report.changes),
    }


def definition(key: ForeignKey | None) -> dict[str, Any] | None:
    """A key's definition: what it is called, its rule, and what is not PostgreSQL's default."""
    if key is None:
        return None
    others = {
        "onupdate": key.onupdate.text,
        "deferrable": key.deferrability if key.deferrable else None,
        "match": key.match,
        "standing": None if key.standing == "valid" else key.standing,
        "comment": key.comment,
    }
    return {
        "constraint": None if key.name is None else str(key.name),
        "referred": key.target_label,
        "rule": key.ondelete.rule,
        "ondelete": str(key.ondelete),
        **{name: value for name, value in others.items() if value is not None},
    }


def _change(change: ReportedChange) -> dict[str, Any]:
    return {
        "table": str(change.table),
        "key": change.label,
        "constraint": change.constraint,
        "revision": change.revision,
        "before": definition(change.before) or _only_named(change.replaced),
        "after": definition(change.after),
        "reason": change.reason,
    }


def _only_named(name: str | None) -> dict[str, Any] | None:
    return None if name is None else {"constraint": name, "referred": None, "rule": None, "ondelete": None}


def _table(table: ReportedTable) -> dict[str, Any]:
    return {
        "name": str(table.name),
        "schema": table.name.schema,
        "module": table.module,
        "model": table.model,
        "group": table.group,
        "rows": table.rows,
        "rows_are_estimate": table.rows is not None,
        "orphans": table.orphans,
        "quarantined": table.quarantined,
        "in_models": table.in_models,
        "in_database": table.in_database,
        "lifecycle": [
            {"column": fact.column, "type": fact.type, "kept_by": fact.kept_by, "status": fact.status}
            for fact in table.lifecycle
        ],
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "nullable": column.nullable,
                "primary_key": column.primary_key,
            }
            for column in table.columns
        ],
        "findings": list(table.findings),
    }


def _key(key: ReportedKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": None if key.key.name is None else str(key.key.name),
        "child": str(key.child),
        "parent": str(key.parent),
        "columns": list(key.key.local_columns),
        "referred": list(key.key.remote_columns),
        "label": key.label,
        "declared": definition(key.declared),
        "reflected": definition(key.reflected),
        "rule": key.rule,
        "enforced": key.key.enforced,
        "drift": key.drift,
        "indexed": key.indexed,
        "nullable": key.nullable,
        "effect": key.effect,
        "orphans": key.orphans,
        "rationale": key.rationale,
        "findings": list(key.findings),
    }


def _relationship(relationship: ReportedRelationship) -> dict[str, Any]:
    return {
        "model": relationship.model,
        "attribute": relationship.attribute,
        "target": relationship.target,
        "table": str(relationship.table),
        "direction": relationship.direction,
        "cascade": relationship.cascade,
        "passive_deletes": relationship.passive_deletes,
        "lazy": relationship.lazy,
        "back_populates": relationship.back_populates,
        "key": relationship.key,
        "rationale": relationship.rationale,
    }


def _model(model: ReportedModel) -> dict[str, Any]:
    return {
        "model": model.model,
        "table": None if model.table is None else str(model.table),
        "status": model.status,
        "notes": list(model.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {**told(finding), "place": None if place is None else {"file": place.file, "line": place.line}}


def _waived(waived: Waived) -> dict[str, Any]:
    return {**_finding(waived.finding), "reason": waived.reason}


def _diagram(diagram: Diagram) -> dict[str, Any]:
    return {
        "graph": graph_attributes(diagram),
        "node": dict(NODE),
        "edge": dict(EDGE),
        "nodes": [{"id": node.id, "attributes": node_attributes(node)} for node in diagram.nodes],
        "edges": [
            {
                "tail": str(edge.parent),
                "head": str(edge.child),
                "key": edge.key,
                "attributes": edge_attributes(diagram, edge),
            }
            for edge in diagram.edges
        ],
    }
