"""An upgrade that is cut short anywhere, beside a writer, and simply run again; and the same way down."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from random import Random
from typing import TYPE_CHECKING

import pytest
from alembic import command

from concurrently.dirty_project import assert_as_at_the_start, assert_upgraded, schema, write_dirty_project
from concurrently.faults import WAYS, Boundaries, Writer, cut_short, end_by_force, forget_written, kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project

# Longer than most migrations of the test take.
LONGEST = 0.15
# All boundaries are many minutes where each of them is tried: TEST_EXAMPLES, which asks for more of random tests, does.
STEP, SEEDS = (1, range(10)) if "TEST_EXAMPLES" in os.environ else (3, range(3))


@pytest.fixture
def dirty(project: Project) -> Project:
    """Dirty tables, and a revision in many small steps."""
    write_dirty_project(project)
    return project


def down(project: Project) -> None:
    project.downgrade("base")


def test_a_migration_that_is_cut_short_anywhere_is_simply_run_again(dirty: Project) -> None:
    """Before statements and commits, on the way up and on the way down, beside a writer and alone."""
    start = schema(dirty)
    upward, downward = Boundaries(dirty), Boundaries(dirty)
    with upward.watched():
        dirty.upgrade()
    upgraded = schema(dirty)
    assert_upgraded(dirty, upgraded)
    with downward.watched():
        down(dirty)
    assert_as_at_the_start(dirty, start)
    up, back = upward.chosen(), downward.chosen()
    assert len(up) > len(back) > 20, f"{len(up)} boundaries up, {len(back)} down"
    up, back = up[::STEP], back[::STEP]
    for turn, at in enumerate(up):
        forget_written(dirty)
        with cut(dirty, dirty.upgrade, at, turn):
            dirty.upgrade()
            assert_upgraded(dirty, upgraded)
        if turn < len(back):
            with cut(dirty, lambda: down(dirty), back[turn], turn):
                down(dirty)
                assert_as_at_the_start(dirty, start)
        else:
            down(dirty)


def test_an_upgrade_that_is_cut_short_can_be_taken_back(dirty: Project) -> None:
    """Stamped as done, then downgraded: nothing of it is left."""
    start = schema(dirty)
    upward = Boundaries(dirty)
    with upward.watched():
        dirty.upgrade()
    down(dirty)
    for turn, at in enumerate(upward.steps()[::2]):
        forget_written(dirty)
        with cut(dirty, dirty.upgrade, at, turn):
            command.stamp(dirty.config, "head")
            down(dirty)
            assert_as_at_the_start(dirty, start)


@contextmanager
def cut(project: Project, run: Callable[[], object], at: int, turn: int) -> Iterator[None]:
    """Cut the migration short, in every second turn beside a writer; the block does what then follows."""
    with ExitStack() as stack:
        if turn % 2:
            stack.enter_context(Writer(project, at))
        words = cut_short(project, run, at, WAYS[turn % 3])
        try:
            yield
        except BaseException as problem:
            problem.add_note(f"{WAYS[turn % 3]} before {words!r}, {'beside a writer' if turn % 2 else 'alone'}")
            raise


@pytest.mark.parametrize("seed", SEEDS)
def test_a_migration_that_is_killed_at_random_moments_is_simply_run_again(dirty: Project, seed: int) -> None:
    """Several times in a row its process is killed, or its session ended by force, while a writer goes on."""
    random = Random(seed)
    start = schema(dirty)
    with Writer(dirty, seed):
        killed = sum(
            kill(dirty, random.uniform(0, LONGEST), "upgrade", "head")
            + end_by_force(dirty, random.uniform(0, LONGEST), dirty.upgrade)
            for _ in range(2)
        )
        dirty.upgrade()
        assert_upgraded(dirty, schema(dirty))
        killed += kill(dirty, random.uniform(0, LONGEST), "downgrade", "base")
        killed += end_by_force(dirty, random.uniform(0, LONGEST), lambda: down(dirty))
        down(dirty)
        assert_as_at_the_start(dirty, start)
    assert killed > 1, f"killed {killed} times"
