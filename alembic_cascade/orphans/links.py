"""What refers to what: by the keys of the models and of the database, and by relationships that have no key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, Connection, select

from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.findings import Place
from alembic_cascade.audit.relations import Relation, far_key, table_name
from alembic_cascade.audit.subject import AuditedKey, Subject, schemas_of
from alembic_cascade.declared import KeySettings, column_named, key_settings
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.sql.catalogue import table_places
from alembic_cascade.sql.system_tables import pg_constraint, pg_namespace

NO_KEY = KeySettings()


@dataclass(frozen=True)
class Link:
    """That columns of one table refer to columns of another; ``judged`` is the key by which rows are orphans or not.

    ``existing`` is the database's own key, None where it has none. It refers to other columns than ``key`` where the
    models want another referent of the same table: values are translated then, and judged as they are before;
    ``to_columns`` are the new ones. ``relationships`` are those that have no key at all. ``loose`` are columns that the
    models want filled, and the database lets be NULL.
    """

    key: ForeignKey
    declared: bool
    existing: ForeignKey | None = None
    relationships: tuple[str, ...] = ()
    joins_more: bool = False
    one_parent: bool = True
    guaranteed: bool = False
    unique: bool = True
    loose: tuple[str, ...] = ()
    settings: KeySettings = field(default=NO_KEY, compare=False)
    place: Place | None = field(default=None, compare=False)

    @property
    def is_key(self) -> bool:
        """Whether it is a foreign key, of the models or of the database."""
        return self.declared or self.existing is not None

    @property
    def is_repointed(self) -> bool:
        return self.existing is not None and self.existing.identity != self.key.identity

    @property
    def judged(self) -> ForeignKey:
        return self.existing if self.existing is not None and self.is_repointed else self.key

    @property
    def to_columns(self) -> tuple[str, ...]:
        """The columns that the references are going to be translated to, in the order of ``judged``."""
        if not self.is_repointed:
            return ()
        targets = dict(self.key.pairs)
        return tuple(targets[column] for column in self.judged.local_columns)

    @property
    def label(self) -> str:
        return self.key.label

    @property
    def is_meant_to_hold(self) -> bool:
        """Whether every row is to have a parent: not so by a key that is NOT VALID or NOT ENFORCED on purpose."""
        wanted = self.key if self.declared else self.existing
        return wanted is not None and wanted.enforced and (wanted.validated or not self.declared)


def whole_database(connection: Connection, subject: Subject) -> Subject:
    """``subject`` with what the database has in every schema that has foreign keys or that the models name."""
    shown = frozenset(TableName(row.nspname, row.relname) for row in connection.execute(table_places()) if row.shown)
    with_keys = (
        select(pg_namespace.c.nspname)
        .join(pg_constraint, pg_constraint.c.connamespace == pg_namespace.c.oid)
        .where(pg_constraint.c.contype == "f")
        .distinct()
    )
    named = schemas_of(subject.metadatas, subject.default_schema)
    others = {*(subject.translated.get(schema, schema) for schema in named), *connection.scalars(with_keys)}
    found = read_database(connection, [None, *sorted(filter(None, others - {subject.default_schema}))])
    # What the search path shows was read under no schema already.
    database = replace(found, keys={name: own for name, own in found.keys.items() if name not in shown})
    return replace(subject, database=database, shown=shown)


def links_of(subject: Subject) -> list[Link]:
    """Every key of the models and of the database once, then the relationships that have none, each by name."""
    spare: dict[object, list[AuditedKey]] = {}
    for key in subject.keys:
        if key.declared is None:
            spare.setdefault(_ends(key.key, subject), []).append(key)
    links = []
    for key in subject.keys:
        if key.declared is None:
            continue
        existing = key.reflected or inherited_key(key.key, subject)
        candidates = spare.get(_ends(key.key, subject), [])
        if existing is None and candidates:
            # The next migration translates its values.
            existing = candidates.pop(0).reflected
        links.append(_of_key(key, existing, subject))
    links.extend(_of_key(key, key.reflected, subject) for left in spare.values() for key in left)
    return [*sorted(links, key=lambda link: link.key.sort_key), *_without_key(subject)]


def _ends(key: ForeignKey, subject: Subject) -> object:
    """What two keys of a child's columns to the same table have in common."""
    return subject.canonical(key.source), subject.canonical(key.parent), frozenset(key.local_columns)


