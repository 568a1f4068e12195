"""``rights``: what the role may do with the models' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import CascadeConfig, LifecycleColumn
from doctor.looks import POSTS, look, told

if TYPE_CHECKING:
    from project import Project


@pytest.fixture
def owned(project: Project, role: str) -> Project:
    """The models' tables, the role's own, and another table that nobody asks about."""
    project.create(POSTS)
    project.execute(
        "CREATE TABLE others (id int)", f'ALTER TABLE users OWNER TO "{role}"', f'ALTER TABLE posts OWNER TO "{role}"'
    )
    return project


def test_an_owner(owned: Project, role: str) -> None:
    """A table that is in no model is nobody's affair."""
    well = f"{role} owns the models' tables, and may do with them what migrations do"
    assert told(look(owned, "rights", role=role)) == [("ok", well, "")]
    assert [one[0] for one in told(look(owned, "rights"))] == ["ok"]


def test_another_owner(owned: Project, role: str) -> None:
    """To be a member of the owner is enough."""
    owned.execute("ALTER TABLE posts OWNER TO postgres")
    assert told(look(owned, "rights", role=role)) == [
        (
            "to do",
            f"{role} can't change keys of public.posts: the owner is postgres",
            f'Let migrations run as postgres, or GRANT postgres TO "{role}";',
        )
    ]
    owned.execute(f'GRANT postgres TO "{role}"')
    assert [one[0] for one in told(look(owned, "rights", role=role))] == ["ok"]


def test_what_an_owner_took_from_itself(owned: Project, role: str) -> None:
    """TRIGGER matters where a trigger is to be made."""
    owned.execute(f'REVOKE DELETE, TRIGGER ON posts FROM "{role}"', f'REVOKE CREATE ON SCHEMA public FROM "{role}"')
    create = (
        "to do",
        "the role may not make indexes and functions in the schema public",
        f'GRANT CREATE ON SCHEMA public TO "{role}";',
    )
    delete = (
        "to do",
        "the right DELETE is missing on public.posts, though the role owns what it is missing on",
        f'GRANT DELETE ON public.posts TO "{role}";',
    )
    assert told(look(owned, "rights", role=role)) == [create, delete]
    config = CascadeConfig(lifecycle=[LifecycleColumn("updated_at", set_on="update")])
    found = told(look(owned, "rights", role=role, config=config))
    assert found[:2] == [create, delete]
    assert [one[1].split()[2] for one in found[2:]] == ["TRIGGER"]


def test_no_temporary_functions(owned: Project, role: str) -> None:
    """Operations call functions of the session."""
    owned.execute(f'REVOKE TEMPORARY ON DATABASE "{owned.url.database}" FROM PUBLIC')
    ((verdict, said, advice),) = told(look(owned, "rights", role=role))
    assert verdict == "to do"
    assert said.startswith("the role may not make what lives as long as its session")
    owned.execute(advice)
    assert [one[0] for one in told(look(owned, "rights", role=role))] == ["ok"]
