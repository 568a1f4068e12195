"""Runs that end before their last step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project


class Stopped(Exception):  # noqa: N818 - it is what happens
    """The process is over."""


def stop_at(project: Project, run: Callable[[], object], number: int) -> bool:
    """Upgrade or downgrade until the step of that number has been done; whether it got as far."""
    seen = iter(range(number))
    return stop_when(project, run, lambda: next(seen, None) is None)


def stop_when(project: Project, run: Callable[[], object], is_enough: Callable[[], bool]) -> bool:
    """Upgrade or downgrade until that holds before one of its steps; whether it was stopped."""

    def stop(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try") and is_enough():
            raise Stopped

    event.listen(project.engine, "before_cursor_execute", stop)
    try:
        run()
    except Stopped:
        return True
    finally:
        event.remove(project.engine, "before_cursor_execute", stop)
    return False
