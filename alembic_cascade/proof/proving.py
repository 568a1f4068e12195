"""Proofs of all that is promised, or of one thing; whatever is done for them is undone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError

from alembic_cascade.config import CascadeConfig, milliseconds
from alembic_cascade.errors import CascadeError, UnsupportedDialect
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.proof.claims import Claim, KeyClaim, RelationClaim, UnknownClaim
from alembic_cascade.proof.foresight import Rule
from alembic_cascade.proof.ground import Ground, Promise
from alembic_cascade.proof.key_proof import Finding, promised, prove_key
from alembic_cascade.proof.outcome import Proof, Verdict
from alembic_cascade.proof.refusals import CannotMake, NeedsSavepoints, said
from alembic_cascade.proof.relation_proof import promised_by, prove_relation
from alembic_cascade.rolling_back import rolled_back
from alembic_cascade.sql.lock_timeout import limit_waiting
from alembic_cascade.sql.quoting import verbatim

_SESSION = """
SELECT pg_catalog.pg_is_in_recovery() AS standby,
    pg_catalog.current_setting('transaction_read_only') = 'on' AS read_only,
    pg_catalog.current_setting('session_replication_role') AS role"""
# What row security would hide is an error rather than gone.
_SEE_ALL = "SELECT pg_catalog.set_config('row_security', 'off', true)"


class Prover:
    """Proves one thing after another on a connection, whose catalogue is read once.

    Errors: :exc:`.UnsupportedDialect`, and :exc:`.CascadeError` where the session can't write, or its keys don't act.
    """

    def __init__(self, connection: Connection, metadatas: Sequence[MetaData], *, config: CascadeConfig) -> None:
        if connection.dialect.name != "postgresql":
            instead = "What its keys do can only be tried on PostgreSQL."
            raise UnsupportedDialect(connection.dialect.name, "A proof", instead)
        self._connection = connection
        self._metadatas = tuple(metadatas)
        self._config = config
        _check_session(connection)
        self._ground = Ground.of(connection, self._metadatas)

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What there is to prove: by the models, then by the database's keys on tables that these lack.

        Keys and relationships of optional tables that the database lacks are left out.
        """
        present = [claim for claim in self._ground.declared if not self._is_absent_on_purpose(claim)]
        return (*present, *self._ground.undeclared())

    def prove(self, claim: Claim) -> Proof:
        """Prove one thing, by itself."""
        with self._undone():
            return self._proof(claim)

    def proofs(self, wanted: Sequence[Claim] | None = None) -> Generator[Proof, None, None]:
        """Prove all, or what is ``wanted``, one after the other; rows that any row needs are made once."""
        with self._undone():
            for claim in self.claims if wanted is None else wanted:
                yield self._proof(claim)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        self._ground.shown.clear()
        with rolled_back(self._connection), self._ground.maker.rolled_back():
            limit = None if self._config.lock_timeout is None else milliseconds(self._config.lock_timeout)
            if limit is not None:
                self._connection.execute(verbatim(limit_waiting(limit)))
            self._connection.execute(verbatim(_SEE_ALL))
            self._ground.deferred.check_at_once(self._connection)
            yield

    @cached_property
    def _rules(self) -> list[Rule]:
        promises = [self._ground.promise(claim) for claim in self.claims if isinstance(claim, KeyClaim)]
        return self._ground.rules([promise for promise in promises if isinstance(promise, Promise)])

    def _proof(self, claim: Claim) -> Proof:
        match claim:
            case KeyClaim():
                return self._proof_of_key(claim)
            case RelationClaim():
                return self._proof_of_relation(claim)
            case UnknownClaim():
                return _proof(claim, "not provable", "unknown", "", claim.problem)
            case _:
                raise AssertionError(claim)

    def _proof_of_key(self, claim: KeyClaim) -> Proof:
        try:
            promise = self._ground.promise(claim)
            if isinstance(promise, str):
                return _proof(claim, "broken", str(claim.ondelete), "nothing", promise)
            finding = self._tried(partial(prove_key, self._ground, promise, self._rules))
        except CannotMake as refusal:
            return _proof(claim, "not provable", str(claim.ondelete), "", str(refusal))
        except DBAPIError as error:
            return _proof(claim, "not provable", str(claim.ondelete), "", said(error))
        return _found(claim, promised(promise.rule), finding)

    def _proof_of_relation(self, claim: RelationClaim) -> Proof:
        promised_ = promised_by(claim)
        try:
            finding = self._tried(partial(prove_relation, self._ground, claim))
        except CannotMake as refusal:
            return _proof(claim, "not provable", promised_, "", str(refusal))
        except DBAPIError as error:
            return _proof(claim, "not provable", promised_, "", said(error))
        return _found(claim, promised_, finding)

    def _tried(self, prove: Callable[[], Finding]) -> Finding:
        """A proof without a savepoint for each row; once more with them, where a statement fails unexpectedly."""
        maker = self._ground.maker
        maker.careful = False
        try:
            return prove()
        except (NeedsSavepoints, DBAPIError):
            maker.careful = True
            return prove()

    def _is_absent_on_purpose(self, claim: Claim) -> bool:
        return any(self._is_absent(name) for name in claim.tables)

    def _is_absent(self, name: TableName) -> bool:
        schema = name.schema or self._connection.dialect.default_schema_name
        return self._ground.table(name) is None and self._config.is_optional(schema, name.name)


def proofs(connection: Connection, metadatas: Sequence[MetaData], *, config: CascadeConfig) -> Iterator[Proof]:
    """Prove every foreign key and every relationship of the models; of tables that they lack, the database's keys.

    All is done in savepoints that are rolled back: nothing stays but what sequences gave. The order is the same in each
    run. Errors: as of :class:`Prover`.
    """
    return Prover(connection, metadatas, config=config).proofs()


def prove(connection: Connection, metadatas: Sequence[MetaData], id: str, *, config: CascadeConfig) -> Proof:  # noqa: A002 - it is one
    """Prove the one thing that has the ``id``, such as ``posts.user_id->users.id`` or ``User.posts``.

    Errors: as of :class:`Prover`, and :exc:`.CascadeError` where nothing has that id.
    """
    prover = Prover(connection, metadatas, config=config)
    claim = next((claim for claim in prover.claims if claim.id == id), None)
    if claim is None:
        raise CascadeError(f"There is no key and no relationship {id} in the models or the database.")
    return prover.prove(claim)


def _check_session(connection: Connection) -> None:
    session = connection.execute(verbatim(_SESSION)).one()
    if session.standby or session.read_only:
        what = "This is a standby server" if session.standby else "This session is read-only"
        raise CascadeError(
            f"{what}, and a proof makes rows, though none of them stays. Connect to the primary server, in a session "
            "whose default_transaction_read_only is off."
        )
    if session.role != "origin":
        raise CascadeError(
            f"session_replication_role is {session.role} in this session: its foreign keys do nothing, and nothing can "
            "be proved. Let env.py connect without it."
        )


def _found(claim: Claim, promised_: str, finding: Finding) -> Proof:
    verdict: Verdict = "broken" if finding.problems else "proved"
    return _proof(claim, verdict, promised_, finding.happened, "; ".join(finding.problems) or None)


def _proof(claim: Claim, outcome: Verdict, promised_: str, happened: str, reason: str | None) -> Proof:
    table = claim.table
    return Proof(claim.id, claim.subject, claim.kind, outcome, promised_, happened, reason, table.schema, table.name)
