"""Seed 004: eleven models whose relationships were audited by hand, and by our rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from seeds.examples import EXAMPLE
from sqlalchemy import event
from sqlalchemy.orm import Session

from alembic_cascade import CascadeConfig, OnDeleteRule, Waiver
from alembic_cascade.audit.auditing import audit
from audit.models import HEAD, imported, subject

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

# As the seed has them; the fields that it leaves out are the fewest that make the tables what it says of them.
_, _, MODELS = (EXAMPLE / "tickets" / "models.py").read_text().partition('hands to Alembic."""\n\n\n')
MENDED = MODELS.replace(
    'ticket = relationship("Attachment", back_populates="attachment")',
    'ticket = relationship("Ticket", back_populates="attachment")',
)
# What the seed's cascades lack: the keys say CASCADE, and SQLAlchemy is not told to leave the children to them.
FAST = MENDED.replace('cascade="all, delete-orphan"', 'cascade="all, delete-orphan", passive_deletes=True')
INDEXED = re.sub(r"(ForeignKey\([^)]*\))", r"\1, index=True", FAST)

# Attachment.ticket leads to Attachment, and is named as the other side by Ticket.attachment. SQLAlchemy configures all
# mappers of a registry or none: nothing else can be said of the relationships.
# Tables are looked at all the same: these keys have no index, neither of their own nor by a primary key or UNIQUE that
# begins with them.
UNINDEXED = [
    ("unindexed-foreign-key", "attachments.session_id -> sessions.id"),
    ("unindexed-foreign-key", "audit_log.session_id -> sessions.id"),
    ("unindexed-foreign-key", "session_errors.related_file_id -> uploaded_files.id"),
    ("unindexed-foreign-key", "session_errors.related_ticket_id -> tickets.id"),
    ("unindexed-foreign-key", "session_errors.session_id -> sessions.id"),
    ("unindexed-foreign-key", "ticket_dependencies.depends_on_ticket_id -> tickets.id"),
    ("unindexed-foreign-key", "tickets.session_id -> sessions.id"),
    ("unindexed-foreign-key", "uploaded_files.session_id -> sessions.id"),
]
AS_WRITTEN = [("broken-mapper", "Ticket"), *UNINDEXED]
# The lazy delete cascades over CASCADE keys read a collection for each row. Not those that are read with their parent
# anyway (joined), and not audit_events: it sets NULL, and so does its key.
LOADING = [
    ("delete-loads-children", "Session.session_errors"),
    ("delete-loads-children", "Session.tickets"),
    ("delete-loads-children", "Ticket.attachment"),
    ("delete-loads-children", "Ticket.dependencies"),
    ("delete-loads-children", "Ticket.depends_on"),
]
# The seed's own comments say that these three are meant to have no other side.
ONE_WAY = [
    ("one-way-relationship", "Attachment.session"),
    ("one-way-relationship", "SessionError.related_file"),
    ("one-way-relationship", "SessionError.related_ticket"),
]


def found_in(directory: Path, models: str, *also: str) -> list[tuple[str, str]]:
    """What is found in models alone: rules and what they are about."""
    found = audit(subject(imported(directory, models)), also=also)
    return [(finding.rule, finding.target) for finding in found.findings]


def test_as_written(tmp_path: Path) -> None:
    """The seed calls it complete; no mapper of it can be configured."""
    assert found_in(tmp_path, MODELS) == AS_WRITTEN


def test_what_is_said_of_it(tmp_path: Path) -> None:
    """The model, the attribute and who can't be looked at."""
    finding = audit(subject(imported(tmp_path, MODELS))).findings[0]
    assert finding.problem == (
        "reverse_property 'ticket' on relationship Ticket.attachment references relationship Attachment.ticket, "
        "which does not reference mapper Mapper[Ticket(tickets)]"
    )
    assert all(f" {model}" in finding.consequence for model in ("Session", "AuditLog", "JiraAuthToken"))
    lines = (HEAD + MODELS).splitlines()
    assert finding.place is not None
    assert lines[finding.place.line - 1] == "class Ticket(Base):"


