"""A foreign key as SQLAlchemy's constraint, on tables that hold nothing else."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Integer, MetaData, Table

from alembic_cascade.foreign_keys import ForeignKey


def constraint_of(key: ForeignKey) -> ForeignKeyConstraint:
    """``key`` under its own name, whatever a naming convention says; NOT ENFORCED is not told."""
    metadata = MetaData()
    if key.source == key.referent:
        source = referent = _table(metadata, key, (*key.local_columns, *key.remote_columns))
    else:
        source = _table(metadata, key, key.local_columns)
        referent = Table(key.referent.name, metadata, *_columns(key.remote_columns), schema=key.referent.schema)
    constraint = ForeignKeyConstraint(
        [source.c[column] for column in key.local_columns],
        [referent.c[column] for column in key.remote_columns],
        name=key.name,
        ondelete=key.ondelete.text,
        onupdate=key.onupdate.text,
        deferrable=key.deferrable or None,
        initially="DEFERRED" if key.deferred else None,
        match=key.match,
    )
    if not key.validated:
        constraint.dialect_kwargs["postgresql_not_valid"] = True
    source.append_constraint(constraint)
    return constraint


def _table(metadata: MetaData, key: ForeignKey, columns: tuple[str, ...]) -> Table:
    return Table(key.source.name, metadata, *_columns(columns), schema=key.source.schema)


def _columns(names: tuple[str, ...]) -> list[Column[int]]:
    return [Column(name, Integer) for name in dict.fromkeys(names)]
