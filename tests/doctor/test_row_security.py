"""``row-security``: rows that the role does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doctor.looks import POSTS, look, told

if TYPE_CHECKING:
    from project import Project


def test_none(project: Project, role: str) -> None:
    """The owner is not subject to it, unless it is forced."""
    project.create(POSTS)
    project.execute("ALTER TABLE posts ENABLE ROW LEVEL SECURITY", f'ALTER TABLE posts OWNER TO "{role}"')
    well = f"no rows of the models' tables are hidden from {role}"
    assert told(look(project, "row-security", role=role)) == [("ok", well, "")]


def test_forced(project: Project, role: str) -> None:
    """What is advised works."""
    project.create(POSTS)
    project.execute(
        "ALTER TABLE posts ENABLE ROW LEVEL SECURITY", "ALTER TABLE posts FORCE ROW LEVEL SECURITY",
        f'ALTER TABLE posts OWNER TO "{role}"',
    )  # fmt: skip
    assert told(look(project, "row-security", role=role)) == [
        (
            "to do",
            f"row security may hide rows of public.posts from {role}: orphans among them are an error",
            f'As a superuser: ALTER ROLE "{role}" BYPASSRLS; or ALTER TABLE public.posts NO FORCE ROW LEVEL SECURITY;',
        )
    ]
    assert [one[0] for one in told(look(project, "row-security"))] == ["ok"]
    project.execute(f'ALTER ROLE "{role}" BYPASSRLS')
    assert [one[0] for one in told(look(project, "row-security", role=role))] == ["ok"]
