"""Where revisions are rehearsed: on a copy, on a database that was prepared, or in a transaction."""

from __future__ import annotations

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from alembic_cascade.errors import RehearsalRefused
from alembic_cascade.rehearsal.addresses import Address, address_of, noted_addresses
from alembic_cascade.rehearsal.copies import copy_of, source_at
from alembic_cascade.rehearsal.environments import Environment, planned, postgresql
from alembic_cascade.rehearsal.in_transaction import observed_in_transaction
from alembic_cascade.rehearsal.judging import Limits, reasons
from alembic_cascade.rehearsal.observed import Observed
from alembic_cascade.rehearsal.on_copy import observed_on
from alembic_cascade.rehearsal.outcome import Rehearsal
from alembic_cascade.rehearsal.rows import Step


def rehearse_on_copy(environment: Environment, revision: str, limits: Limits, step: Step) -> Rehearsal | None:
    """Copy the database, and rehearse there; None where there is nothing to upgrade.

    Errors: :exc:`.RehearsalRefused`, :exc:`.CascadeError`.
    """
    address, is_needed = _known(environment, revision)
    if not is_needed:
        return None
    source = source_at(address)
    step(f"copying {source.database} ({source.size})")
    with copy_of(source, address) as copy:
        seen = observed_on(environment, copy, revision, step)
    return None if seen is None else _judged(seen, source.database, f"a copy of {source.size}", limits)


def rehearse_into(environment: Environment, url: URL, revision: str, limits: Limits, step: Step) -> Rehearsal | None:
    """Rehearse on the database of that address, which is changed; None where there is nothing to upgrade.

    Errors: :exc:`.RehearsalRefused` where it is the database of env.py itself, :exc:`.CascadeError`.
    """
    address, _ = _known(environment, revision=None)
    other = address.at(url)
    if other.identity() == address.identity():
        raise RehearsalRefused(
            "--into names the very database that env.py connects to, which would be changed",
            "Name a copy of it, or rehearse in a transaction by --rollback.",
        )
    seen = observed_on(environment, other, revision, step)
    return None if seen is None else _judged(seen, seen.plan.database, "the database itself, which is changed", limits)


def rehearse_in_transaction(environment: Environment, revision: str, limits: Limits, step: Step) -> Rehearsal | None:
    """Rehearse on the database itself, in one transaction that is rolled back; None where there is nothing to upgrade.

    Errors: :exc:`.RehearsalRefused`, :exc:`.CascadeError`.
    """
    seen = observed_in_transaction(environment, revision, step)
    return None if seen is None else _judged(seen, seen.plan.database, "one transaction, rolled back", limits)


def _known(environment: Environment, revision: str | None) -> tuple[Address, bool]:
    """Where env.py connects to, with nothing of it left connected, and whether there is something to upgrade there."""

    def look(context: MigrationContext, script: ScriptDirectory) -> tuple[Address | None, bool]:
        connection = postgresql(context)
        is_needed = revision is None or bool(planned(context, script, revision).revisions)
        return address_of(connection), is_needed

    with noted_addresses():
        address, is_needed = environment.look(look)
    if address is None:
        raise RehearsalRefused(
            "env.py makes its connection in a way of its own, which can't be led to a copy", "Rehearse with --rollback."
        )
    return address, is_needed


def _judged(seen: Observed, database: str, place: str, limits: Limits) -> Rehearsal:
    return Rehearsal(
        database,
        place,
        seen.plan.revisions,
        seen.phases,
        seen.proofs,
        len(seen.start.checksums),
        seen.start.rows,
        tuple(reasons(seen, limits)),
    )
