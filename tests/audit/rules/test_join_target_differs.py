"""``join-target-differs``: what seed 002 had to mend in three models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "join-target-differs"
MODELS = """\
class Flow(Base):
    __tablename__ = "flows"
    id: Mapped[int] = mapped_column(primary_key=True)
    flow_id: Mapped[int] = mapped_column(unique=True)
    imports: Mapped[list[Import]] = relationship(
        primaryjoin="Flow.flow_id == foreign(Import.flow_id)", back_populates="flow"{arguments}
    )

class Import(Base):
    __tablename__ = "imports"
    id: Mapped[int] = mapped_column(primary_key=True)
    flow_id: Mapped[int | None] = mapped_column({keys})
    flow: Mapped[Flow | None] = relationship(
        primaryjoin="Flow.flow_id == foreign(Import.flow_id)", back_populates="imports"{arguments}
    )
"""
WRONG = 'ForeignKey("flows.id", ondelete="CASCADE")'
RIGHT = 'ForeignKey("flows.flow_id", ondelete="CASCADE")'
SAID = """\
error join-target-differs Import.flow
it joins imports.flow_id to flows.flow_id, but the foreign key refers to flows.id.
The key refuses what the relationship writes, and takes what the relationship does not find.
Let the foreign key on imports.flow_id refer to flows.flow_id; the next autogenerate settles it. Or let the relationship join to flows.id."""


def test_what_it_says(tmp_path: Path) -> None:
    """Once for both sides."""
    assert message(tmp_path, RULE, MODELS.format(arguments="", keys=WRONG)) == SAID


def test_it_fires_on_the_side_that_there_is(tmp_path: Path) -> None:
    """Without the other one."""
    models = (
        MODELS.format(arguments="", keys=WRONG).partition("    flow: Mapped")[0].replace(', back_populates="flow"', "")
    )
    assert targets(tmp_path, RULE, models) == ["Flow.imports"]


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ("", RIGHT),
        ("", f"{WRONG}, {RIGHT}"),
        ("", f"{RIGHT}, {WRONG}"),
        ("", 'ForeignKey("imports.id")'),
        ("", ""),
        (", viewonly=True", WRONG),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, keys: str) -> None:
    """One of the keys is the one that is joined by, or there is none between the two; or nothing is written."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, keys=keys)) == []


def test_other_rules_say_nothing_of_a_key_that_leads_elsewhere(tmp_path: Path) -> None:
    """Its CASCADE is about other rows."""
    assert targets(tmp_path, "cascade-never-fires", MODELS.format(arguments="", keys=WRONG)) == []
    assert targets(tmp_path, "cascade-never-fires", MODELS.format(arguments="", keys=RIGHT)) == ["Flow.imports"]


def test_a_subclass_may_join_by_its_own_column(tmp_path: Path) -> None:
    """In joined-table inheritance it has the value that the base's has."""
    models = """
class Employee(Base):
    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(primary_key=True)

class Engineer(Employee):
    __tablename__ = "engineers"
    id: Mapped[int] = mapped_column(ForeignKey("employees.id"), primary_key=True)
    tools: Mapped[list[Tool]] = relationship(primaryjoin="Engineer.id == foreign(Tool.engineer_id)")

class Tool(Base):
    __tablename__ = "tools"
    id: Mapped[int] = mapped_column(primary_key=True)
    engineer_id: Mapped[int | None] = mapped_column(ForeignKey("employees.id"))
"""
    assert targets(tmp_path, RULE, models) == []
