"""What the author's audit says of every model, and its validation checklist, looked up in mappers and database."""

from __future__ import annotations

from collections.abc import Callable

from load import known
from models import (
    Attachment,
    AuditLog,
    Base,
    JiraAuthToken,
    JiraProjectContext,
    Session,
    SessionError,
    SessionTask,
    SessionValidation,
    Ticket,
    TicketDependency,
    UploadedFile,
)
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import RelationshipProperty
from storytelling import checking, inspection
from storytelling.checking import failed
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage

# For each model: what its author notes, its relationships, and its status.
STATUS: list[tuple[type[Base], str, set[str]]] = [
    (
        Session,
        "All relationships defined with back_populates",
        {
            "uploaded_files",
            "session_task",
            "session_validation",
            "project_context",
            "tickets",
            "session_errors",
            "audit_events",
        },
    ),
    (SessionTask, "Back-reference to session added", {"session"}),
    (SessionValidation, "Back-reference to session added", {"session"}),
    (UploadedFile, "Correct as originally specified", {"session"}),
    (
        Ticket,
        "Removed attachment_id FK, uses relationship only",
        {"session", "attachment", "dependencies", "depends_on"},
    ),
    (TicketDependency, "Both ticket references defined", {"dependent_ticket", "dependency_ticket"}),
    (Attachment, "Holds FK to ticket, back-reference defined", {"ticket", "session"}),
    (JiraAuthToken, "No relationships needed (standalone)", set()),
    (JiraProjectContext, "Back-reference to session added", {"session"}),
    (SessionError, "Session + optional entity references defined", {"session", "related_file", "related_ticket"}),
    (AuditLog, "Nullable session reference defined", {"session"}),
]

# Its author says of these that they are meant to have no other side.
ONE_WAY = {"Attachment.session", "SessionError.related_file", "SessionError.related_ticket"}

# What its author gives each relationship: cascade and loading.
CASCADES = {
    "Session.uploaded_files": "delete-orphan",
    "Session.session_task": "delete-orphan",
    "Session.session_validation": "delete-orphan",
    "Session.project_context": "delete-orphan",
    "Session.tickets": "delete-orphan",
    "Session.session_errors": "delete-orphan",
    "Session.audit_events": "none",
    "Ticket.attachment": "delete-orphan",
    "Ticket.dependencies": "delete-orphan",
    "Ticket.depends_on": "delete-orphan",
}
LOADING = {
    "Session.uploaded_files": "joined",
    "Session.session_task": "joined",
    "Session.session_validation": "joined",
    "Session.project_context": "joined",
    "Session.tickets": "select",
    "Session.session_errors": "select",
    "Session.audit_events": "select",
}
ONE_TO_ONE = ("Session.session_task", "Session.session_validation", "Session.project_context", "Ticket.attachment")


def show_status(stage: Stage) -> None:
    """The author's table of models, each looked at."""
    stage.narrator.chapter("The status of every model")
    for model, note, expected in STATUS:
        stage.narrator.claim(f"status: {model.__name__}: {note}", _status(model, expected))


def _status(model: type[Base], expected: set[str]) -> str:
    found = set(inspect(model).relationships.keys())
    problems = [f"{name} is missing" for name in sorted(expected - found)]
    problems += [f"{name} is one too many" for name in sorted(found - expected)]
    problems += [
        f"{name} has no other side"
        for name in sorted(found & expected)
        if f"{model.__name__}.{name}" not in ONE_WAY and not _other_side(relationships()[f"{model.__name__}.{name}"])
    ]
    if model is Ticket and "attachment_id" in inspect(model).columns:
        problems.append("it has attachment_id")
    if model is AuditLog and not inspect(model).columns["session_id"].nullable:
        problems.append("session_id takes no NULL")
    return "; ".join(problems)


def relationships() -> dict[str, RelationshipProperty]:
    """All relationships by their names."""
    return {
        f"{model.__name__}.{relationship.key}": relationship
        for model, _, _ in STATUS
        for relationship in inspect(model).relationships
    }


def _other_side(relationship: RelationshipProperty) -> RelationshipProperty | None:
    """The relationship that leads back, and says so."""
    back = relationship.mapper.relationships.get(relationship.back_populates or "")
    return back if back is not None and back.back_populates == relationship.key else None


