"""More orphans than are likely to be meant: by share, by count, by an empty parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import TooManyOrphans
from orphans.settling import refused, there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
KEY = ("posts", "users", ["user_id"], ["id"])

BRAKE = {
    "100 of 100 pass": (100, 0, "", False),
    "101 of 1010 are ten per cent": (101, 909, "", False),
    "101 of 1009 are more": (101, 908, "", True),
    "a share of none": (101, 100000, "max_orphans=0.0", True),
    "100 pass a share of none": (100, 0, "max_orphans=0.0", False),
    "all of them": (101, 0, "max_orphans=1.0", False),
    "a count": (3, 1000, "max_orphans=2", True),
    "not more than a count": (2, 0, "max_orphans=2", False),
    "none at all": (1, 1000, "max_orphans=0", True),
    "one is a count": (101, 100000, "max_orphans=1", True),
    "no brake": (150, 0, "max_orphans=None", False),
}


@pytest.mark.parametrize(("orphans", "others", "settling", "stops"), BRAKE.values(), ids=BRAKE)
@pytest.mark.parametrize("strategy", ["quarantine", "delete", "set_null"])
def test_more_orphans_than_expected(
    project: Project, orphans: int, others: int, settling: str, stops: bool, strategy: str
) -> None:
    """A wrong connection or a wrong column shows by their number."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        f"INSERT INTO posts SELECT n, 9 FROM generate_series(1, {orphans}) AS n",
        f"INSERT INTO posts SELECT -n, 1 FROM generate_series(1, {others}) AS n",
        "INSERT INTO posts SELECT -n - 1000000, NULL FROM generate_series(1, 3000) AS n",
    )  # fmt: skip
    write_key(project, *KEY, strategy=strategy, settling=settling)
    if stops:
        error = refused(
            project, TooManyOrphans, f"posts.user_id -> users.id: {orphans} rows? of posts (has|have) no parent"
        )
        assert "max_orphans=None" in str(error)
    else:
        project.upgrade()
        assert project.fetch("SELECT count(*) FROM posts WHERE user_id = 9") == [(0,)]


@pytest.mark.parametrize("settling", ["", "max_orphans=5", "max_orphans=1.0", "max_orphans=None"])
def test_an_empty_parent(project: Project, settling: str) -> None:
    """A parent that somebody forgot to load makes orphans of all its children, be they only one."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO posts VALUES (1, 1), (2, NULL)",
    )
    write_key(project, *KEY, settling=settling)
    if "None" in settling:
        assert there_and_back(project)["posts"] == ["(2,)"]
    else:
        refused(project, TooManyOrphans, "users is empty.* 1 row of posts")
