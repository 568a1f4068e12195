"""The state of each model: what the audit finds about it at worst, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Mapper

from alembic_cascade.audit.auditing import Audit
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.mapped import BrokenMapper
from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import ReportedModel

COMPLETE, WAIVED, NOT_LOOKED_AT = "complete", "waived", "not looked at"


def reported_models(subject: Subject, audit: Audit) -> Iterator[ReportedModel]:
    """Each model by its name, and those that could not be looked at, for a mapper is broken."""
    states = _States(subject, audit)
    found = [states.of(mapper) for mapper in subject.mapped.mappers]
    found += [model for broken in subject.mapped.broken for model in _broken(broken)]
    yield from sorted(found, key=lambda model: (model.model, str(model.table)))


def _broken(broken: BrokenMapper) -> Iterator[ReportedModel]:
    name = None if broken.model is None else broken.model.__name__
    for model in broken.left_out:
        if model == name:
            yield ReportedModel(model, None, Severity.ERROR.value, (f"Its mapper is broken: {broken.problem}.",))
        else:
            because = f"the mapper of {name} is broken" if name else f"a mapper is broken: {broken.problem}"
            yield ReportedModel(model, None, NOT_LOOKED_AT, (f"Its relationships are not known, for {because}.",))


class _States:
    def __init__(self, subject: Subject, audit: Audit) -> None:
        self._subject = subject
        self._keys: dict[TableName, list[str]] = {}
        for key in subject.keys:
            self._keys.setdefault(subject.canonical(key.key.source), []).append(key.label)
        self._relations: dict[object, list[Relation]] = {}
        for relation in subject.mapped.relations:
            self._relations.setdefault(relation.prop.parent, []).append(relation)
        self._found: dict[str, list[tuple[Severity, str]]] = {}
        for finding in audit.findings:
            said = f"{finding.target}: {finding.problem} ({finding.rule})"
            self._found.setdefault(finding.target, []).append((finding.severity, said))
        self._waived: dict[str, list[str]] = {}
        for waived in audit.waived:
            said = f"{waived.finding.target}: {waived.finding.rule} is meant: {waived.reason}"
            self._waived.setdefault(waived.finding.target, []).append(said)

    def of(self, mapper: Mapper[Any]) -> ReportedModel:
        table = mapper.local_table
        name = self._subject.canonical(table_name(table)) if isinstance(table, Table) else None
        relations = self._relations.get(mapper, [])
        targets = [
            mapper.class_.__name__,
            *([] if name is None else [str(name), *self._keys.get(name, ())]),
            *(relation.name for relation in relations),
        ]
        found = [said for target in dict.fromkeys(targets) for said in self._found.get(target, ())]
        waived = [said for target in dict.fromkeys(targets) for said in self._waived.get(target, ())]
        notes = (*(said for _, said in found), *waived) or (_nothing_found(relations),)
        worst = min((severity for severity, _ in found), key=lambda severity: severity.rank, default=None)
        status = WAIVED if waived else COMPLETE
        if worst is not None and worst is not Severity.INFO:
            status = worst.value
        return ReportedModel(mapper.class_.__name__, name, status, notes)


def _nothing_found(relations: Iterable[Relation]) -> str:
    listed = list(relations)
    if not listed:
        return "No relationships: it stands for itself."
    one_way = [relation.attribute for relation in listed if not relation.has_reverse]
    number = "1 relationship" if len(listed) == 1 else f"{len(listed)} relationships"
    said = f"one-way: {', '.join(one_way)}" if one_way else "each with its other side"
    return f"{number}, {said}."
