"""The page of the documentation: its models have the tests that it shows, its own tests pass, its failure is said."""

from __future__ import annotations

import re

import pytest
import pytest_alembic_cascade
from test_docs import Block, code_blocks, page
from trial import Trial, outcomes, sections

BLOCKS = {block.caption: block for block in code_blocks("testing.rst") if block.caption}


def shown(caption: str) -> str:
    """The text of a block."""
    block: Block = BLOCKS[caption]
    return block.text


def write(trial: Trial, rule: str) -> None:
    """Write the page's project, with the key's rule as a revision makes it."""
    trial.write("models.py", shown("models.py"))
    trial.write("test_users.py", shown("test_users.py"))
    trial.revise(
        "0001",
        None,
        up=f"""\
        CREATE TABLE users (id serial PRIMARY KEY, name varchar NOT NULL)
        CREATE TABLE posts (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES users{rule})
        CREATE INDEX ix_posts_user_id ON posts (user_id)
        """,
        down="DROP TABLE posts, users",
    )


def test_the_page_shows_the_tests_that_there_are_and_own_tests_that_pass(trial: Trial) -> None:
    """Whoever copies it sees the same."""
    write(trial, " ON DELETE CASCADE")
    found = outcomes(trial.run_here("--alembic-cascade", "-v"))
    assert "".join(f"{name}\n" for name in found if "alembic.ini" in name) == shown("the tests")
    assert [name for name in found if "alembic.ini" not in name] == [
        f"test_users.py::{name}" for name in re.findall(r"def (\w+)", shown("test_users.py"))
    ]
    assert set(found.values()) == {"PASSED"}


def test_the_page_shows_what_a_failure_says(trial: Trial) -> None:
    """But for the number of the row."""
    write(trial, "")
    (said,) = sections(
        trial.run_here("--alembic-cascade", "alembic.ini::test_cascade[posts.user_id->users.id]")
    ).values()
    assert re.sub(r"\(\d+\)", "(4)", said) == shown("a failure")


def test_the_page_has_every_option(pytestconfig: pytest.Config) -> None:
    """On the command line and in pytest's configuration."""
    parser = pytest.Parser(_ispytest=True)
    pytest_alembic_cascade.pytest_addoption(parser)
    (group,) = [group for group in parser._groups if group.name == "alembic-cascade"]
    names = [name for option in group.options for name in option.names()]
    assert len(names) == 5
    text = page("testing.rst")
    assert [name for name in [*names, *parser._inidict] if f"``{name}" not in text] == []
