"""What was seen, judged: why it is not simply safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alembic_cascade.rehearsal.observed import Observed
from alembic_cascade.rehearsal.outcome import STOPS_READERS, STOPS_WRITERS, Operation, Phase, Reason
from alembic_cascade.rehearsal.rows import RowDifference
from alembic_cascade.rehearsal.running import AGAIN, DOWNGRADE, UPGRADE
from alembic_cascade.rehearsal.schemas import schema_differences
from alembic_cascade.sql.quoting import quote_table

UPGRADE_FAILS = "upgrade fails"
IRREVERSIBLE = "irreversible downgrade"
NOT_REPEATABLE = "not repeatable"
LOST_ROWS = "lost rows"
WRONG_RESTORE = "wrong restore"
SET_BACK = "sequence set back"
BEYOND = "changed beyond"
KEY_GONE = "drop without recreate"
LONG_LOCK = "long lock"
REWRITE = "rewrite"
BROKEN = "broken promise"
QUARANTINED = "rows quarantined"
NOT_PROVED = "not provable"
NOT_VERIFIED = "not verified"
NOT_COMPARED = "not compared"

OF_ENDS = {UPGRADE: UPGRADE_FAILS, DOWNGRADE: IRREVERSIBLE, AGAIN: NOT_REPEATABLE}


@dataclass(frozen=True)
class Limits:
    """The seconds that others may have to wait for a lock, and the rows from which on a table is big."""

    max_lock: float = 1.0
    big_table: int = 10_000


def reasons(seen: Observed, limits: Limits) -> Iterator[Reason]:
    """What speaks against it first, then what is to be noted."""
    found = list(_reasons(seen, limits))
    yield from (reason for reason in found if not reason.is_note)
    yield from (reason for reason in found if reason.is_note)


def _reasons(seen: Observed, limits: Limits) -> Iterator[Reason]:
    once = [phase for phase in seen.phases if phase.name != AGAIN]
    for phase in once:
        yield from _of_end(phase)
    yield from _of_schema(seen)
    for difference in seen.differences:
        yield from _of_rows(difference)
    yield from _of_sequences(seen)
    gone = list(_of_keys(seen))
    yield from gone
    yield from _of_proofs(seen, {reason.subject for reason in gone})
    for phase in once:
        yield from _of_locks(phase, seen, limits)
        yield from _of_rewrites(phase, seen, limits)
    yield from _of_quarantine(seen.phases[0])
    yield from _of_repetition(seen)
    yield from _of_what_was_not_seen(seen)


def _of_end(phase: Phase) -> Iterator[Reason]:
    if phase.failure is None:
        return
    where = phase.failure.revision
    subject = f"{phase.name} of {where}" if where else f"commit of the {phase.name}"
    advice = {
        UPGRADE: "Correct the revision, or what it finds in the database.",
        DOWNGRADE: "Write a downgrade that gives back what the upgrade took, or be ready to restore a backup.",
        AGAIN: "Let the downgrade take back all that the upgrade does.",
    }[phase.name]
    yield Reason(OF_ENDS[phase.name], subject, phase.failure.problem, advice)


def _of_schema(seen: Observed) -> Iterator[Reason]:
    if seen.downgraded is not None:
        for each in schema_differences(seen.start.schema, seen.downgraded.schema):
            advice = "Let the downgrade give back the schema that was there."
            yield Reason(IRREVERSIBLE, f"{each.kind} {each.name}", f"after the downgrade: {each}", advice)


def _of_rows(difference: RowDifference) -> Iterator[Reason]:
    if difference.lost:
        yield Reason(
            LOST_ROWS,
            difference.table,
            f"{_rows(difference.lost)} there at the start {_are(difference.lost)} gone after the downgrade"
            f"{_named(difference.lost_keys, difference.lost)}",
            "Keep what the upgrade removes, as op.clean_orphans() does, and let the downgrade put it back.",
        )
    other = [(difference.changed, "other values than at the start"), (difference.new, "no counterpart at the start")]
    told = " and ".join(f"{_rows(count)} {'has' if count == 1 else 'have'} {what}" for count, what in other if count)
    if told:
        yield Reason(
            WRONG_RESTORE,
            difference.table,
            f"after the downgrade, {told}{_named(difference.other_keys, difference.changed + difference.new)}",
            "Let the downgrade put back the very values that the upgrade took.",
        )


def _of_sequences(seen: Observed) -> Iterator[Reason]:
    for one in seen.set_back:
        said = f"set from {one.was} to {one.found}, which no transaction takes back; it was put back afterwards"
        yield Reason(SET_BACK, one.label, said, "Look for values that others were given twice meanwhile.")


def _of_keys(seen: Observed) -> Iterator[Reason]:
    if seen.upgraded is None:
        return
    for place in sorted((seen.start.keys & seen.wanted.keys()) - seen.upgraded.keys, key=repr):
        yield Reason(
            KEY_GONE,
            seen.wanted[place].label,
            "the upgrade drops the foreign key, which the models declare, and does not make it again",
            "Make the key again in the same revision, or take it out of the models.",
        )


def _of_proofs(seen: Observed, told: set[str]) -> Iterator[Reason]:
    for proof in seen.proofs or ():
        if proof.outcome == "broken" and proof.subject not in told:
            said = f"promised: {proof.promised}; {proof.reason or f'happened: {proof.happened}'}"
            yield Reason(BROKEN, proof.subject, said, "alembic-cascade verify and audit say more.")
        elif proof.outcome == "not provable":
            said = proof.reason or "no rows could be made that would show it"
            yield Reason(NOT_PROVED, proof.subject, said, "Try it by hand.", is_note=True)


def _of_locks(phase: Phase, seen: Observed, limits: Limits) -> Iterator[Reason]:
    before = seen.start if phase.name == UPGRADE else seen.upgraded
    for operation in phase.operations:
        for use in operation.uses:
            if use.lock is None or use.lock.mode < STOPS_WRITERS or use.lock.seconds <= limits.max_lock:
                continue
            # Nobody waits for a table that is new, or empty.
            if before is not None and before.rows_of(use.table) == 0:
                continue
            who = "readers and writers" if use.lock.mode >= STOPS_READERS else "writers"
            held = f"{use.lock.name} held for {use.lock.seconds:.2f} s, while {who} wait"
            yield Reason(
                LONG_LOCK,
                use.table,
                f"{phase.name}, {place(operation)}: {held}",
                "Change it step by step while people work (concurrently), or at a time when nobody does.",
                is_note=phase.name != UPGRADE,
            )


def _of_rewrites(phase: Phase, seen: Observed, limits: Limits) -> Iterator[Reason]:
    before = seen.start if phase.name == UPGRADE else seen.upgraded
    for operation in phase.operations:
        for use in operation.uses:
            rows = None if before is None else before.rows_of(use.table)
            if use.rewritten and rows is not None and rows > limits.big_table:
                done = f"its {_rows(rows)} are written anew, and nobody reads them meanwhile"
                yield Reason(
                    REWRITE,
                    use.table,
                    f"{phase.name}, {place(operation)}: {done}",
                    "Add a column beside it and fill it in batches, or do it at a time when nobody works.",
                    is_note=phase.name != UPGRADE,
                )


def _of_quarantine(upgrade: Phase) -> Iterator[Reason]:
    for operation in upgrade.operations:
        if operation.quarantined:
            count = operation.quarantined
            said = f"{_rows(count)} or values of rows {_are(count)} set aside"
            advice = (
                "See who they are: alembic-cascade orphans before the upgrade, alembic-cascade quarantine after it."
            )
            yield Reason(QUARANTINED, place(operation), said, advice, is_note=True)


def _of_repetition(seen: Observed) -> Iterator[Reason]:
    for phase in seen.phases:
        if phase.name == AGAIN:
            yield from _of_end(phase)
    if seen.again is None or seen.upgraded is None:
        return
    for each in schema_differences(seen.upgraded.schema, seen.again.schema):
        advice = "Let the downgrade take back all that the upgrade does."
        yield Reason(NOT_REPEATABLE, f"{each.kind} {each.name}", f"after the second upgrade: {each}", advice)
    before, after = seen.upgraded.checksums, seen.again.checksums
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            said = "the second upgrade leaves other rows than the first"
            advice = "That is well where the upgrade writes what is new each time, as now() or random values."
            yield Reason(NOT_REPEATABLE, quote_table(*name), said, advice, is_note=True)


def _of_what_was_not_seen(seen: Observed) -> Iterator[Reason]:
    for name in seen.beyond:
        said = "changed meanwhile, by the rehearsal or by others, and no copy holds that"
        yield Reason(BEYOND, name, said, "Look who did it. With --rollback it would be rolled back.", is_note=True)
    for table in seen.start.tables:
        if not table.readable:
            said = "its rows may not be read by this role"
            yield Reason(NOT_COMPARED, table.label, said, "Rehearse as a role that may.", is_note=True)
    if seen.upgraded is not None and not seen.is_verifiable:
        why, advice = "env.py gives context.configure() no target_metadata", "Let it give the models."
        if seen.plan.metadatas:
            why, advice = "the models are those of the head, and the rehearsal ends before it", "Rehearse up to head."
        yield Reason(NOT_VERIFIED, "foreign keys and relationships", why, advice, is_note=True)


def place(operation: Operation) -> str:
    """The revision and the line."""
    return f"{operation.revision}:{operation.line}" if operation.line else operation.revision


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _named(keys: tuple[str, ...], count: int) -> str:
    if not keys:
        return ""
    more = f" and {count - len(keys)} more" if count > len(keys) else ""
    return f": {', '.join(keys)}{more}"
