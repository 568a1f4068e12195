"""``joined-inheritance-without-cascade``: rows of a base that their subclass holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "joined-inheritance-without-cascade"
MODELS = """\
class Employee(Base):
    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {{"polymorphic_on": "kind"}}

class Engineer(Employee):
    __tablename__ = "engineers"
    id: Mapped[int] = mapped_column(ForeignKey("employees.id"{rule}), primary_key=True)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("employees.id"))
    __mapper_args__ = {{"polymorphic_identity": "engineer", "inherit_condition": id == Employee.id}}
"""
SAID = """\
warning joined-inheritance-without-cascade engineers.id -> employees.id
Engineer inherits from Employee over it, and it says NO ACTION.
A delete of Employee in SQL, or by a query, is refused for a row that is a Engineer.
-     id: Mapped[int] = mapped_column(ForeignKey("employees.id"), primary_key=True)
+     id: Mapped[int] = mapped_column(ForeignKey("employees.id", ondelete="CASCADE"), primary_key=True)
Then the next autogenerate settles the key."""


def test_what_it_says(tmp_path: Path) -> None:
    """The other key to the base's table is not a matter of inheritance."""
    assert message(tmp_path, RULE, MODELS.format(rule="")) == SAID


@pytest.mark.parametrize("rule", ["RESTRICT", "SET NULL"])
def test_it_fires(tmp_path: Path, rule: str) -> None:
    """A primary key takes no NULL, either."""
    assert targets(tmp_path, RULE, MODELS.format(rule=f", ondelete={rule!r}")) == ["engineers.id -> employees.id"]


def test_the_near_miss(tmp_path: Path) -> None:
    """With CASCADE the rest of the row goes, too."""
    assert targets(tmp_path, RULE, MODELS.format(rule=", ondelete='CASCADE'")) == []


def test_single_table_inheritance_has_no_key(tmp_path: Path) -> None:
    """Nor does a concrete table."""
    models = MODELS.format(rule="").partition("class Engineer")[0]
    models += "class Engineer(Employee):\n    __mapper_args__ = {'polymorphic_identity': 'engineer'}\n"
    assert targets(tmp_path, RULE, models) == []
