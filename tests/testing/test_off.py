"""What pytest is burdened with where the tests are not asked for, and what is there all the same."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest_alembic_cascade
from trial import Trial, outcomes

import alembic_cascade.testing


def test_a_run_that_asks_for_nothing_imports_nothing(trial: Trial) -> None:
    """Every run of pytest loads the plugin where the package is installed; SQLAlchemy alone would take its time."""
    trial.write(
        "test_own.py",
        """\
        import sys


        def test_imports():
            ours = {"alembic_cascade", "alembic", "sqlalchemy", "click", "rich"}
            assert "pytest_alembic_cascade" in sys.modules
            assert ours & set(sys.modules) == set()
        """,
    )
    assert outcomes(trial.run("-v")) == {"test_own.py::test_imports": "PASSED"}


def test_the_fixtures_are_there_without_the_tests(trial: Trial) -> None:
    """People's own tests run where nobody asks for the others."""
    trial.write(
        "models.py",
        """\
        from sqlmodel import Field, Relationship, SQLModel

        metadata = SQLModel.metadata


        class Team(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            name: str
            heroes: list["Hero"] = Relationship(back_populates="team", cascade_delete=True, passive_deletes=True)


        class Hero(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            team_id: int = Field(foreign_key="team.id", ondelete="CASCADE", index=True)
            team: Team = Relationship(back_populates="heroes")
        """,
    )
    trial.revise(
        "one",
        None,
        up="""\
        CREATE TABLE team (id serial PRIMARY KEY, name varchar NOT NULL)
        CREATE TABLE hero (id serial PRIMARY KEY, team_id integer NOT NULL REFERENCES team ON DELETE CASCADE)
        CREATE INDEX ix_hero_team_id ON hero (team_id)
        """,
        down="DROP TABLE hero, team",
    )
    trial.write(
        "test_own.py",
        """\
        from models import Hero, Team


        def test_a_team_takes_its_heroes_along(make_row, assert_cascades):
            team = make_row(Team, name="A")
            assert_cascades(team, gone=[make_row(Hero, team=team)])
        """,
    )
    own = {"test_own.py::test_a_team_takes_its_heroes_along": "PASSED"}
    assert outcomes(trial.run("-v")) == own
    added = outcomes(trial.run("--alembic-cascade", "-v"))
    assert set(added.values()) == {"PASSED"}
    assert [name.removeprefix("alembic.ini::") for name in added if name not in own] == [
        "test_cascade[hero.team_id->team.id]",
        "test_cascade[Hero.team]",
        "test_cascade[Team.heroes]",
        "test_no_drift",
        "test_no_orphans",
        "test_relationships_consistent",
        "test_upgrade_downgrade_restores_data[one]",
    ]


def test_pytest_finds_the_plugin_by_itself() -> None:
    """It is published in the way that pytest knows, beside the package, which would import all that it needs."""
    (found,) = entry_points(group="pytest11", name="alembic_cascade")
    assert found.value == "pytest_alembic_cascade"
    assert found.load() is pytest_alembic_cascade


def test_the_public_names_are_those_that_tests_are_annotated_with() -> None:
    """What fixtures give has a type that can be imported."""
    assert alembic_cascade.testing.__all__ == ["AssertCascades", "CascadeDatabase", "MakeRow"]
