"""Whether a key's CASCADE does all that the session does to a deleted parent's children, and what hangs on them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapper

from alembic_cascade.audit.cascades import Cascades
from alembic_cascade.audit.deletion import Effect, database_effect, session_effect
from alembic_cascade.audit.relations import Relation, key_to_base, table_name
from alembic_cascade.audit.subject import Subject
from alembic_cascade.foreign_keys import Action


class HandingOver:
    """What becomes of the rows below a relationship that is left to the database."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._cascades = subject.once(Cascades)
        self._deciding = set(subject.mapped.deciding)
        self._of: dict[Mapper[Any], list[Relation]] = {}
        for relation in subject.mapped.relations:
            self._of.setdefault(relation.prop.parent, []).append(relation)

    def changes_nothing(self, relation: Relation) -> bool:
        """Whether the same rows are gone, and changed, as by the session; listeners of sessions can't be known."""
        return self._is_alike(relation, set()) and not self._is_refused(relation)

    def _is_alike(self, relation: Relation, seen: set[str]) -> bool:
        if relation.name in seen:
            return True
        seen.add(relation.name)
        target = relation.prop.mapper
        # The CASCADE of a subclass's table leaves the base's row.
        if target.base_mapper.local_table is not relation.child:
            return False
        family = dict.fromkeys((*target.self_and_descendants, *target.iterate_to_root()))
        below = [other for mapper in family for other in self._of.get(mapper, ())]
        return all(map(_goes_in_sql, family)) and all(self._goes_on(other, seen) for other in below)

    def _goes_on(self, relation: Relation, seen: set[str]) -> bool:
        if relation.viewonly:
            return True
        if relation.is_many_to_one:
            return not relation.deletes
        if relation.is_many_to_many:
            cascades = relation.ondelete is not None and relation.ondelete.rule == "CASCADE"
            return not relation.deletes and (relation.passive_deletes is not False or cascades)
        if relation not in self._deciding:
            return True
        effect = session_effect(relation, loaded=False)
        if effect is not database_effect(relation):
            return False
        return effect is not Effect.DELETED or self._is_alike(relation, seen)

    def _is_refused(self, relation: Relation) -> bool:
        """Whether a key stops the CASCADE of the parent, for it is checked before the rows on it are gone."""
        parent, child = (self._subject.canonical(table_name(table)) for table in (relation.parent, relation.child))
        return any(
            child in self._cascades.longest_to(self._cascades.child(key)).lengths
            for key in self._cascades.refusing.get(parent, ())
        )


def _goes_in_sql(mapper: Mapper[Any]) -> bool:
    """Whether a delete in SQL of the base's row takes all of its rows, and nothing listens to that of the session."""
    key = key_to_base(mapper)
    listened = bool(mapper.dispatch.before_delete) or bool(mapper.dispatch.after_delete)
    return not listened and (key is None or Action.parse(key.ondelete).rule == "CASCADE")
