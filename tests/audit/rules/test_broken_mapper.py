"""``broken-mapper``: a mapper that SQLAlchemy refuses, as in seed 004."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic_cascade.audit.auditing import audit
from audit.models import HEAD, findings_of, imported, message, subject, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "broken-mapper"
MODELS = """\
class Ticket(Base):
    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    attachment: Mapped[Attachment] = relationship(back_populates="ticket")

class Attachment(Base):
    __tablename__ = "attachments"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), unique=True)
    ticket = relationship("{target}", back_populates="attachment")
"""
OTHERS = """
class Other(DeclarativeBase):
    metadata = Base.metadata

class User(Other):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship()

class Post(Other):
    __tablename__ = "posts"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
"""
SAID = """\
error broken-mapper Ticket
reverse_property 'ticket' on relationship Ticket.attachment references relationship Attachment.ticket, which does not reference mapper Mapper[Ticket(tickets)].
No model of its registry can be used; this audit leaves out the relationships of Attachment, Ticket.
Correct what SQLAlchemy names; what else is broken shows only then."""


def test_what_it_says(tmp_path: Path) -> None:
    """In SQLAlchemy's own words."""
    assert message(tmp_path, RULE, MODELS.format(target="Attachment")) == SAID


def test_where_it_is(tmp_path: Path) -> None:
    """At the model that SQLAlchemy was about."""
    found = audit(subject(imported(tmp_path, MODELS.format(target="Attachment"))))
    place = findings_of(RULE, found)[0].place
    assert place is not None
    assert place.line == len(HEAD.splitlines()) + 1


def test_other_registries_are_audited_all_the_same(tmp_path: Path) -> None:
    """One that is broken leaves the others alone."""
    module = imported(tmp_path, MODELS.format(target="Attachment") + OTHERS)
    found = audit(subject(module))
    assert [finding.target for finding in findings_of(RULE, found)] == ["Ticket"]
    assert [finding.target for finding in findings_of("blank-out-primary-key", found)] == ["User.posts"]


def test_many_models_are_counted(tmp_path: Path) -> None:
    """A registry may have hundreds."""
    more = (
        f"class M{n}(Base):\n    __tablename__ = 'm{n}'\n    id = Column(Integer, primary_key=True)\n"
        for n in range(20)
    )
    said = message(tmp_path, RULE, MODELS.format(target="Attachment") + "\n".join(more)).splitlines()
    assert said[2].endswith("Attachment, M0, M1, M10, M11, M12, M13, M14, M15, M16, M17, M18 and 10 others.")


def test_two_sides_of_the_same_direction(tmp_path: Path) -> None:
    """A self-reference without ``remote_side``, whose sides name each other."""
    models = """\
class Node(Base):
    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    parent: Mapped[Node | None] = relationship(back_populates="children")
    children: Mapped[list[Node]] = relationship(back_populates="parent")
"""
    assert "Did you mean to set remote_side" in message(tmp_path, RULE, models)


def test_the_near_miss(tmp_path: Path) -> None:
    """The ticket is a Ticket."""
    assert targets(tmp_path, RULE, MODELS.format(target="Ticket")) == []
