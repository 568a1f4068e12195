"""A relationship that leaves its children to the database, which has nothing to do to them."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.audit.deletion import Effect, session_effect
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.fixes import change_rule
from alembic_cascade.audit.relations import Relation
from alembic_cascade.audit.rule import Hit, Rule
from alembic_cascade.audit.subject import Subject

REFUSING = {"NO ACTION", "RESTRICT"}


def check(subject: Subject) -> Iterator[Hit]:
    for relation in subject.mapped.deciding:
        if relation.passive_deletes is not True or not _is_left_alone(relation) or _refuses_on_purpose(relation):
            continue
        keyless = relation.ondelete is None
        left = "keep a reference to nothing" if keyless else "stop the delete: IntegrityError"
        rule = '"SET NULL"' if relation.nullable and not relation.deletes else '"CASCADE"'
        yield Hit(
            target=relation.name,
            problem=f"it leaves {relation.target_model} to the database (passive_deletes=True), "
            + ("which has no foreign key for it" if keyless else f"whose key says {relation.ondelete}"),
            consequence=f"Children of a {relation.model} that are not loaded {left}.",
            fix=change_rule(subject, relation, rule),
            place=subject.place_of_relation(relation),
        )


def _is_left_alone(relation: Relation) -> bool:
    """Whether the database does nothing to the children but refuse, as far as the models tell."""
    if relation.ondelete is not None:
        return relation.ondelete.rule in REFUSING
    return not any(column.foreign_keys for column in relation.child_columns)


def _refuses_on_purpose(relation: Relation) -> bool:
    """Whether loaded children stop the delete, too, as RESTRICT asks for; or another rule says why they do."""
    loaded = session_effect(relation, loaded=True)
    restricted = relation.ondelete is not None and relation.ondelete.rule == "RESTRICT"
    return loaded is Effect.BLANKED or (loaded is Effect.REFUSED and restricted and not relation.deletes)


RULE = Rule(
    "passive-deletes-without-rule",
    Severity.ERROR,
    "children that are left to the database stop the delete of their parent, for the key has no rule that removes them",
    check,
)
