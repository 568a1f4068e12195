"""``one-to-one-without-unique``: one row, of which there can be two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from alembic_cascade.audit.auditing import audit
from audit.models import findings_of, imported, message, subject, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "one-to-one-without-unique"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped[{target}] = relationship({arguments})

class Profile(Base):
    __tablename__ = "profiles"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"){column})
    current: Mapped[bool]
    {table}
"""
PLAIN = {"target": "Profile", "arguments": "", "column": "", "table": ""}
SAID = """\
warning one-to-one-without-unique User.profile
it leads to one Profile, but profiles.user_id is not unique.
The database takes a second one for a User; which of them shows is chance.
-     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
+     user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """Nothing but the model says that there is one."""
    assert message(tmp_path, RULE, MODELS.format(**PLAIN)) == SAID


@pytest.mark.parametrize(
    "written",
    [
        {"arguments": "uselist=False"},
        {"target": "list[Profile]", "arguments": "uselist=False"},
        {"arguments": "viewonly=True, order_by='Profile.id'"},
        {"table": "__table_args__ = (UniqueConstraint('user_id', 'current'),)"},
        {"table": "__table_args__ = (Index('current', 'user_id', unique=True, postgresql_where='current'),)"},
        {"column": ", index=True"},
    ],
)
def test_it_fires(tmp_path: Path, written: dict[str, str]) -> None:
    """What is unique together with something else, or for some rows, is not unique."""
    assert targets(tmp_path, RULE, MODELS.format(**PLAIN | written)) == ["User.profile"]


@pytest.mark.parametrize(
    "written",
    [
        {"target": "list[Profile]"},
        {"column": ", unique=True"},
        {"column": ", unique=True, index=True"},
        {"table": "__table_args__ = (UniqueConstraint('user_id'),)"},
        {"table": "__table_args__ = (Index('one', 'user_id', unique=True),)"},
        {"arguments": "primaryjoin='and_(User.id == Profile.user_id, Profile.current)', viewonly=True"},
    ],
)
def test_the_near_miss(tmp_path: Path, written: dict[str, str]) -> None:
    """Unique in any way, or of those that a condition picks."""
    assert targets(tmp_path, RULE, MODELS.format(**PLAIN | written)) == []


def test_a_primary_key_is_unique(tmp_path: Path) -> None:
    """All of it, not a part."""
    models = MODELS.format(**PLAIN | {"column": ", primary_key=True"})
    assert targets(tmp_path, RULE, models) == ["User.profile"]
    models = models.replace("    id: Mapped[int] = mapped_column(primary_key=True)\n    user_id", "    user_id")
    assert targets(tmp_path, RULE, models) == []


def test_several_columns(tmp_path: Path) -> None:
    """They are told as a constraint of the table."""
    models = """\
class Line(Base):
    __tablename__ = "lines"
    order_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    bill: Mapped[Bill] = relationship()

class Bill(Base):
    __tablename__ = "bills"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int]
    number: Mapped[int]
    __table_args__ = (ForeignKeyConstraint(["order_id", "number"], ["lines.order_id", "lines.number"]),)
"""
    said = message(tmp_path, RULE, models).splitlines()
    assert said[1] == "it leads to one Bill, but bills.(order_id, number) is not unique."
    assert said[3] == 'bills: UniqueConstraint("order_id", "number")'


def test_the_database_may_know_better(tmp_path: Path, url: URL) -> None:
    """An index that the models don't have keeps a second one out as well."""
    module = imported(tmp_path, MODELS.format(**PLAIN))
    engine = create_engine(url)
    with engine.begin() as connection:
        module.Base.metadata.create_all(connection)
        assert findings_of(RULE, audit(subject(module))) != []
        connection.execute(text("CREATE UNIQUE INDEX ON profiles (user_id)"))
    engine.dispose()
    assert findings_of(RULE, audit(subject(module, url=url))) == []
