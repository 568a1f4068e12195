"""Posts whose orphans are settled a few at a time."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from orphans.settling import STORES
from sqlalchemy import event

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project


KEY = "'posts', 'users', ['user_id'], ['id']"
LABEL = "posts.user_id -> users.id"
USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
# Of ten posts seven are orphans: 2 to 8.
POSTS = (
    *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, body text DEFAULT 'as it was')",
    "INSERT INTO posts SELECT n, CASE WHEN n BETWEEN 2 AND 8 THEN 100 + n ELSE 1 END FROM generate_series(1, 10) AS n",
)  # fmt: skip


def settled(
    project: Project, *setup: str, strategy: str = "quarantine", rule: str = "CASCADE", size: int = 2, more: str = ""
) -> Project:
    """Tables, and a revision that makes the key of posts and settles its orphans ``size`` at a time."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute(*setup)
    clean = (
        f"op.clean_orphans({KEY}, strategy={strategy!r}, revision=revision, concurrently=True, batch_size={size}{more})"
    )
    up = (
        f"op.add_foreign_key('made', {KEY}, ondelete={rule!r}, not_valid=True, concurrently=True)", clean,
        f"op.alter_foreign_key('made', {KEY}, ondelete={rule!r}, not_valid=False, existing_not_valid=True, concurrently=True)",
    )  # fmt: skip
    down = (
        f"op.drop_foreign_key('made', {KEY}, concurrently=True)",
        f"op.restore_orphans({KEY}, revision=revision, concurrently=True)",
    )
    project.write_revision(block(*up), block(*down))
    return project


def block(*steps_of_it: str) -> str:
    return "op.begin_concurrently()\nwith op.get_context().autocommit_block():\n" + indent(
        "\n".join(steps_of_it), "    "
    )


def moments(project: Project) -> int:
    """At how many moments rows were set aside, in whichever table."""
    stores = [store for (store,) in project.fetch(STORES)]
    union = " UNION ".join(f"SELECT cascade_at FROM {store}" for store in stores)
    return int(project.fetch(f"SELECT count(DISTINCT cascade_at) FROM ({union}) AS moments")[0][0])


def meanwhile(project: Project, number: int, do: Callable[[], object]) -> None:
    """Do something before the call of that number by which orphans are listed, the first one, or settled."""
    assert before_each_batch(project, lambda call: do() if call == number else None) >= number


def before_each_batch(project: Project, do: Callable[[int], object]) -> int:
    """Upgrade, and do something before each call by which orphans are listed or settled; returns how many there were."""
    calls: list[str] = []

    def look(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try(") and "cascade_clean_batch(" in statement:
            calls.append(statement)
            do(len(calls))

    event.listen(project.engine, "before_cursor_execute", look)
    try:
        project.upgrade()
    finally:
        event.remove(project.engine, "before_cursor_execute", look)
    return len(calls)
