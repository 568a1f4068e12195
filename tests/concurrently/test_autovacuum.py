"""Autovacuum makes way for who waits long enough, and for nobody else."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from models import models, reference

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project
    from sqlalchemy import MetaData

LONGEST_START = 60


def posts_to_users(**rule: Any) -> MetaData:
    """Posts that refer to users."""
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


@pytest.fixture
def eager_autovacuum(project: Project) -> Iterator[None]:
    """A server that looks for work every second."""
    with project.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield
        connection.exec_driver_sql("ALTER SYSTEM RESET autovacuum_naptime")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("eager_autovacuum")
def test_one_longer_try_is_made_where_autovacuum_alone_is_in_the_way(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a second never dislodges it: it is asked to go after deadlock_timeout."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(posts_to_users())
    project.execute(
        "INSERT INTO users SELECT generate_series(1, 100)",
        "INSERT INTO posts SELECT g, 1 + g % 100 FROM generate_series(1, 50000) g",
    )
    project.metadata = posts_to_users(ondelete="CASCADE")
    project.revision()
    # A vacuum that sleeps a tenth of a second after each page.
    project.execute(
        "ALTER TABLE posts SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, "
        "autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)",
        "DELETE FROM posts WHERE id % 2 = 0",
    )
    started = monotonic()
    while not project.fetch(
        "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%public.posts%'"
    ):
        assert monotonic() - started < LONGEST_START, "no autovacuum came"
        sleep(0.1)
    caplog.set_level("INFO", "alembic.cascade")
    project.upgrade()
    tries = [record.getMessage() for record in caplog.records if "try 1 of" in record.getMessage()]
    assert "autovacuum: VACUUM" in tries[0]
    assert not [record for record in caplog.records if "try 3 of" in record.getMessage()]
    assert project.fetch("SELECT confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f'") == [
        ("c", True)
    ]
