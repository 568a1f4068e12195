"""Orders that come to refer to another column of their customers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models import models, number, reference
from sqlalchemy import MetaData, NullPool, UniqueConstraint, create_engine, event

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project


def orders(target: str, **rule: Any) -> MetaData:
    return models(
        customers=[number("number"), UniqueConstraint("number", name="customers_number")],
        orders=[reference("customer", f"customers.{target}", **rule)],
    )


FILL = (
    "INSERT INTO customers VALUES (1, 100), (2, 200), (3, NULL), (4, 4)",
    "INSERT INTO orders VALUES (1, 1), (2, 2), (3, NULL), (4, 1), (5, 4)",
)


def translated(project: Project, *fill: str, **rule: Any) -> Project:
    """Orders that refer to customers by id, filled, and the revision r1 by which they refer by number."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(orders("id"))
    project.execute(*fill)
    project.metadata = orders("number", **rule)
    project.revision(rev_id="r1")
    return project


@contextmanager
def as_role(project: Project, rights: str | None) -> Iterator[None]:
    """Tables are made, and migrations run, by an ordinary role with rights that are granted to it; None is a superuser."""
    role, admin = f"owner of {project.url.database}", project.engine
    project.execute(
        f'DROP ROLE IF EXISTS "{role}"', f'CREATE ROLE "{role}" LOGIN', f'GRANT ALL ON SCHEMA public TO "{role}"'
    )
    if rights:
        project.execute(rights.format(role))
    if rights is not None:
        project.engine = create_engine(project.url.set(username=role), poolclass=NullPool)
    try:
        yield
    finally:
        project.engine = admin
        project.execute(f'DROP OWNED BY "{role}" CASCADE', f'DROP ROLE "{role}"')


def before_each_translation(project: Project, do: Callable[[int], object]) -> None:
    """Upgrade, and do something before each call by which references are listed, the first one, or translated."""
    calls: list[str] = []

    def look(connection: object, cursor: object, statement: str, *_: object) -> None:
        tried = statement.startswith("SELECT * FROM pg_temp.cascade_try(")
        if tried and "cascade_translate_batch(" in statement and is_exchanged(project):
            calls.append(statement)
            do(len(calls))

    event.listen(project.engine, "before_cursor_execute", look)
    try:
        project.upgrade()
    finally:
        event.remove(project.engine, "before_cursor_execute", look)


def is_exchanged(project: Project, column: str = "number") -> bool:
    """Whether the key refers to that column."""
    keys = "SELECT FROM pg_constraint WHERE contype = 'f' AND pg_get_constraintdef(oid) LIKE"
    return bool(project.fetch(f"{keys} '%customers({column})%'"))


def assert_nothing_is_left(project: Project) -> None:
    """Neither triggers nor functions."""
    assert project.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