def criteria(stage: Stage) -> dict[str, str]:
    """The checklist, with what is against each line."""
    engine = stage.engine
    return {
        "Every `back_populates` has corresponding relationship on target model": "; ".join(
            name for name, each in relationships().items() if each.back_populates and not _other_side(each)
        ),
        "Foreign key relationships have appropriate back-references": _one_way(stage),
        "Cascade behavior is appropriate for each relationship type": "; ".join(
            filter(None, [_differing(CASCADES, _cascade), checking.children_that_stay(engine, PARENTS)])
        ),
        "Loading strategies match usage patterns": _differing(LOADING, lambda each: str(each.lazy)),
        "Self-referential relationships (TicketDependency) properly configured": _dependencies(engine),
        "Optional foreign keys (nullable) handled with SET NULL": _optional_keys(engine),
        "1:1 relationships use `uselist=False`": "; ".join(
            name for name in ONE_TO_ONE if relationships()[name].uselist
        ),
        "No circular FK patterns (Ticket/Attachment fixed)": _circles(engine),
        "Unique constraints enforce 1:1 where needed (Attachment.ticket_id)": checking.statements_that_pass(
            engine, {"a second attachment": (SECOND_ATTACHMENT, "attachments_ticket_id_key")}
        ),
    }


# A session and a ticket that have something of everything; the second ticket depends on one, and another one on it.
PARENTS = [(Session, known("sessions", 3)), (Ticket, known("tickets", 19))]
SECOND_ATTACHMENT = """
INSERT INTO attachments (id, session_id, ticket_id)
SELECT gen_random_uuid(), session_id, ticket_id FROM attachments LIMIT 1
"""


def _one_way(stage: Stage) -> str:
    """What leads one way only, but for what env.py waives with a reason."""
    rules = ("--rule", "one-way-relationship", "--rule", "one-sided-back-populates", "--fail-on", "info")
    ran = stage.narrator.alembic_cascade("audit", "--models-only", *rules)
    return failed(ran)


def _cascade(relationship: RelationshipProperty) -> str:
    return (
        "delete-orphan" if relationship.cascade.delete_orphan else "delete" if relationship.cascade.delete else "none"
    )


def _differing(expected: dict[str, str], found: Callable[[RelationshipProperty], str]) -> str:
    having = {name: found(relationships()[name]) for name in expected}
    return "; ".join(
        f"{name} has {having[name]}, not {what}" for name, what in expected.items() if having[name] != what
    )


def _dependencies(engine: Engine) -> str:
    """Two keys to one table, each with a relationship of its own, whose other side is right."""
    sides = {"Ticket.dependencies": "ticket_id", "Ticket.depends_on": "depends_on_ticket_id"}
    joined = {name: {remote.name for _, remote in relationships()[name].local_remote_pairs} for name in sides}
    wrong = [f"{name} joins by {joined[name]}" for name, column in sides.items() if joined[name] != {column}]
    with engine.connect() as connection:
        keys = [key for key in inspection.foreign_keys(connection) if key.child == "ticket_dependencies"]
    if sorted((key.parent, key.columns[0][0]) for key in keys) != [
        ("tickets", each) for each in sorted(sides.values())
    ]:
        wrong.append("the database has other keys")
    return "; ".join(wrong)


# By nullable columns, to other tables, without SET NULL.
_OPTIONAL = """
SELECT conrelid::regclass || '.' || attname, confdeltype = 'n'
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT attnotnull ORDER BY 1
"""


def _optional_keys(engine: Engine) -> str:
    """In the catalogue, and with a session that goes and a log that stays."""
    session = known("sessions", 3)
    with rolled_back(engine) as connection:
        found = dict(connection.execute(text(_OPTIONAL)).tuples().all())
        wrong = [name for name, sets_null in found.items() if not sets_null]
        if set(found) != {"audit_log.session_id", "session_errors.related_file_id", "session_errors.related_ticket_id"}:
            wrong.append(f"there are {', '.join(found)}")
        count = "SELECT count(*), count(session_id) FROM audit_log"
        events, of_sessions = connection.execute(text(count)).one()
        connection.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": session})
        left, of_sessions_left = connection.execute(text(count)).one()
    if left != events or of_sessions_left >= of_sessions:
        wrong.append(f"{left} of {events} events are left, {of_sessions_left} of {of_sessions} have a session")
    return "; ".join(wrong)


def _circles(engine: Engine) -> str:
    """Tables that refer to each other, on whatever way."""
    with engine.connect() as connection:
        refers = {(key.child, key.parent) for key in inspection.foreign_keys(connection)}
    while further := {(a, d) for a, b in refers for c, d in refers if b == c} - refers:
        refers |= further
    circles = sorted({child for child, parent in refers if child == parent})
    return f"in a circle: {', '.join(circles)}" if circles else ""
