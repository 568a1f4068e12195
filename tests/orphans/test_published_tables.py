"""Published tables: rows that nothing identifies take no UPDATE or DELETE, and each table keeps how its rows are identified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orphans.posts import FILL, by_hand, make, quarantined

if TYPE_CHECKING:
    from project import Project


IDENTITIES = {
    "primary key": ("ALTER TABLE posts ADD PRIMARY KEY (id)", "d"),
    "no key": ("SELECT 1", "d"),
    "nothing": ("ALTER TABLE posts ADD PRIMARY KEY (id), REPLICA IDENTITY NOTHING", "n"),
    "index": ("ALTER TABLE posts ALTER id SET NOT NULL, ADD CONSTRAINT u UNIQUE (id), REPLICA IDENTITY USING INDEX u", "i"),
    "full": ("ALTER TABLE posts REPLICA IDENTITY FULL", "f"),
    "index that is gone": (
        "ALTER TABLE posts ALTER id SET NOT NULL, ADD CONSTRAINT u UNIQUE (id), REPLICA IDENTITY USING INDEX u; "
        "ALTER TABLE posts DROP CONSTRAINT u", "n",  # means the same, for PostgreSQL can't be told of no index
    ),
}  # fmt: skip
KEYLESS = {"no key", "full", "index that is gone"}


@pytest.mark.filterwarnings("ignore:.*wal_level")
@pytest.mark.parametrize(
    ("identity", "rule"),
    # Values are only taken where a key finds the row again.
    [
        *((identity, "CASCADE") for identity in IDENTITIES),
        *((identity, "SET NULL") for identity in IDENTITIES if identity not in KEYLESS),
    ],
)
@pytest.mark.parametrize("published", ["FOR ALL TABLES", "FOR TABLE posts", "FOR TABLES IN SCHEMA public"])
def test_published_tables_keep_their_replica_identity(
    project: Project, published: str, identity: str, rule: str
) -> None:
    """PostgreSQL takes no UPDATE or DELETE of published rows that nothing identifies."""
    statement, kind = IDENTITIES[identity]
    make(
        project, "CREATE TABLE posts (id int, user_id int)", FILL, *statement.split("; "),
        f"CREATE PUBLICATION all_of_it {published}",
    )  # fmt: skip
    by_hand(project, "r1", "posts", strategy="quarantine" if rule == "CASCADE" else "set_null")
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    project.upgrade()
    assert project.fetch("SELECT relreplident::text FROM pg_class WHERE relname = 'posts'") == [(kind,)]
    assert quarantined(project) == 6
    project.downgrade()
    assert project.fetch("SELECT relreplident::text FROM pg_class WHERE relname = 'posts'") == [(kind,)]
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start


@pytest.mark.parametrize("root", ["true", "false"])
def test_published_partitions_keep_their_replica_identity(project: Project, root: str) -> None:
    """Each partition has its own."""
    make(
        project, "CREATE TABLE posts (id int, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (5)", "CREATE TABLE posts_high PARTITION OF posts DEFAULT",
        "ALTER TABLE posts_low REPLICA IDENTITY NOTHING", FILL,
        f"CREATE PUBLICATION all_of_it FOR TABLE posts WITH (publish_via_partition_root = {root})",
    )  # fmt: skip
    by_hand(project, "r1", "posts")
    identities = "SELECT relname::text, relreplident::text FROM pg_class WHERE relname LIKE 'posts%' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    before = project.fetch(identities)
    project.upgrade()
    assert project.fetch(identities) == before
    assert quarantined(project) == 6
    project.downgrade()
    assert project.fetch(identities) == before
    assert project.fetch("SELECT count(*) FROM posts") == [(8,)]