def _of_key(key: AuditedKey, existing: ForeignKey | None, subject: Subject) -> Link:
    return Link(
        key.key,
        declared=key.declared is not None,
        existing=existing,
        guaranteed=existing is not None and is_guaranteed(existing, key.key, subject),
        unique=_is_unique(key.key, subject),
        loose=_loose(key.key, subject),
        settings=NO_KEY if key.constraint is None else key_settings(key.constraint.table.name, key.constraint),
        place=subject.place_of_key(key),
    )


def inherited_key(key: ForeignKey, subject: Subject) -> ForeignKey | None:
    """The same key of a partition's partitioned table."""
    assert subject.database is not None
    found = subject.database.inherited.get(subject.canonical(key.source), ())
    return next((one for one in found if _same_pairs(one, key) and _same_parent(one, key, subject)), None)


def _same_parent(one: ForeignKey, other: ForeignKey, subject: Subject) -> bool:
    return subject.canonical(one.parent) == subject.canonical(other.parent)


def _same_pairs(one: ForeignKey, other: ForeignKey) -> bool:
    return set(one.pairs) == set(other.pairs)


def is_guaranteed(existing: ForeignKey, wanted: ForeignKey, subject: Subject) -> bool:
    """Whether the database itself lets no orphan of the wanted key be: https://www.postgresql.org/docs/current/ddl-constraints.html."""
    assert subject.database is not None
    holds = existing.validated and existing.enforced and (existing.match == "FULL" or wanted.match != "FULL")
    name = None if existing.name is None else str(existing.name)
    silent = subject.database.silent.get((subject.canonical(existing.source), name), ())
    return holds and _same_pairs(existing, wanted) and not silent


def _is_unique(key: ForeignKey, subject: Subject) -> bool:
    """Whether an index of the database lets no two rows have the same values in what the key refers to."""
    assert subject.database is not None
    indexes = subject.database.indexes.get(subject.canonical(key.parent), ())
    full = (set(index.columns) for index in indexes if index.unique and not index.partial)
    return any(columns <= set(key.remote_columns) for columns in full)


def _loose(key: ForeignKey, subject: Subject) -> tuple[str, ...]:
    """The key's columns that the models want filled, and the database lets be NULL."""
    assert subject.database is not None
    table = subject.table(key.source)
    present = subject.database.columns.get(subject.canonical(key.source), {})
    columns = () if table is None else tuple(column_named(table, name) for name in key.local_columns)
    wanted = [column.name for column in columns if column is not None and not column.nullable]
    return tuple(name for name in wanted if name in present and present[name].nullable)


def _without_key(subject: Subject) -> Iterator[Link]:
    """The relationships over columns that have no key, those of the same columns together; none that is view-only."""
    known = {_identity(key.key, subject) for key in subject.keys}
    found: dict[object, list[tuple[Relation, ForeignKey]]] = {}
    for relation, key in _joins(subject.mapped.relations):
        identity = _identity(key, subject)
        if identity not in known:
            found.setdefault(identity, []).append((relation, key))
    for same in sorted(found.values(), key=lambda same: same[0][1].sort_key):
        relations, key = [relation for relation, _ in same], same[0][1]
        yield Link(
            key,
            declared=False,
            relationships=tuple(sorted({relation.name for relation in relations})),
            joins_more=not any(_joins_by_columns_alone(relation) for relation in relations),
            one_parent=any(not relation.is_one_to_many for relation in relations),
            unique=_is_unique(key, subject),
            loose=_loose(key, subject),
            place=subject.place_of_relation(relations[0]),
        )


def _joins_by_columns_alone(relation: Relation) -> bool:
    return relation.is_many_to_many or (relation.joins_by_pairs_alone and not relation.shares_child_columns)


def _identity(key: ForeignKey, subject: Subject) -> object:
    return subject.canonical(key.source), subject.canonical(key.parent), frozenset(key.pairs)


def _joins(relations: Iterable[Relation]) -> Iterator[tuple[Relation, ForeignKey]]:
    for relation in relations:
        if relation.viewonly:
            continue
        if relation.constraint is None and not relation.is_upside_down:
            yield relation, _as_key(relation, relation.pairs)
        if relation.far_pairs and far_key(relation) is None:
            yield relation, _as_key(relation, relation.far_pairs)


def _as_key(relation: Relation, pairs: tuple[tuple[Column[Any], Column[Any]], ...]) -> ForeignKey:
    """The key that would stand on the columns that a relationship joins by."""
    return ForeignKey(
        name=None,
        source=table_name(relation.child),
        referent=table_name(pairs[0][0].table),
        pairs=tuple((child.name, parent.name) for parent, child in pairs),
    )
