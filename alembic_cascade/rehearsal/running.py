"""One way through the revisions, up or down, watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import detail, message
from alembic_cascade.errors import CascadeError, LockNotAcquired, RehearsalRefused
from alembic_cascade.rehearsal.environments import Plan, steps_of
from alembic_cascade.rehearsal.guard import is_refused_commit
from alembic_cascade.rehearsal.outcome import Failure, Operation, Phase
from alembic_cascade.rehearsal.rows import Step
from alembic_cascade.rehearsal.watching import Watch
from alembic_cascade.running import is_about_locks
from alembic_cascade.sql.quoting import quote_table

UPGRADE, DOWNGRADE, AGAIN = "upgrade", "downgrade", "upgrade again"


class Way:
    """The revisions of a plan on their way up, or down; :attr:`watch` listens meanwhile."""

    def __init__(self, name: str, plan: Plan, step: Step) -> None:
        self.name = name
        self.watch: Watch | None = None
        self._is_upgrade = name != DOWNGRADE
        self._revisions = plan.revisions if self._is_upgrade else tuple(reversed(plan.revisions))
        self._version_table = quote_table(*plan.version_table)
        self._step = step
        self._started = 0.0
        self._ended: float | None = None
        self._operations: tuple[Operation, ...] = ()
        self.failure: Failure | None = None

    def steps(self, script: ScriptDirectory, watch: Watch) -> Iterator[RevisionStep]:
        """The steps for Alembic to run."""
        self.watch = watch
        watch.begin(self._version_table)
        self._started = watch.clock.now()

        def watched(step: RevisionStep, path: str) -> None:
            step.migration_fn = self._watched(step.migration_fn, step.revision.revision, path, watch)

        yield from steps_of(script, self._revisions, watched, is_upgrade=self._is_upgrade)

    def _watched(self, run: Callable[..., None], revision: str, path: str, watch: Watch) -> Callable[..., None]:
        def watched(**arguments: object) -> None:
            self._step(f"{self.name} {revision}")
            try:
                with watch.revision(revision, path):
                    run(**arguments)
            except RehearsalRefused:
                raise
            except Exception as error:
                if is_refused_commit(error):
                    watch.refuse()
                if isinstance(error, LockNotAcquired) or (isinstance(error, DBAPIError) and is_about_locks(error)):
                    raise RehearsalRefused(
                        f"Another session was in the way of {revision}: {in_words(error)}", "Try again, or on a copy."
                    ) from error
                self.failure = Failure(revision, in_words(error))
                raise

        return watched

    def end(self) -> None:
        """All is done, and what its transaction locked counts no longer."""
        if self._ended is None and self.watch is not None:
            self._ended = self.watch.clock.now()
            self.watch.release()
            self._operations = self.watch.operations()

    def phase(self) -> Phase:
        """What was seen."""
        self.end()
        return Phase(self.name, (self._ended or 0.0) - self._started, self._operations, self.failure)


def in_words(error: Exception) -> str:
    """An error on one line."""
    if isinstance(error, DBAPIError):
        return ", ".join(filter(None, (message(error), detail(error).rstrip("."))))
    said, kind = " ".join(str(error).split()), type(error).__name__
    # What the package itself says needs no name.
    return said if isinstance(error, CascadeError) else f"{kind}: {said}" if said else kind