def test_corrected(tmp_path: Path) -> None:
    """With the right target of Attachment.ticket, nothing is wrong any more, but deletes are slow, in SQLAlchemy and in PostgreSQL."""
    assert found_in(tmp_path, MENDED) == UNINDEXED + LOADING


def test_one_way_relationships_are_told_of_when_asked_for(tmp_path: Path) -> None:
    """Just those that the seed says are one-way."""
    assert found_in(tmp_path, MENDED, "one-way-relationship") == UNINDEXED + LOADING + ONE_WAY


def test_nothing_is_left_after_the_fixes(tmp_path: Path) -> None:
    """What the audit says to do of LOADING, done wherever the seed has a cascade, and an index for each key."""
    assert found_in(tmp_path, FAST) == UNINDEXED
    assert found_in(tmp_path, INDEXED) == []


# The seed's table "Cascade Behavior Summary", with its reasons; what may be NULL loses the reference.
POLICY = (
    OnDeleteRule("*.*", "CASCADE", reason="what belongs to a session or a ticket goes with it"),
    OnDeleteRule("session_errors.related_*", "SET NULL", reason="an error outlives the file and the ticket"),
    OnDeleteRule("audit_log.*", "SET NULL", reason="audit rows outlive everything"),
)
NEW_TABLE = """

class Comment(Base):
    __tablename__ = "comments"

    id = Column(Integer, primary_key=True)
    ticket_id = Column(ForeignKey('tickets.id'), nullable=False, index=True)
"""


@pytest.mark.parametrize(
    ("models", "found"),
    [
        (INDEXED, []),
        (INDEXED.replace('"SET NULL"', '"CASCADE"', 1), ["session_errors.related_file_id -> uploaded_files.id"]),
        (INDEXED + NEW_TABLE, ["comments.ticket_id -> tickets.id"]),
    ],
)
def test_the_rules_that_the_seed_lists_are_kept(tmp_path: Path, models: str, found: list[str]) -> None:
    """Said once, by pattern and with the reason; a table that comes later is covered without being named."""
    config = CascadeConfig(on_delete=POLICY)
    findings = audit(subject(imported(tmp_path, models), config=config)).findings
    assert [(finding.rule, finding.target) for finding in findings] == [("on-delete-policy", key) for key in found]


def test_what_the_seed_calls_intended_is_waived_with_its_reason(tmp_path: Path) -> None:
    """And a waiver that nothing needs any more is a finding."""
    waivers = [Waiver(rule, target, reason="not navigated from there") for rule, target in ONE_WAY]
    stale = Waiver("one-way-relationship", "JiraAuthToken.*", reason="standalone")
    config = CascadeConfig(waivers=[*waivers, stale])
    done = audit(subject(imported(tmp_path, INDEXED), config=config), also=["one-way-relationship"])
    assert [waived.finding.target for waived in done.waived] == [target for _, target in ONE_WAY]
    assert [finding.rule for finding in done.findings] == ["stale-waiver"]


@pytest.mark.parametrize(("models", "selects"), [(MENDED, 303), (FAST, 1)])
def test_the_delete_that_it_is_about(tmp_path: Path, engine: Engine, models: str, selects: int) -> None:
    """A session with a hundred tickets: three queries for each, and one for each lazy collection of the session.

    One is left: audit_events has no cascade, and is read to have its references set to NULL.
    """
    module = imported(tmp_path, models)
    module.Base.metadata.create_all(engine)
    ids = iter(range(1, 1000))
    seen: list[str] = []
    with Session(engine) as session:
        one = module.Session(id=UUID(int=next(ids)))
        one.tickets = [module.Ticket(id=UUID(int=next(ids))) for _ in range(100)]
        session.add(one)
        session.commit()
        found = session.get_one(module.Session, one.id)
        event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2].split()[0]))
        session.delete(found)
        session.flush()
    assert seen.count("SELECT") == selects
