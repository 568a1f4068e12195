"""What each kind of test looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event

from alembic_cascade.audit.auditing import audit, models_left_alone
from alembic_cascade.audit.database import read_database
from alembic_cascade.audit.findings import Severity
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject, schemas_of
from alembic_cascade.differences import Difference, differences
from alembic_cascade.orphans.links import links_of, whole_database
from alembic_cascade.orphans.looked import Status, Wanted
from alembic_cascade.orphans.looking import locate, look
from alembic_cascade.orphans.remarks import ORPHANED_ROWS, findings
from alembic_cascade.proof import Claim
from alembic_cascade.rehearsal.environments import postgresql
from alembic_cascade.sql.quoting import verbatim
from alembic_cascade.testing.laboratory import Head, Laboratory
from alembic_cascade.testing.restoring import restoration
from alembic_cascade.testing.servers import Named
from alembic_cascade.testing.stages import Stages
from alembic_cascade.testing.words import of_differences, of_finding, of_proof, of_reason, of_uncounted


@dataclass(frozen=True)
class Outcome:
    """``problems`` are what a test fails with; ``skipped`` is why nothing was tried, ``expected`` why it may fail.

    ``notes`` are told at the end of a run.
    """

    problems: tuple[str, ...] = ()
    skipped: str | None = None
    expected: str | None = None
    notes: tuple[str, ...] = ()


Check = Callable[[Laboratory], Outcome]


def promise(claim: Claim) -> Check:
    """Whether a key or a relationship does what it promises."""

    def check(laboratory: Laboratory) -> Outcome:
        prover = laboratory.prover
        present = next((one for one in prover.claims if one.id == claim.id), None)
        if present is None:
            return Outcome(skipped="its table is one of optional_tables, and no revision makes it")
        proof = prover.prove(present)
        return Outcome() if proof.is_proved else Outcome((of_proof(proof),))

    return check


def no_drift(laboratory: Laboratory) -> Outcome:
    """Whether the revisions lead to what the models say."""

    def compared(context: MigrationContext, _script: ScriptDirectory) -> tuple[Difference, ...]:
        connection = postgresql(context)
        return differences(connection, laboratory.head.metadatas, context.opts, other="the database", rewritten=True)

    if not laboratory.head.metadatas:
        return Outcome(skipped="env.py gives context.configure() no target_metadata")
    with laboratory.led_to(laboratory.head.url):
        found = laboratory.environment.look(compared)
    return Outcome((of_differences(found),)) if found else Outcome()


def no_orphans(laboratory: Laboratory) -> Outcome:
    """Whether every reference has its parent: in what the revisions themselves write, and in the named database."""
    head = laboratory.head
    with head.connection() as connection:
        problems = list(_orphans(connection, head))
    if laboratory.asked.url is not None:
        engine = create_engine(Named.by(laboratory.asked.url).url, poolclass=NullPool)
        event.listen(engine, "begin", _read_only)
        with engine.connect() as connection:
            translated = connection.execution_options(schema_translate_map=dict(head.plan.translated) or None)
            named = f"in {laboratory.asked.url.database or 'the named database'}: "
            problems += [f"{named}{problem}" for problem in _orphans(translated, head)]
    return Outcome(tuple(problems))


def _read_only(connection: Connection) -> None:
    connection.execute(verbatim("SET TRANSACTION READ ONLY"))


def _orphans(connection: Connection, head: Head) -> Iterator[str]:
    subject = whole_database(connection, _subject(connection, head))
    located = locate(connection, links_of(subject), subject)
    looked = look(connection, located, Wanted(), lambda _label: None)
    for one in looked:
        if one.status is Status.REFUSED:
            yield of_uncounted(one)
        for finding in findings([one]):
            if finding.severity is Severity.ERROR:
                yield of_finding(finding, one.samples if finding.rule == ORPHANED_ROWS else ())


def relationships_consistent(laboratory: Laboratory) -> Outcome:
    """Whether an audit of models and database finds nothing that nobody can mean."""
    head = laboratory.head
    if not head.metadatas:
        return Outcome(skipped="env.py gives context.configure() no target_metadata")
    with head.connection() as connection, models_left_alone():
        subject = _subject(connection, head)
        database = read_database(connection, schemas_of(head.metadatas, subject.default_schema))
        found = audit(replace(subject, database=database)).findings
    return Outcome(tuple(of_finding(finding) for finding in found if finding.severity is Severity.ERROR))


def _subject(connection: Connection, head: Head) -> Subject:
    return Subject(
        head.metadatas,
        mapped_models(head.metadatas),
        head.plan.config,
        default_schema=connection.dialect.default_schema_name or "public",
        dialect=connection.dialect,
        translated=head.plan.translated,
    )


def restores(revision: str, stages: Callable[[], Stages]) -> Check:
    """Whether a downgrade gives back what the upgrade found."""

    def check(laboratory: Laboratory) -> Outcome:
        found = restoration(laboratory, stages(), revision)
        problems = tuple(of_reason(revision, reason) for reason in found.reasons)
        if revision not in laboratory.asked.irreversible:
            return Outcome(problems, notes=found.notes)
        listed = "alembic_cascade_irreversible lists it"
        if problems:
            return Outcome(problems, expected=listed, notes=found.notes)
        return Outcome((f"{revision} gives all back\n  to do     take it out of alembic_cascade_irreversible.",))

    return check
