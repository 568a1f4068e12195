"""From what an audit looks at, and what it finds, to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Mapper

from alembic_cascade.audit.auditing import Audit
from alembic_cascade.audit.columns import takes_null
from alembic_cascade.audit.indexes import is_indexed
from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.columns import columns_of
from alembic_cascade.report.facts import NO_FACTS, Facts, ends
from alembic_cascade.report.models import reported_models
from alembic_cascade.report.report import (
    LifecycleFact,
    Report,
    ReportedKey,
    ReportedRelationship,
    ReportedTable,
)
from alembic_cascade.report.words import DIRECTIONS, cascade_of, loading_of, why_of_key, why_of_relation

BY_SCHEMA, BY_MODULE = "schema", "module"


def gathered(
    subject: Subject,
    audit: Audit,
    facts: Facts = NO_FACTS,
    *,
    group: str = BY_SCHEMA,
    lifecycle: Mapping[TableName, tuple[LifecycleFact, ...]] | None = None,
) -> Report:
    """All that models and database tell, without the changes of revisions.

    ``group`` is what tables are put together by: the schema, or the module of their model.
    """
    return _Gathering(subject, audit, facts, group, lifecycle or {}).report()


class _Gathering:
    """One report on its way."""

    def __init__(
        self,
        subject: Subject,
        audit: Audit,
        facts: Facts,
        group: str,
        lifecycle: Mapping[TableName, tuple[LifecycleFact, ...]],
    ) -> None:
        self._subject = subject
        self._audit = audit
        self._facts = facts
        self._group = group
        self._lifecycle = lifecycle

    def report(self) -> Report:
        keys = tuple(self._key(number, key) for number, key in enumerate(self._audited))
        return Report(
            database=self._facts.database,
            default_schema=self._subject.default_schema,
            tables=tuple(self._table(name, declared, keys) for name, declared in self._tables.items()),
            keys=keys,
            relationships=tuple(self._relationship(relation) for relation in self._subject.mapped.relations),
            models=tuple(reported_models(self._subject, self._audit)),
            findings=self._audit.findings,
            waived=self._audit.waived,
            quarantine=self._facts.quarantine,
            samples=self._facts.samples,
            remarks=self._facts.remarks,
            counted=self._facts.counted,
        )

    @cached_property
    def _audited(self) -> list[AuditedKey]:
        """The keys of tables that are the project's, by table and columns."""
        keys = [key for key in self._subject.keys if self._child(key) not in self._facts.hidden or key.declared]
        return sorted(keys, key=lambda key: (self._child(key).sort_key, key.key.sort_key))

    @cached_property
    def _tables(self) -> dict[TableName, Table | None]:
        """The tables of the models, those of the database, and those that keys refer to, by name."""
        found: dict[TableName, Table | None] = {
            self._subject.canonical(table_name(table)): table for table in self._subject.tables
        }
        database = self._subject.database
        others = () if database is None else map(self._subject.canonical, database.columns)
        referred = chain.from_iterable((self._child(key), self._parent(key)) for key in self._audited)
        for name in chain((other for other in others if other not in self._facts.hidden), referred):
            found.setdefault(name, None)
        return dict(sorted(found.items(), key=lambda item: item[0].sort_key))

    def _child(self, key: AuditedKey) -> TableName:
        return self._subject.canonical(key.key.source)

    def _parent(self, key: AuditedKey) -> TableName:
        return self._subject.canonical(key.key.parent)

    @cached_property
    def _by_target(self) -> dict[str, list[int]]:
        """The numbers of findings by what they are about."""
        found: dict[str, list[int]] = {}
        for number, finding in enumerate(self._audit.findings):
            found.setdefault(finding.target, []).append(number)
        return found

    def _about(self, targets: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted({number for target in targets for number in self._by_target.get(target, ())}))

    def _key(self, number: int, key: AuditedKey) -> ReportedKey:
        subject, columns = self._subject, key.key.local_columns
        return ReportedKey(
            id=number,
            child=self._child(key),
            parent=self._parent(key),
            declared=key.declared,
            reflected=key.reflected,
            drift=self._drift(key),
            indexed=is_indexed(subject, key),
            nullable=all(takes_null(subject, key.key.source, column) is not False for column in columns),
            refuses_null=any(
                takes_null(subject, key.key.source, column) is False for column in key.key.ondelete.columns or columns
            ),
            orphans=self._facts.orphans.get(ends(subject, key.key)),
            rationale=why_of_key(subject, key),
            findings=self._about([key.label]),
        )

    def _drift(self, key: AuditedKey) -> str | None:
        """What the database has otherwise; None without a database, or for a table that the models lack."""
        database = self._subject.database
        if database is None:
            return None
        if key.declared is not None and key.reflected is not None:
            compared = self._subject.as_compared(key.reflected)
            return None if key.declared.satisfied_by(compared) else key.declared.changes_from(compared)
        if key.declared is not None:
            inherited = database.inherited.get(self._child(key), ())
            same = (one for one in inherited if ends(self._subject, one) == ends(self._subject, key.key))
            return None if next(same, None) is not None else "not in the database"
        return "not in the models" if self._tables[self._child(key)] is not None else None

    def _table(self, name: TableName, declared: Table | None, keys: tuple[ReportedKey, ...]) -> ReportedTable:
        mappers = [] if declared is None else self._subject.mapped.mappers_of(declared)
        model = mappers[0].class_ if mappers else None
        own = self._keys_of.get(name, []) if keys else []
        counts = [keys[number].orphans for number in own]
        counted = [count for count in counts if count is not None]
        database = self._subject.database
        return ReportedTable(
            name=name,
            group=self._group_of(name, None if model is None else model.__module__),
            model=None if model is None else model.__name__,
            module=None if model is None else model.__module__,
            rows=self._facts.rows.get(name),
            orphans=sum(counted) if len(counted) == len(counts) and database is not None else None,
            quarantined=self._quarantined[name],
            in_models=declared is not None,
            in_database=None if database is None else database.has(name),
            columns=columns_of(self._subject, name, declared),
            lifecycle=self._lifecycle.get(name, ()),
            findings=self._findings_of(name, mappers, own),
        )

    @cached_property
    def _keys_of(self) -> dict[TableName, list[int]]:
        found: dict[TableName, list[int]] = {}
        for number, key in enumerate(self._audited):
            found.setdefault(self._child(key), []).append(number)
        return found

    def _findings_of(self, name: TableName, mappers: Iterable[Mapper[Any]], own: Iterable[int]) -> tuple[int, ...]:
        """The findings about the table, its keys, its models and their relationships."""
        models = [mapper.class_.__name__ for mapper in mappers]
        relations = (name for model in models for name in self._relations_of.get(model, ()))
        labels = (self._audited[number].label for number in own)
        return self._about([str(name), *models, *relations, *labels])

    @cached_property
    def _relations_of(self) -> dict[str, list[str]]:
        """The names of relationships by their model's."""
        found: dict[str, list[str]] = {}
        for relation in self._subject.mapped.relations:
            found.setdefault(relation.model, []).append(relation.name)
        return found

    @cached_property
    def _quarantined(self) -> Counter[TableName]:
        found: Counter[TableName] = Counter()
        for one in self._facts.quarantine:
            found[one.table] += one.rows
        return found

    def _group_of(self, name: TableName, module: str | None) -> str:
        if self._group == BY_MODULE:
            return module or "(no model)"
        return self._subject.actual(name).schema or self._subject.default_schema

    @cached_property
    def _numbers(self) -> dict[object, int]:
        """The keys' numbers, by the constraints that declare them."""
        return {key.constraint: number for number, key in enumerate(self._audited) if key.constraint is not None}

    def _relationship(self, relation: Relation) -> ReportedRelationship:
        table = relation.prop.parent.local_table
        owner = table if isinstance(table, Table) else relation.child
        return ReportedRelationship(
            model=relation.model,
            attribute=relation.attribute,
            target=relation.target_model,
            table=self._subject.canonical(table_name(owner)),
            direction=DIRECTIONS[relation.direction.name],
            cascade=cascade_of(relation),
            passive_deletes=str(relation.passive_deletes),
            lazy=relation.lazy,
            back_populates=relation.back_populates,
            key=self._numbers.get(relation.constraint),
            rationale=why_of_relation(relation),
            loading=loading_of(relation),
        )
