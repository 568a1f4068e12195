"""A ticketing application: what is imported, checked and filed in a session, and the log that outlives it.

They are as their author wrote them, with one mistake: ``alembic-cascade audit --models-only`` finds it.
"""

from __future__ import annotations

from sqlalchemy import UUID, Column, DateTime, ForeignKey, String, func
from sqlalchemy.orm import DeclarativeBase, relationship


class Base(DeclarativeBase):
    """The base of all models; its metadata is what env.py hands to Alembic."""


class Session(Base):
    __tablename__ = "sessions"

    id = Column(UUID(as_uuid=True), primary_key=True)

    # 1:Many relationships - Small collections (eager loading)
    uploaded_files = relationship("UploadedFile", back_populates="session", lazy="joined", cascade="all, delete-orphan")

    # 1:1 relationships (eager loading)
    session_task = relationship(
        "SessionTask", back_populates="session", lazy="joined", uselist=False, cascade="all, delete-orphan"
    )
    session_validation = relationship(
        "SessionValidation", back_populates="session", lazy="joined", uselist=False, cascade="all, delete-orphan"
    )
    project_context = relationship(
        "JiraProjectContext", back_populates="session", lazy="joined", uselist=False, cascade="all, delete-orphan"
    )

    # 1:Many relationships - Large collections (lazy loading)
    tickets = relationship("Ticket", back_populates="session", lazy="select", cascade="all, delete-orphan")
    session_errors = relationship("SessionError", back_populates="session", lazy="select", cascade="all, delete-orphan")
    audit_events = relationship(
        "AuditLog", back_populates="session", lazy="select"
    )  # No cascade - audit logs use SET NULL on session delete


class SessionTask(Base):
    __tablename__ = "session_tasks"

    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)

    # Back-reference to session
    session = relationship("Session", back_populates="session_task")


class SessionValidation(Base):
    __tablename__ = "session_validations"

    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)

    # Back-reference to session
    session = relationship("Session", back_populates="session_validation")


class UploadedFile(Base):
    __tablename__ = "uploaded_files"

    id = Column(UUID(as_uuid=True), primary_key=True)
    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False)

    # Back-reference to session
    session = relationship("Session", back_populates="uploaded_files")


class Ticket(Base):
    __tablename__ = "tickets"

    id = Column(UUID(as_uuid=True), primary_key=True)
    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False)
    # NOTE: No attachment_id FK - the FK lives on Attachment.ticket_id

    # Parent relationship
    session = relationship("Session", back_populates="tickets")

    # 1:1 relationship to attachment (FK lives on Attachment side)
    attachment = relationship("Attachment", back_populates="ticket", uselist=False, cascade="all, delete-orphan")

    # Self-referential dependencies via junction table
    dependencies = relationship(
        "TicketDependency",
        foreign_keys="[TicketDependency.ticket_id]",
        back_populates="dependent_ticket",
        cascade="all, delete-orphan",
    )
    depends_on = relationship(
        "TicketDependency",
        foreign_keys="[TicketDependency.depends_on_ticket_id]",
        back_populates="dependency_ticket",
        cascade="all, delete-orphan",
    )


class TicketDependency(Base):
    __tablename__ = "ticket_dependencies"

    # Composite primary key
    ticket_id = Column(UUID(as_uuid=True), ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    depends_on_ticket_id = Column(UUID(as_uuid=True), ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    created_at = Column(DateTime, default=func.now())

    # Back-references to both tickets
    dependent_ticket = relationship(
        "Ticket", foreign_keys="[TicketDependency.ticket_id]", back_populates="dependencies"
    )
    dependency_ticket = relationship(
        "Ticket", foreign_keys="[TicketDependency.depends_on_ticket_id]", back_populates="depends_on"
    )


class Attachment(Base):
    __tablename__ = "attachments"

    id = Column(UUID(as_uuid=True), primary_key=True)
    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False)
    ticket_id = Column(UUID(as_uuid=True), ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, unique=True)

    # Back-reference to ticket (this is the owning side of the 1:1 relationship)
    ticket = relationship("Attachment", back_populates="attachment")

    # Direct reference to session (no back_populates needed - not navigated from session)
    session = relationship("Session")


class JiraAuthToken(Base):
    __tablename__ = "jira_auth_tokens"

    jira_user_id = Column(String(255), primary_key=True)


class JiraProjectContext(Base):
    __tablename__ = "jira_project_context"

    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)

    # Back-reference to session
    session = relationship("Session", back_populates="project_context")


class SessionError(Base):
    __tablename__ = "session_errors"

    id = Column(UUID(as_uuid=True), primary_key=True)
    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False)
    related_file_id = Column(UUID(as_uuid=True), ForeignKey("uploaded_files.id", ondelete="SET NULL"), nullable=True)
    related_ticket_id = Column(UUID(as_uuid=True), ForeignKey("tickets.id", ondelete="SET NULL"), nullable=True)

    # Back-reference to session
    session = relationship("Session", back_populates="session_errors")

    # Optional references (no back_populates - one-way navigation)
    related_file = relationship("UploadedFile", foreign_keys=[related_file_id])
    related_ticket = relationship("Ticket", foreign_keys=[related_ticket_id])


class AuditLog(Base):
    __tablename__ = "audit_log"

    id = Column(UUID(as_uuid=True), primary_key=True)
    session_id = Column(UUID(as_uuid=True), ForeignKey("sessions.id", ondelete="SET NULL"), nullable=True)

    # Back-reference to session (nullable FK - handles session deletion gracefully)
    session = relationship("Session", back_populates="audit_events")
