"""``cascade-cycle``: a delete that comes round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.databases import targets_there
from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

RULE = "cascade-cycle"
MODELS = """\
class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    captain_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="{captain}", use_alter=True), index=True
    )

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="{team}"), index=True)
    chief_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
"""
CYCLE = MODELS.format(captain="CASCADE", team="CASCADE")
SAID = """\
warning cascade-cycle teams -> users -> teams
CASCADE goes round: users.team_id -> teams.id, teams.captain_id -> users.id.
The delete of one row can go on from row to row until all of these tables are empty.
Give one of these keys another rule, such as SET NULL."""


def test_what_it_says(tmp_path: Path) -> None:
    """The keys, in the order in which a delete follows them."""
    assert message(tmp_path, RULE, CYCLE) == SAID


@pytest.mark.parametrize(("captain", "team"), [("SET NULL", "CASCADE"), ("CASCADE", "NO ACTION")])
def test_the_near_miss(tmp_path: Path, captain: str, team: str) -> None:
    """One key that does not pass it on ends it; a table may refer to itself, as trees do."""
    assert targets(tmp_path, RULE, MODELS.format(captain=captain, team=team)) == []


def ring(*names: str) -> str:
    """Tables of which each refers to the one before it, the first one to the last."""
    return "".join(
        f"Table({name!r}, Base.metadata, Column('id', Integer, primary_key=True), Column('other', Integer,"
        f" ForeignKey('{names[place - 1]}.id', ondelete='CASCADE', use_alter=True), index=True))\n"
        for place, name in enumerate(names)
    )


def test_one_for_each_group_of_tables(tmp_path: Path) -> None:
    """Its shortest cycle; tables that are only reached from it have no part in it."""
    chord = (
        "Table('leaf', Base.metadata, Column('d', ForeignKey('d.id', ondelete='CASCADE'), primary_key=True))\n"
        "Base.metadata.tables['a'].append_column(Column('short', Integer,"
        " ForeignKey('c.id', ondelete='CASCADE', use_alter=True)))\n"
    )
    found = targets(tmp_path, RULE, ring("a", "b", "c", "d") + ring("x", "y") + chord)
    assert found == ["a -> b -> c -> a", "x -> y -> x"]


def test_a_long_ring(tmp_path: Path) -> None:
    """As deep as a thousand tables."""
    found = targets(tmp_path, RULE, ring(*(f"t{number:04}" for number in range(1000))))
    assert [len(target.split(" -> ")) for target in found] == [1001]


def test_keys_of_the_database_alone(tmp_path: Path, url: URL) -> None:
    """They pass a delete on like any others; where the models have a key, theirs is the rule."""
    models = MODELS.format(captain="SET NULL", team="CASCADE")
    change = (
        "CREATE TABLE notes (id integer PRIMARY KEY, user_id integer REFERENCES users ON DELETE CASCADE)",
        "ALTER TABLE users ADD note_id integer REFERENCES notes ON DELETE CASCADE",
    )
    assert targets_there(tmp_path, RULE, models, url, *change) == ["notes -> users -> notes"]
