"""What to do about a finding: the changed lines of the model, or what settles it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column

from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.sql.quoting import quote_identifier, quote_table

BY_AUTOGENERATE = "the next autogenerate settles it"


def let_the_database_delete(subject: Subject, relation: Relation) -> str:
    """The children go with their parent, by the key's own CASCADE, and SQLAlchemy does not load them for it."""
    if relation.is_upside_down:
        only_reads = change_relation(subject, relation, viewonly="True")
        return f"The foreign key leads the other way: let foreign() in primaryjoin say so, or only read:\n{only_reads}"
    keywords: dict[str, str | None] = {} if relation.deletes else {"cascade": '"all, delete-orphan"'}
    if relation.passive_deletes is not True:
        keywords["passive_deletes"] = "True"
    steps = [change_relation(subject, relation, **keywords)] if keywords else []
    if relation.ondelete is None or relation.ondelete.rule != "CASCADE":
        steps.append(change_rule(subject, relation, '"CASCADE"'))
    going = "\n".join(steps)
    if relation.deletes or any(column.foreign_keys for column in relation.child_columns):
        return going
    staying = leave_it_to_the_database(subject, relation)
    kept = "If the children are to keep their reference, which no foreign key is about:"
    return f"{kept}\n{staying}\nIf they are to go with their parent:\n{going}"


def leave_it_to_the_database(subject: Subject, relation: Relation) -> str:
    """The key's rule acts, whether the children are loaded or not."""
    return change_relation(subject, relation, passive_deletes='"all"')


def change_relation(subject: Subject, relation: Relation, **keywords: str | None) -> str:
    """A relationship with other keywords, whose values are Python; None takes one away."""
    model, attribute = relation.written_at
    if attribute != relation.attribute or model is not relation.prop.parent.class_:
        diff = subject.sources.changed(model, attribute, "backref", **keywords)
        return diff or f'{model.__name__}.{attribute}: backref=backref("{relation.attribute}", {_written(keywords)})'
    diff = subject.sources.changed(model, attribute, "relationship", **keywords)
    return diff or f"{relation.name}: relationship({_written(keywords)})"


def change_rule(subject: Subject, relation: Relation, rule: str) -> str:
    """The foreign key that a relationship follows with another ``ondelete``."""
    if relation.constraint is None:
        columns = ", ".join(column.name for column in relation.child_columns)
        return f"Declare a foreign key with ondelete={rule} on {relation.child.name} ({columns})."
    return change_key(subject, AuditedKey(None, None, relation.constraint), ondelete=rule)


def change_key(subject: Subject, key: AuditedKey, **keywords: str | None) -> str:
    """A declared foreign key with other keywords, and what brings the database there."""
    assert key.constraint is not None
    sources, table = subject.sources, key.constraint.table
    columns = [element.parent.name for element in key.constraint.elements]
    model, attribute = subject.attribute_of(key)
    diff = (
        sources.changed(model, attribute or "", "ForeignKey", **keywords)
        or sources.changed_constraint(model, key.constraint.column_keys, "ForeignKeyConstraint", **keywords)
        # SQLModel's own.
        or sources.changed(model, attribute or "", "Field", **keywords)
        or sources.changed_column(table, columns[0], "ForeignKey", **keywords)
    )
    where = diff or f"the foreign key on {table.name} ({', '.join(columns)}): {_written(keywords)}"
    return f"{where}\nThen {BY_AUTOGENERATE.replace('it', 'the key')}." if "ondelete" in keywords else where


def add_index(subject: Subject, key: AuditedKey) -> str:
    """An index on the key's columns: in the model where it declares the key, else in the database."""
    table, columns = key.key.source, key.key.local_columns
    if key.constraint is None:
        listed = ", ".join(map(quote_identifier, columns))
        return f"CREATE INDEX CONCURRENTLY ON {quote_table(*table)} ({listed});"
    diff = _change_column(subject, [element.parent for element in key.constraint.elements], index="True")
    arguments = ", ".join(f'"{name}"' for name in (f"ix_{table.name}_{'_'.join(columns)}", *columns))
    where = diff or f"{table.name}: Index({arguments})"
    return f"{where}\nThen {BY_AUTOGENERATE.replace('it', 'the index')}."


def make_unique(subject: Subject, relation: Relation) -> str:
    """The child's columns of a relationship, as a column or with a constraint that lets no value come twice."""
    listed = ", ".join(f'"{column.name}"' for column in relation.child_columns)
    diff = _change_column(subject, relation.child_columns, unique="True")
    return diff or f"{relation.child.name}: UniqueConstraint({listed})"


def _change_column(subject: Subject, columns: Sequence[Column[Any]], **keywords: str | None) -> str | None:
    """The one column with other keywords, where it is written; None where it is not, or is one of several."""
    if len(columns) > 1:
        return None
    (column,) = columns
    model, attribute = subject.attribute_of_column(column)
    calls = ("mapped_column", "Column", "Field")
    diffs = (subject.sources.changed(model, attribute or "", call, **keywords) for call in calls)
    in_table = subject.sources.changed_column(column.table, column.name, "Column", **keywords)
    return next(filter(None, diffs), in_table)


def _written(keywords: dict[str, str | None]) -> str:
    parts = [f"{name}={value}" if value is not None else f"without {name}" for name, value in keywords.items()]
    return ", ".join(parts)
