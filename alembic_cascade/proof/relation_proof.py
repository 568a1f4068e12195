"""The proof of one relationship: rows are made by SQL, the parent is deleted through a session, and all is undone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, with_parent

from alembic_cascade.audit.relations import Relation, table_name
from alembic_cascade.foreign_keys import Action
from alembic_cascade.proof.below import make_default
from alembic_cascade.proof.claims import RelationClaim
from alembic_cascade.proof.deleting import GONE, REFUSED, STAYS, Happened, becomes, happening, words
from alembic_cascade.proof.entities import Entity, entity
from alembic_cascade.proof.foresight import Rule
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.key_proof import Finding
from alembic_cascade.proof.refusals import CannotMake, SessionRefused, is_of_sqlalchemy
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.statements import Values

NULLED = "NULL"
DEFAULTED = "default"


@dataclass(frozen=True)
class _Case:
    """The object that is deleted, and the rows of which something is promised."""

    doomed: Entity
    promises: tuple[tuple[Row, str], ...]
    met: Entity | None


def promised_by(claim: RelationClaim) -> str:
    """What the relationship promises of the rows that refer to a deleted one; of many-to-one, of the one referred to.

    What ``cascade`` says, else what the key's ON DELETE does; where that refuses, SQLAlchemy's own NULL, if it comes
    before it.
    """
    relation = claim.relation
    assert relation is not None
    if relation.is_many_to_one:
        return GONE if relation.deletes else STAYS
    if relation.is_many_to_many or relation.deletes or claim.follows:
        return GONE
    nulled = NULLED if relation.nullable else REFUSED
    match relation.ondelete:
        case None:
            return STAYS if relation.passive_deletes == "all" else nulled
        case Action(rule="CASCADE"):
            return GONE
        case Action(rule="SET NULL"):
            return NULLED
        case Action(rule="SET DEFAULT"):
            return DEFAULTED
        case Action(rule="NO ACTION") if relation.passive_deletes is False:
            return nulled
        case _:
            return REFUSED


def prove_relation(ground: Ground, claim: RelationClaim) -> Finding:
    """Try what the relationship promises, with its children in the session and without them.

    Errors: :exc:`.CannotMake` where it can't be told.
    """
    assert claim.relation is not None
    return _RelationProof(ground, claim, claim.relation).finding()


class _RelationProof:
    def __init__(self, ground: Ground, claim: RelationClaim, relation: Relation) -> None:
        self._ground = ground
        self._claim = claim
        self._relation = relation
        self._promised = promised_by(claim)
        self._defaults: Values = {}

    def finding(self) -> Finding:
        self._ground.maker.prepare(self._tables())
        with self._ground.maker.rolled_back():
            case = self._case()
            self._check_met(case)
            seen = [self._seen(case, loaded=False)]
            if not self._relation.never_loads and not self._relation.is_many_to_one:
                seen.append(self._seen(case, loaded=True))
        (happened, problems), *others = seen
        if not problems:
            for fate, wrong in others:
                if wrong:
                    return Finding(
                        f"{fate}, once loaded", tuple(f"once the children are loaded, {one}" for one in wrong)
                    )
        return Finding(happened, tuple(problems))

    def _tables(self) -> Iterator[Any]:
        mappers = (self._relation.prop.parent, self._relation.prop.mapper)
        names = [table_name(table) for mapper in mappers for table in mapper.tables if isinstance(table, Table)]
        for name in dict.fromkeys([*names, table_name(self._relation.child)]):
            table = self._ground.table(name)
            if table is None:
                raise CannotMake(f"the database has no table {name}")
            yield table

    def _case(self) -> _Case:
        """The rows, and what is promised of each.

        Errors: :exc:`.CannotMake`.
        """
        relation, ground = self._relation, self._ground
        if relation.is_many_to_one:
            parent = entity(ground, relation.prop.mapper)
            child = entity(
                ground, relation.prop.parent, {ours: parent.value(theirs) for theirs, ours in relation.pairs}
            )
            return _Case(child, ((parent.rows[relation.parent], self._promised),), parent)
        parent = entity(ground, relation.prop.parent)
        held = {ours: parent.value(theirs) for theirs, ours in relation.pairs}
        if relation.is_many_to_many:
            target = entity(ground, relation.prop.mapper)
            held |= {ours: target.value(theirs) for theirs, ours in relation.far_pairs}
            table = ground.table(table_name(relation.child))
            assert table is not None
            link = ground.maker.row(table, {str(column.name): value for column, value in held.items()})
            kept = GONE if relation.deletes else STAYS
            return _Case(parent, ((link, GONE), (target.first, kept)), target)
        child = entity(ground, relation.prop.mapper, held)
        row = child.rows[relation.child]
        if self._promised == DEFAULTED:
            rule = self._rule(row, parent.rows[relation.parent])
            make_default(ground, rule, row, parent.rows[relation.parent])
            self._defaults = rule.changes
        return _Case(parent, ((row, self._promised),), child)

    def _rule(self, child: Row, parent: Row) -> Rule:
        ondelete = self._relation.ondelete
        assert ondelete is not None
        pairs = tuple((str(ours.name), str(theirs.name)) for theirs, ours in self._relation.pairs)
        defaults = self._ground.defaults(child.table, ondelete, [ours for ours, _ in pairs])
        return Rule(self._claim.subject, child.table.oid, parent.table.oid, pairs, ondelete, defaults=defaults)

    def _check_met(self, case: _Case) -> None:
        """Refuse to say anything where the relationship does not lead to the row that was made for it."""
        relation = self._relation
        assert case.met is not None
        target = case.met.mapper.class_
        try:
            with self._session() as session:
                start = case.doomed.loaded(session)
                attribute = getattr(type(start), relation.attribute)
                query = select(relation.prop.mapper.class_).where(with_parent(start, attribute))
                is_met = any(isinstance(one, target) for one in session.scalars(query).unique())
        except SessionRefused as refusal:
            raise CannotMake(f"SQLAlchemy can't load the rows that were made: {refusal}") from refusal
        if not is_met:
            raise CannotMake("its join asks for more than its columns, and does not meet the rows made for it")

    def _seen(self, case: _Case, *, loaded: bool) -> tuple[str, list[str]]:
        """What became of the rows, and what of it was not promised."""
        rows = [row for row, _ in case.promises]
        happened = happening(self._ground, case.doomed.first, rows, lambda: self._deletion(case.doomed, loaded=loaded))
        refusal = happened.refusal
        if refusal is not None:
            is_promised = self._promised == REFUSED and not refusal.is_late
            return REFUSED, [] if is_promised else [f"the delete is stopped{refusal.when}: {refusal.words}"]
        fates = [(row, self._fate(happened, row), wanted) for row, wanted in case.promises]
        problems = [
            f"the row of {row.table.label} {becomes(fate)}"
            for row, fate, wanted in fates
            if not self._is_as_promised(happened, row, wanted)
        ]
        return fates[0][1], problems

    def _fate(self, happened: Happened, row: Row) -> str:
        return words(happened.seen[row])

    def _is_as_promised(self, happened: Happened, row: Row, wanted: str) -> bool:
        seen = happened.seen[row]
        if wanted == GONE or isinstance(seen, str):
            return wanted == GONE and seen == "gone"
        if wanted == STAYS:
            return not seen
        columns = {str(column.name) for column in self._relation.child_columns}
        changed = {name: value for name, value in seen.items() if name in columns}
        if wanted == NULLED:
            return None in changed.values()
        return wanted == DEFAULTED and changed == self._defaults

    @contextmanager
    def _deletion(self, doomed: Entity, *, loaded: bool) -> Iterator[None]:
        with self._session() as session:
            one = doomed.loaded(session)
            if loaded:
                self._load(one)
            session.delete(one)
            session.flush()
            yield

    def _load(self, one: Any) -> None:
        try:
            getattr(one, self._relation.attribute)
        except SQLAlchemyError as error:
            # lazy="raise": nobody has them loaded in this way.
            if isinstance(error, DBAPIError):
                raise

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session in the savepoint.

        Errors: :exc:`.SessionRefused` for what SQLAlchemy itself refuses, :exc:`.CannotMake` for what the application's
        own code does.
        """
        with warnings.catch_warnings():
            # Such as of rows that the database has deleted already.
            warnings.simplefilter("ignore")
            with Session(self._ground.connection, join_transaction_mode="create_savepoint") as session:
                try:
                    yield session
                except (CannotMake, DBAPIError):
                    raise
                except Exception as error:
                    if is_of_sqlalchemy(error):
                        raise SessionRefused(f"{type(error).__name__}: {_line(error)}") from error
                    raise CannotMake(
                        f"code of the application stops it: {type(error).__name__}: {_line(error)}"
                    ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
