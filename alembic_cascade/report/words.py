"""Why a key and a relationship are as they are, in a sentence: what the project says of them, else what follows."""

from __future__ import annotations

from types import MappingProxyType

from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.subject import AuditedKey, Subject
from alembic_cascade.foreign_keys import ForeignKey

ALL = frozenset({"save-update", "merge", "refresh-expire", "expunge", "delete"})
USUAL = frozenset({"save-update", "merge"})

LOADING = MappingProxyType(
    {
        "select": "read when it is first asked for, by a query for each object",
        "joined": "read with its owner, in the same query",
        "selectin": "read with its owners, in one more query for all of them",
        "subquery": "read with its owners, in one more query for all of them",
        "immediate": "read with its owner, by a query for each",
        "dynamic": "never read as a whole: it is a query",
        "write_only": "never read as a whole: it is written to, and queried",
        "noload": "never read",
        "raise": "refused: asking for it is an error unless a query has brought it",
        "raise_on_sql": "refused where it would need a query",
    }
)

DIRECTIONS = MappingProxyType({"ONETOMANY": "one-to-many", "MANYTOONE": "many-to-one", "MANYTOMANY": "many-to-many"})


def reason_of_policy(subject: Subject, key: ForeignKey) -> str | None:
    """What ``CascadeConfig(on_delete)`` says of the key; of several, the last counts."""
    wanted = subject.policies_of(key)
    return wanted[-1].reason if wanted else None


def why_of_key(subject: Subject, key: AuditedKey) -> str:
    """The policy's reason, else the comment on the key, else what its rule means."""
    said = reason_of_policy(subject, key.key) or key.key.comment
    return said or _meaning(key.key)


def _meaning(key: ForeignKey) -> str:
    child, parent, columns = key.source, key.parent, ", ".join(key.ondelete.columns or key.local_columns)
    match key.ondelete.rule:
        case "CASCADE":
            return f"Rows of {child} belong to {parent}, and go with it."
        case "SET NULL":
            return f"Rows of {child} outlive {parent}: {columns} becomes NULL."
        case "SET DEFAULT":
            return f"Rows of {child} outlive {parent}: {columns} gets its default."
        case _:
            return f"{parent} can't be deleted while rows of {child} refer to it."


def cascade_of(relation: Relation) -> str:
    """The ``cascade`` of a relationship in SQLAlchemy's own words, the shortest of them."""
    has = frozenset(relation.prop.cascade)
    if has >= ALL:
        return ", ".join(["all", *sorted(has - ALL)])
    return ", ".join([*(name for name in ("save-update", "merge") if name in has), *sorted(has - USUAL)]) or "none"


def why_of_relation(relation: Relation) -> str:
    """The relationship's own ``doc``, else what becomes of its rows."""
    if relation.prop.doc:
        return " ".join(str(relation.prop.doc).split())
    if relation.viewonly:
        return "It only reads."
    if relation.is_many_to_one:
        return f"{relation.model} refers to {relation.target_model}, and does nothing to it."
    if relation.is_many_to_many:
        return f"Rows of {relation.child.name} go with either side."
    if relation.deletes:
        by = "the database deletes what is not loaded" if relation.passive_deletes else "each is loaded for it"
        return f"{relation.target_model} belongs to {relation.model}, and goes with it: {by}."
    rule = relation.ondelete
    if relation.passive_deletes and rule is not None:
        return f"The database decides, by ON DELETE {rule}."
    return f"{relation.target_model} outlives {relation.model}: its reference becomes NULL."


def loading_of(relation: Relation) -> str:
    """What ``lazy`` means for whoever asks for the relationship."""
    return LOADING.get(relation.lazy, "as its own strategy says")
