"""Beside pytest-alembic and pytest-asyncio, all found by their entry points; pytest-alembic wants pytest 8."""

from __future__ import annotations

from test_green_project import ADDED, write_green
from trial import Trial, outcomes

ALEMBIC_CONFIG = """\
import os

import pytest
from sqlalchemy import create_engine


@pytest.fixture
def alembic_engine():
    return create_engine(os.environ["TEST_URL"])
"""

ASYNCHRONOUS = """\
import asyncio

import pytest
from models import Post, User


@pytest.mark.asyncio
async def test_rows_are_made_in_a_loop(make_row, assert_cascades):
    await asyncio.sleep(0)
    user = make_row(User)
    assert_cascades(user, gone=[make_row(Post, user=user)])


@pytest.mark.asyncio
async def test_the_loop_goes_on():
    await asyncio.sleep(0)
"""


def test_all_of_them_run_in_one_session(trial: Trial) -> None:
    """Each collects its own, and finds nothing of the others in its way: neither a loop nor a table."""
    write_green(trial)
    trial.write("conftest.py", ALEMBIC_CONFIG)
    trial.write("test_own.py", ASYNCHRONOUS)
    trial.monkeypatch.setenv("TEST_URL", trial.url)
    # The generic template takes the connection that pytest-alembic gives it.
    env = (trial.pytester.path / "migrations" / "env.py").read_text()
    engine = 'engine = context.config.attributes.get("connection") or engine_from_config('
    trial.write("migrations/env.py", env.replace("engine = engine_from_config(", engine))
    result = trial.run(
        "--alembic-cascade",
        "--test-alembic",
        "--alembic-tests-path=conftest.py",
        "-v",
        "-n2",
        "-Wdefault",
        autoload=True,
    )
    found = outcomes(result)
    assert [found.get(f"alembic.ini::{name}") for name in ADDED] == ["PASSED"] * len(ADDED)
    own = {name: outcome for name, outcome in found.items() if name.startswith("test_own.py")}
    assert own == {
        "test_own.py::test_rows_are_made_in_a_loop": "PASSED",
        "test_own.py::test_the_loop_goes_on": "PASSED",
    }
    names = ["model_definitions_match_ddl", "single_head_revision", "up_down_consistency", "upgrade"]
    assert [found.get(f"conftest.py::pytest-alembic::test_{name}") for name in names] == ["PASSED"] * len(names)
