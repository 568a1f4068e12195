"""Two relationships over one key: the one that deletes decides, as far as it always does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.orm import Session

from alembic_cascade.audit.deletion import deciding_relations
from audit.models import imported, subject

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

MODELS = """\
class Parent(Base):
    __tablename__ = "parents"
    id: Mapped[int] = mapped_column(primary_key=True)
    children: Mapped[list[Child]] = relationship({arguments})
    numbered: Mapped[list[Child]] = relationship(
        order_by="Child.number", overlaps="children", cascade="save-update, merge"
    )

class Child(Base):
    __tablename__ = "children"
    parent_id: Mapped[int] = mapped_column(ForeignKey("parents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
"""
FILTERED = "cascade='all', primaryjoin='and_(Parent.id == Child.parent_id, Child.number > 5)'"


@pytest.mark.parametrize(
    ("arguments", "deciding", "succeeds"),
    [
        ("cascade='all'", ["children"], True),
        ("", ["children", "numbered"], False),
        ("cascade='all', passive_deletes=True", ["children", "numbered"], False),
        (FILTERED, ["children", "numbered"], False),
    ],
)
def test_what_another_relationship_deletes_is_left_to_it(
    tmp_path: Path, engine: Engine, arguments: str, deciding: list[str], *, succeeds: bool
) -> None:
    """SQLAlchemy does not blank out the key of a child that is deleted."""
    module = imported(tmp_path, MODELS.format(arguments=arguments))
    relations = subject(module).mapped.relations
    module.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(module.Parent(id=1))
        session.flush()
        session.add(module.Child(parent_id=1, number=1))
        session.commit()
        session.delete(session.get_one(module.Parent, 1))
        if succeeds:
            session.flush()
        else:
            with pytest.raises(AssertionError, match="blank-out"):
                session.flush()
    assert [relation.attribute for relation in deciding_relations(relations)] == deciding
