"""A rehearsal on a database that may be changed: a copy, or one that somebody prepared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic_cascade.errors import RehearsalRefused
from alembic_cascade.rehearsal.addresses import Address
from alembic_cascade.rehearsal.diversion import diverted
from alembic_cascade.rehearsal.environments import Environment, Plan, planned, postgresql
from alembic_cascade.rehearsal.observed import Observed, changed_rows
from alembic_cascade.rehearsal.outcome import Failure
from alembic_cascade.rehearsal.promises import proved
from alembic_cascade.rehearsal.rows import Step
from alembic_cascade.rehearsal.running import AGAIN, DOWNGRADE, UPGRADE, Way, in_words
from alembic_cascade.rehearsal.states import first_state_of, state_of, wanted_keys
from alembic_cascade.rehearsal.watching import Watch
from alembic_cascade.rehearsal.witness import Witness
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import verbatim


def observed_on(
    environment: Environment, address: Address, revision: str, step: Step, *, verify: bool = True
) -> Observed | None:
    """Lead env.py to the database at that address, and rehearse there; None where there is nothing to upgrade.

    Without ``verify`` no promise is proved.
    Errors: :exc:`.RehearsalRefused` where it can't be led there, :exc:`.CascadeError`.
    """
    with diverted(address, address.identity()), Witness(address) as witness:
        plan = environment.look(lambda context, script: planned(context, script, revision))
        if not plan.revisions:
            return None
        return _Stage(environment, witness, plan, step).observed(verify=verify)


class _Stage:
    """The database, with env.py and the witness on it."""

    def __init__(self, environment: Environment, witness: Witness, plan: Plan, step: Step) -> None:
        self._environment = environment
        self._witness = witness
        self._plan = plan
        self._step = step

    def observed(self, *, verify: bool) -> Observed:
        """Up, down to where it began, and up again; as far as it goes."""
        before = self._witness.ask(_cluster)
        seen = self._observed(verify=verify)
        after = self._witness.ask(_cluster)
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        # Only a statement by itself makes or drops a database, and such ones are refused: others did that.
        databases = {name for name in before.keys() ^ after.keys() if name.startswith("database ")}
        seen.beyond = tuple(sorted(changed - databases))
        return seen

    def _observed(self, *, verify: bool) -> Observed:
        plan, witness, step = self._plan, self._witness, self._step
        start, kept = witness.ask(lambda connection: first_state_of(connection, plan.version_table, step))
        seen = Observed(plan, start)
        if not self._go(seen, UPGRADE):
            return seen
        self._check_committed()
        seen.upgraded = witness.ask(lambda connection: state_of(connection, plan.version_table, step))
        if verify:
            self._verify(seen)
        if not self._go(seen, DOWNGRADE):
            return seen
        seen.downgraded = witness.ask(lambda connection: state_of(connection, plan.version_table, step, as_of=start))
        seen.differences = witness.ask(lambda connection: changed_rows(connection, seen, kept, step))
        if self._go(seen, AGAIN):
            seen.again = witness.ask(lambda connection: state_of(connection, plan.version_table, step))
        return seen

    def _go(self, seen: Observed, name: str) -> bool:
        """Whether it came to its end."""
        way = Way(name, self._plan, self._step)
        seen.ways.append(way)
        with ExitStack() as listening:

            def steps(context: MigrationContext, script: ScriptDirectory) -> Iterator[RevisionStep]:
                watch = listening.enter_context(Watch(postgresql(context), self._witness))
                yield from way.steps(script, watch)

            try:
                self._environment.migrate(steps)
            except RehearsalRefused:
                raise
            except Exception as error:
                if way.watch is not None and way.watch.refusal is not None:
                    raise way.watch.refusal from error
                if way.watch is None:
                    raise
                way.failure = way.failure or Failure(None, in_words(error))
        if way.watch is not None and way.watch.refusal is not None:
            # Somebody caught it, and went on.
            raise way.watch.refusal
        way.end()
        return way.failure is None

    def _check_committed(self) -> None:
        """Errors: :exc:`.RehearsalRefused` where env.py has not committed what it did."""
        heads = self._environment.look(lambda context, _script: context.get_current_heads())
        if set(heads) == set(self._plan.heads):
            raise RehearsalRefused(
                "env.py did not commit the upgrade, here or anywhere",
                "If it runs SQL before context.configure(), let it call connection.commit() after that.",
            )

    def _verify(self, seen: Observed) -> None:
        if not seen.is_verifiable:
            return
        plan = self._plan

        def verify(context: MigrationContext, _script: ScriptDirectory) -> None:
            connection = postgresql(context)
            seen.wanted = wanted_keys(plan.metadatas, context.dialect, plan.default_schema, plan.translated)
            seen.proofs = proved(connection, plan.metadatas, plan.config, self._step)

        self._environment.look(verify)


def _cluster(connection: Connection) -> dict[str, str]:
    """What the databases of the server share, by its name."""
    rows = connection.execute(verbatim(read_query("alembic_cascade.rehearsal", "cluster")))
    return {row.name: row.said for row in rows}
